"""Columns of 0 and 1 beside columns of other kinds, and indices that pandas wrote."""

import logging

import pytest

from invert_core.concepts import read_concepts
from invert_core.concepts.building import build_concepts
from invert_core.concepts.sources.source import Reading
from invert_core.errors import DataError, UnknownNameError
from tests.tables.written import saved

SHEET = "sample_id,class,striped,outdoor\na,tiger,yes,1\nb,dog,no,\nc,tiger,Yes,0.00\n"


@pytest.mark.parametrize(
    "marks", [("striped", "outdoor"), ("*",), ("str*", "outd??r"), ("*", "outdoor")]
)
def test_columns_of_labels_are_read_beside_classes(tmp_path, marks):
    found = build_concepts(
        saved(tmp_path, SHEET), reading=Reading(classes=("class",), marks=marks), missing="exclude"
    )
    assert found.id == ("class.dog", "class.tiger", "striped", "outdoor")
    assert found.dense().astype(int).tolist() == [[0, 1, 1, 1], [1, 0, 0, 0], [0, 1, 1, 0]]
    assert found.n_defined.tolist() == [3, 3, 3, 2]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("sample_id,a\nx,maybe\n", "line 2, column 'a': 'maybe' is not a label"),
        ("sample_id,a\nx,yes\ny,1\n", "column 'a' mixes labels of several kinds"),
    ],
)
def test_other_cells_are_refused(tmp_path, content, words):
    with pytest.raises(DataError, match=words):
        build_concepts(saved(tmp_path, content), reading=Reading(marks=("a",)))


@pytest.mark.parametrize("title", ["stripes", "x*"])
def test_columns_that_no_source_has_are_named(tmp_path, title):
    with pytest.raises(UnknownNameError, match=f"'{title[:-1]}.', which --marks names"):
        build_concepts(saved(tmp_path, SHEET), reading=Reading(marks=(title,)))


@pytest.mark.parametrize(("values", "warned"), [("yes no", 1), ("0 1", 1), ("tiger no", 0)])
def test_labels_that_are_read_as_classes_are_said_to_be(tmp_path, caplog, values, warned):
    one, other = values.split()
    path = saved(tmp_path, f"sample_id,striped\na,{one}\nb,{other}\n")
    build_concepts(path, reading=Reading(classes=("striped",)))
    assert caplog.text.count("use: --marks striped") == warned


@pytest.mark.parametrize("title", ["", "Unnamed: 0"])
def test_an_index_beside_sample_ids_is_no_concept(tmp_path, caplog, title):
    found = read_concepts(saved(tmp_path, f"{title},sample_id,cat\n0,a,1\n1,b,0\n"))
    assert (found.id, found.sample_id) == (("cat",), ("a", "b"))
    assert f"ignored the column {title!r}, which holds whole numbers" in caplog.text
    with pytest.raises(DataError, match=r"line 3: the column .* has no title of its own, but cont"):
        read_concepts(saved(tmp_path, f"{title},sample_id,cat\n0,a,1\nz,b,0\n"))


@pytest.mark.parametrize("title", ["", "Unnamed: 0"])
def test_an_index_that_may_not_be_the_sample_ids_is_asked_about(tmp_path, title):
    path = saved(tmp_path, f"{title},image,kind\n0,a,x\n1,b,y\n")
    with pytest.raises(
        DataError, match="holds whole numbers, as pandas writes its index"
    ) as caught:
        build_concepts(path, reading=Reading(classes=("kind",)))
    assert "--id-column image" in caught.value.hint
    read = {name: Reading(classes=("kind",), id_column=name) for name in ("image", title)}
    assert build_concepts(path, reading=read["image"]).sample_id == ("a", "b")
    assert build_concepts(path, reading=read[title]).sample_id == ("0", "1")
    with pytest.raises(
        DataError, match="'a' is not a label, and the first column has no"
    ) as caught:
        read_concepts(saved(tmp_path, f"{title},image,cat\n0,a,1\n1,b,0\n"))
    assert "--id-column image" in caught.value.hint


def test_an_index_beside_concepts_alone_holds_the_sample_ids_with_a_word(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "invert"):
        found = read_concepts(saved(tmp_path, ",cat,dog\n0,1,0\n1,0,1\n"))
    assert found.sample_id == ("0", "1")
    assert "its whole numbers are the sample ids" in caplog.text
    caplog.clear()
    read_concepts(saved(tmp_path, ",cat,dog\na.jpg,1,0\nb.jpg,0,1\n"))
    assert not caplog.text


def test_a_column_of_numbers_is_said_to_be_for_groups_and_thresholds(tmp_path):
    path = saved(tmp_path, "sample_id,the age\nx,1\ny,35.5\n")
    with pytest.raises(DataError, match=r"'35\.5' is not a label") as caught:
        build_concepts(path, reading=Reading(marks=("*",)))
    assert "--bin 'the age':4 or --threshold 'the age':0.5" in caught.value.hint
    assert "--classes" not in caught.value.hint


@pytest.mark.parametrize("reading", [Reading(), Reading(marks=("*",))])
def test_sample_ids_beside_an_index_are_asked_for_in_every_form(tmp_path, reading):
    with pytest.raises(DataError, match=r"'x\.jpg' is not a label, and the first col") as caught:
        build_concepts(saved(tmp_path, ",path,a\n0,x.jpg,1\n1,y.jpg,0\n"), reading=reading)
    assert "--id-column path" in caught.value.hint


@pytest.mark.parametrize("reading", [Reading(), Reading(marks=("a",))])
def test_minus_one_cannot_be_a_value_among_labels(tmp_path, reading):
    path = saved(tmp_path, "sample_id,a\nx,1\ny,-1\n")
    with pytest.raises(DataError, match="-1=value is for numbers, classes and tags only") as caught:
        build_concepts(path, reading=reading, missing="exclude,-1=value")
    assert "-1=negative" in caught.value.hint
