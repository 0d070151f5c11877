import json
import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.concepts import Reading, build_concepts
from invert_core.concepts.sources.tables.cell_lists import divide, looks_divided
from invert_core.errors import DataError
from tests.needs import need
from tests.tables.written import write

pandas = need("pandas")

BLANKS_DIVIDE = (
    "cat dog",
    " traffic_light  wine-glass\tn01440764 ",
    "f(x) a.b c++ c# indoor/kitchen U.S. it's",
    "",
)


def build(folder, cells, *, title="tags", names=None, **reading):
    rows = [[f"s{row}", cell] for row, cell in enumerate(cells)]
    path = write(folder, ".csv", ["sample_id", title], rows)
    if title == "tags" and "classes" not in reading:
        reading = {"tags": ("tags",), **reading}
    return build_concepts(path, names, reading=Reading(**reading))


@pytest.mark.parametrize("title", ["tags", "concepts"])
@pytest.mark.parametrize(
    ("cell", "separator"),
    [
        ("cat, dog", "','"),
        ("cat,dog", "','"),
        ("traffic light, dog", "','"),
        ("cat;dog", "';'"),
        ("cat|dog", "'|'"),
        ("cat | dog", "'|'"),
        ("cat,", "','"),
        (";;", "';'"),
        ("['cat', 'dog']", "list"),
        ('["cat", "dog"]', "list"),
        ("('cat', 'dog')", "list"),
        ("{'cat', 'dog'}", "list"),
        ("['cat' 'dog']", "list"),
        ("[cat, dog]", "list"),
        ("[]", "list"),
    ],
)
def test_a_cell_that_blanks_do_not_divide_is_shown_with_the_option(
    tmp_path, title, cell, separator
):
    reading = {"tags": ("tags",)} if title == "tags" else {}
    with pytest.raises(DataError) as caught:
        build(tmp_path, ["bird", cell], title=title, **reading)
    assert f"line 3, column {title!r}: {cell!r} would be divided into" in caught.value.message
    assert f"--separator {separator}" in caught.value.hint


@pytest.mark.parametrize("cell", ['"cat" "dog"', "cat (animal)", "cat dog]", "'big cat'"])
def test_odd_ids_are_refused_until_blanks_are_asked_for(tmp_path, cell):
    with pytest.raises(DataError, match="would be divided into") as caught:
        build(tmp_path, [cell])
    assert "--separator ' '" in caught.value.hint
    assert sorted(build(tmp_path, [cell], separator=" ").id) == sorted(cell.split())


@pytest.mark.parametrize("cell", BLANKS_DIVIDE)
def test_ordinary_ids_are_not_disturbed(tmp_path, cell, caplog):
    assert build(tmp_path, ["x", cell]).id == tuple(sorted({"x", *cell.split()}))
    assert not caplog.records


@pytest.mark.parametrize(
    ("cell", "ids"),
    [
        ("['cat', 'big dog']", ("big dog", "cat")),
        ('["cat", "it\'s"]', ("cat", "it's")),
        ("('cat',)", ("cat",)),
        ("{'cat', \"dog's\"}", ("cat", "dog's")),
        (r"['it\'s', 'a\\b', 'caf\xe9']", ("a\\b", "café", "it's")),
        (r'["caf\u00e9", "a\/b"]', ("a/b", "café")),
        ("['a', 'a']", ("a",)),
        ("[1, 2]", ("1", "2")),
        ("(2.50, -1e3, 'a')", ("-1e3", "2.50", "a")),
        ('["a", 12345678901234567890, 2.50]', ("12345678901234567890", "2.50", "a")),
    ],
)
def test_lists_of_json_and_python_are_read_when_asked_for(tmp_path, cell, ids):
    found = build(tmp_path, [cell, "[]", ""], separator="list")
    assert found.id == ids
    assert found.dense().tolist() == [[True] * len(ids), [False] * len(ids), [False] * len(ids)]


@given(st.lists(st.text()))
def test_a_list_that_python_or_json_writes_is_read_back(ids):
    ids = [id for id in ids if id.isprintable()]
    assert divide(repr(ids), "list") == ids
    assert divide(json.dumps(ids), "list") == ids


@pytest.mark.parametrize(
    "cell",
    [
        *("cat", "['cat' 'dog']", "[1, null]", "['a', None]", '["a", NaN]', "[[1]]", "[1 2]"),
        *("[true]", "{'a': 1}", "[cat]", "['a\\q']"),
    ],
)
def test_what_is_no_list_of_strings_is_refused(tmp_path, cell):
    with pytest.raises(DataError, match="is not a list of strings and numbers") as caught:
        build(tmp_path, [cell], separator="list")
    assert repr(cell) in caught.value.message
    assert "--separator" in caught.value.hint


@pytest.mark.parametrize("separator", [",", ";", " "])
def test_a_list_is_no_concept_whatever_the_separator(tmp_path, separator):
    with pytest.raises(DataError, match="--separator list"):
        build(tmp_path, ["['cat', 'dog']"], separator=separator)


