"""Samples of other sources for concepts that are there."""

import logging
from dataclasses import replace

import numpy as np
import pytest

from invert_core.concepts import (
    Alias,
    ConceptSet,
    Reading,
    add_samples,
    append_samples,
    build_concepts,
    write_concepts,
)
from invert_core.errors import DataError, SettingError
from tests.concepts.contents import contents

OLD = ConceptSet.from_arrays(
    [[1, 0], [0, 1], [1, 1]], ["cat", "dog"], ["Cat", "Dog"], sample_id=["x", "y", "z"]
)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a concept file, and copies of two of its samples with a mark."""
    monkeypatch.chdir(tmp_path)
    write_concepts("old.h5", OLD)
    (tmp_path / "marked.csv").write_text("sample_id,mark\nx-marked,1\ny-marked,1\n")
    return tmp_path


def defined(concepts):
    """The labels as a table, None where they are undefined."""
    known = np.stack([concepts.defined_on(id) for id in concepts.id], axis=1)
    return np.where(known, concepts.dense().astype(object), None).tolist()


def test_marked_copies_get_the_mark_and_the_originals_are_known_to_lack_it(here, caplog):
    with caplog.at_level(logging.INFO, "invert"):
        both = add_samples("old.h5", "marked.csv", new_negative=True, missing="exclude")
    assert both.sample_id == ("x", "y", "z", "x-marked", "y-marked")
    assert (both.id, both.name) == (("cat", "dog", "mark"), ("Cat", "Dog", "mark"))
    assert defined(both) == [
        [True, False, False],
        [False, True, False],
        [True, True, False],
        [None, None, True],
        [None, None, True],
    ]
    assert [record.message for record in caplog.records] == [
        "3 labels of 1 new concept taken for 0 on samples of 'old.h5'.",
        "Labels that stay undefined: 4 labels of 2 concepts ('cat', 'dog') that only 'old.h5' has, "
        "on samples of 'marked.csv'.",
    ]


def test_what_is_missing_is_undefined_or_false_as_asked(here):
    excluded = add_samples("old.h5", ["marked.csv"], missing="exclude")
    appended = append_samples(OLD, build_concepts("marked.csv"))
    assert contents(excluded) == contents(appended)
    negative = add_samples("old.h5", "marked.csv", missing="negative")
    assert negative.defined is None
    np.testing.assert_array_equal(negative.bits, excluded.bits)


def test_missing_labels_are_counted_by_what_they_lack(here):
    (here / "more.csv").write_text("sample_id,mark,dog\nu,1,\nv,,1\n")
    with pytest.raises(DataError) as caught:
        add_samples("old.h5", "more.csv")
    assert str(caught.value).startswith(
        "Missing labels: 2 labels of 1 concept ('cat') that only 'old.h5' has, on samples of "
        "'more.csv'; 3 labels of 1 concept ('mark') that only 'more.csv' has, on samples of "
        "'old.h5'; 2 labels of 2 concepts ('dog', 'mark') that are blank, NaN or -1 in their "
        "source. Give --missing negative"
    )
    assert "--new-negative" in str(caught.value)
    with pytest.raises(DataError) as caught:
        add_samples("old.h5", "more.csv", new_negative=True)
    assert "that only 'more.csv' has" not in str(caught.value)
    assert "--new-negative" not in str(caught.value)


def test_nothing_is_missing_where_the_source_labels_all_old_concepts(here):
    (here / "more.csv").write_text("sample_id,dog,cat\nu,1,0\n")
    assert defined(add_samples("old.h5", "more.csv"))[-1] == [False, True]


def test_labels_that_are_blank_in_the_old_file_are_not_filled_for_new_concepts(here):
    table = [[1, np.nan], [np.nan, 0]]
    old = ConceptSet.from_arrays(table, ["cat", "dog"], sample_id=["x", "y"])
    write_concepts("blank.h5", replace(old, aliases=(Alias("hound", "Hound", 1),)))
    (here / "more.csv").write_text("sample_id,cat,dog,hound,mark\nu,1,0,1,1\n")
    both = add_samples("blank.h5", "more.csv", new_negative=True, missing="exclude")
    assert both.id == ("cat", "dog", "hound", "mark")
    assert defined(both) == [
        [True, None, None, False],
        [None, False, False, False],
        [True, False, True, True],
    ]


@pytest.mark.parametrize("n_old", [63, 64, 65])
def test_missing_labels_are_counted_at_the_edges_of_words(tmp_path, n_old):
    names = [[f"s{row}" for row in range(n_old)], [f"t{row}" for row in range(3)]]
    for file, concept, samples in zip(("a.h5", "b.h5"), "ab", names, strict=True):
        labels = np.ones((len(samples), 1))
        write_concepts(
            tmp_path / file, ConceptSet.from_arrays(labels, [concept], sample_id=samples)
        )
    with pytest.raises(DataError, match=rf"3 labels of .* \('a'\).*; {n_old} labels of .* \('b'\)"):
        add_samples(tmp_path / "a.h5", tmp_path / "b.h5")


def test_several_sources_are_joined_and_read_as_told(here):
    (here / "tags.csv").write_text("file,kinds\nu,cat;dog\nv,dog\n")
    (here / "mark.csv").write_text("file,mark\nv,0\nw,1\n")
    reading = Reading(id_column="file", tags=("kinds",), separator=";")
    with pytest.raises(DataError, match="--join"):
        add_samples("old.h5", ["tags.csv", "mark.csv"], reading=reading)
    both = add_samples(
        "old.h5", ["tags.csv", "mark.csv"], reading=reading, join="outer", missing="exclude"
    )
    assert both.sample_id == ("x", "y", "z", "u", "v", "w")
    assert defined(both)[3:] == [[True, True, None], [False, True, False], [None, None, True]]


def test_a_table_names_all_concepts(here):
    (here / "names.csv").write_text("concept_id,name\nmark,Mark\ncat,Felis\n")
    both = add_samples("old.h5", "marked.csv", "names.csv", missing="negative")
    assert (both.id, both.name) == (("mark", "cat", "dog"), ("Mark", "Felis", "Dog"))


def test_an_unknown_way_to_treat_missing_labels_is_refused_before_anything_is_read(here):
    with pytest.raises(SettingError, match="error, negative, exclude"):
        add_samples("gone.h5", "gone.csv", missing="zero")
