import logging

import numpy as np
import pytest
from hypothesis import given

from invert_core.concepts.sets.missing import resolve_missing
from invert_core.errors import DataError, SettingError
from tests.concepts.contents import contents
from tests.concepts.drawn import UNDEFINED, numbered, tables

TABLE = np.array([[1, -1, 0, 1], [0, -1, -1, 1], [1, 1, 0, 0]])


def test_missing_labels_are_refused_with_their_number_and_the_concepts_that_lack_most():
    with pytest.raises(DataError, match="3 labels of 2 concepts are missing") as caught:
        resolve_missing(numbered(TABLE), "error")
    assert "most of them of 'c1', 'c2'." in caught.value.message
    assert "--missing negative" in caught.value.hint
    assert "--missing exclude" in caught.value.hint


def test_one_missing_label_is_one():
    with pytest.raises(DataError, match=r"1 label of 1 concept is missing \(.*\): 'c0'\."):
        resolve_missing(numbered(TABLE[:, 2:]), "error")


def test_taking_missing_labels_for_0_is_logged(caplog):
    with caplog.at_level(logging.INFO, "invert"):
        found = resolve_missing(numbered(TABLE), "negative")
    assert contents(found) == contents(numbered(np.maximum(TABLE, 0)))
    assert "3 missing labels of 2 concepts taken for 0." in caplog.text


@given(tables())
def test_the_ways_differ_only_where_labels_are_missing(table):
    concepts = numbered(table)
    assert contents(resolve_missing(concepts, "exclude")) == contents(concepts)
    negative = resolve_missing(concepts, "negative")
    assert contents(negative) == contents(numbered(np.maximum(table, 0)))
    if (table == UNDEFINED).any():
        with pytest.raises(DataError):
            resolve_missing(concepts, "error")
    else:
        assert contents(resolve_missing(concepts, "error")) == contents(concepts)


def test_an_unknown_way_is_refused_even_where_nothing_is_missing():
    with pytest.raises(SettingError, match=r"cannot be 'drop'.*error, negative, exclude"):
        resolve_missing(numbered(np.eye(2)), "drop")