def test_a_list_is_neither_a_class_nor_an_id_of_a_tidy_table(tmp_path):
    with pytest.raises(DataError, match=r"is not one value.*--separator list"):
        build(tmp_path, ["['cat', 'dog']"], classes=("tags",))
    with pytest.raises(DataError, match=r"is a list.*--separator list"):
        build(tmp_path, ["['cat', 'dog']"], title="concept_id")


def test_a_separator_in_no_cell_is_said_if_another_one_is(tmp_path, caplog):
    assert build(tmp_path, ["cat, dog", "bird"], separator=";").id == ("bird", "cat, dog")
    (said,) = caplog.records
    assert said.levelno == logging.WARNING
    assert "separator ';'" in said.getMessage()
    assert "'cat, dog' looks as if --separator ',' divided it" in said.getMessage()


@pytest.mark.parametrize(
    ("cells", "separator"), [(["cat, dog", "a;b"], ";"), (["cat", "big dog"], ";"), (["a b"], ",")]
)
def test_a_separator_that_divides_or_has_no_rival_is_silent(tmp_path, cells, separator, caplog):
    build(tmp_path, cells, separator=separator)
    assert not caplog.records


def test_words_that_only_occur_side_by_side_are_said(tmp_path, caplog):
    cells = ["traffic light car", "dog traffic light", "car", "bus traffic light dog", "dog bus"]
    found = build(tmp_path, cells)
    assert found.id == ("bus", "car", "dog", "light", "traffic")
    (said,) = caplog.records
    assert said.levelno == logging.WARNING
    assert "'traffic light' only together" in said.getMessage()
    assert "--separator ';'" in said.getMessage()


@pytest.mark.parametrize(
    "cells",
    [
        # In alphabetical order what occurs together stands together.
        ["car fork knife", "cup fork knife", "fork knife spoon", "car cup"],
        # One of the words occurs alone, or behind the other.
        ["traffic light car", "dog traffic light", "bus traffic light", "light"],
        ["traffic light car", "dog traffic light", "bus light traffic", "traffic light"],
        # Too few cells.
        ["traffic light car", "dog traffic light", "car dog"],
    ],
)
def test_lists_of_words_are_not_taken_for_names(tmp_path, cells, caplog):
    build(tmp_path, cells)
    assert not caplog.records


@given(st.lists(st.permutations(["cat", "dog", "bus", "car", "cup"]), min_size=4))
def test_words_are_named_together_only_if_every_cell_has_them_so(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("words")
    logger, said = logging.getLogger("invert"), []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())
    logger.addHandler(handler)
    try:
        build(folder, [" ".join(row) for row in rows])
    finally:
        logger.removeHandler(handler)
    cells = {" ".join(row) for row in rows}
    unsorted = any(list(row) != sorted(row) for row in rows)
    side_by_side = any(
        all(re.search(rf"\b{one} {other}\b", cell) for cell in cells)
        for one in rows[0]
        for other in rows[0]
    )
    assert bool(said) == (unsorted and len(cells) >= 3 and side_by_side)


def test_words_of_a_named_concept_are_refused(tmp_path):
    names = tmp_path / "names.csv"
    names.write_text("concept_id,name\ncar,car\ntraffic_light,traffic light\n")
    with pytest.raises(DataError, match="'traffic light', but the samples carry its words"):
        build(tmp_path, ["car traffic light", "car"], names=names)
    assert build(tmp_path, ["car;traffic_light"], names=names, separator=";").name == (
        "car",
        "traffic light",
    )


def test_words_that_are_concepts_of_the_names_table_are_concepts(tmp_path):
    names = tmp_path / "names.csv"
    names.write_text("concept_id,name\nred,red\ncar,car\nrc,red car\n")
    assert build(tmp_path, ["red car", "car"], names=names).id == ("red", "car")


HOSTILE = [each * 10**6 for each in (",", "[", "('", "'")]
HOSTILE += ["a" * 10**6 + "]", "[" + "\\" * 10**6]


@pytest.mark.parametrize("separator", [None, "list"])
@pytest.mark.parametrize("cell", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_cells_are_refused_soon_in_a_sentence(tmp_path, cell, separator):
    with pytest.raises(DataError) as caught:
        build(tmp_path, ["[]" if separator else "cat", cell], separator=separator)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("separator", [" ", ","])
@pytest.mark.parametrize("cell", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_cells_are_divided_soon_where_the_separator_is_given(tmp_path, cell, separator):
    expected = {"cat", *cell.split(separator)} - {""}
    if max(map(len, expected)) > 2**16:
        with pytest.raises(DataError, match="more than 65,536"):
            build(tmp_path, ["cat", cell], separator=separator)
    else:
        assert set(build(tmp_path, ["cat", cell], separator=separator).id) == expected


def test_a_million_members_of_a_cell_count_once_each(tmp_path):
    found = build(tmp_path, ["cat;" * 10**5, ";;;", "", "dog;cat"], separator=";")
    assert found.id == ("cat", "dog")
    assert found.n_positive.tolist() == [2, 1]


@given(st.text("ab ,;|[](){}'\"", max_size=12))
def test_what_blanks_divide_has_no_edge_of_punctuation(cell):
    if looks_divided(cell):
        return
    for id in cell.split():
        assert id[0] not in ",;|[({'\""
        assert id[-1] not in ",;|'\""
