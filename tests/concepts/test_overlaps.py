from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from invert_core.concepts import catalogue as overlaps
from invert_core.concepts.catalogue import most_similar
from tests.concepts.drawn import UNDEFINED, numbered, tables


def similar_by_sets(table, row, count):
    """The same from sets of samples, compared as exact fractions."""
    true = [set(np.flatnonzero(column == 1)) for column in table.T]
    defined = [set(np.flatnonzero(column != UNDEFINED)) for column in table.T]
    found = []
    for other in range(table.shape[1]):
        where = defined[row] & defined[other]
        common = true[row] & true[other]
        if other != row and common:
            jaccard = Fraction(len(common), len((true[row] | true[other]) & where))
            found.append((-jaccard, other, len(common)))
    return [(other, n, float(-jaccard)) for jaccard, other, n in sorted(found)[:count]]


def plain(similar):
    return [(other.concept, other.n_common, other.jaccard) for other in similar]


@given(tables(), st.integers(1, 4))
def test_the_most_similar_concepts_are_those_of_the_definition(table, count):
    found = most_similar(numbered(table), count)
    expected = [similar_by_sets(table, row, count) for row in range(table.shape[1])]
    assert [plain(similar) for similar in found] == expected


def test_some_concepts_are_compared_with_all_others():
    table = np.random.default_rng(0).random((70, 9)) < 0.4
    concepts = numbered(table)
    of_all = most_similar(concepts, 3)
    assert most_similar(concepts, 3, [7, 2]) == [of_all[7], of_all[2]]
    assert most_similar(concepts, 3, []) == []


def test_blocks_of_concepts_make_no_difference(monkeypatch):
    table = np.random.default_rng(1).integers(-1, 2, (65, 7))
    whole = most_similar(numbered(table), 4)
    monkeypatch.setattr(overlaps, "_BLOCK", 2)
    assert most_similar(numbered(table), 4) == whole


def test_only_samples_count_on_which_both_are_defined():
    table = np.array([[1, 1], [1, -1], [1, -1], [0, 0]])
    assert plain(most_similar(numbered(table), 1)[0]) == [(1, 1, 1.0)]


def test_equally_similar_concepts_stand_in_the_order_of_the_set():
    table = np.array([[1, 1, 1, 1], [0, 1, 0, 1]])
    assert [other.concept for other in most_similar(numbered(table), 3)[0]] == [2, 1, 3]
