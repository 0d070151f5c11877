from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.concepts import Alias, ConceptSet, catalogue
from invert_core.concepts.catalogue import list_concepts, most_similar
from invert_core.errors import UnknownNameError
from tests.concepts.drawn import UNDEFINED, numbered, tables

ANIMALS = replace(
    ConceptSet.from_arrays(
        [[1, 1, 1, 0], [0, 1, -1, 0], [0, 1, -1, 0], [0, 0, 0, 1]],
        id=["n1", "n2", "n3", "n4"],
        name=["Tench", "fish", "crane", "crane"],
        definition=["freshwater game fish", "a vertebrate", "a bird", "lifts heavy loads"],
        parents=[[0, 1], [2, 1], [0, 3]],
    ),
    aliases=(Alias("n9", "Wader", 2), Alias("n8", "lifting device", 3)),
)


def ids(entries):
    return [entry.id for entry in entries]


def test_an_entry_holds_all_that_the_set_knows_of_a_concept():
    tench, _, crane, _ = list_concepts(ANIMALS)
    assert (tench.row, tench.id, tench.name) == (0, "n1", "Tench")
    assert tench.definition == "freshwater game fish"
    assert tench.parents == (1, 3)
    assert tench.aliases == ()
    assert tench.overlaps is None
    assert (crane.n_positive, crane.n_defined, crane.fraction) == (1, 2, 0.5)
    assert crane.aliases == (Alias("n9", "Wader", 2),)


def test_concepts_are_listed_as_in_the_file_or_by_size():
    assert ids(list_concepts(ANIMALS)) == ["n1", "n2", "n3", "n4"]
    assert ids(list_concepts(ANIMALS, by_count=True)) == ["n2", "n1", "n3", "n4"]
    assert ids(list_concepts(ANIMALS, by_count=True, top=2)) == ["n2", "n1"]
    assert list_concepts(ANIMALS, top=0) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("n4", ["n4"]),
        ("TENCH", ["n1"]),
        ("crane", ["n3", "n4"]),
        ("Fish", ["n2", "n1"]),
        ("loads", ["n4"]),
        ("wade", ["n3"]),
        ("n8", ["n4"]),
        (" device", ["n4"]),
        ("", ["n2", "n1", "n3", "n4"]),
    ],
)
def test_a_search_looks_into_ids_names_definitions_and_aliases(text, found):
    assert ids(list_concepts(ANIMALS, search=text, by_count=True)) == found


def test_a_search_ignores_case_in_every_script():
    concepts = ConceptSet.from_arrays(np.eye(2), id=["a", "b"], name=["STRASSE", "ÉCOLE"])
    assert ids(list_concepts(concepts, search="straße")) == ["a"]
    assert ids(list_concepts(concepts, search="école")) == ["b"]


@pytest.mark.parametrize(
    ("text", "near"),
    [("tensch", "Tench"), ("waders", "Wader"), ("lifting devise", "lifting device")],
)
def test_a_search_without_a_hit_names_what_is_near(text, near):
    with pytest.raises(UnknownNameError, match="in its id, name, definition or an alias") as caught:
        list_concepts(ANIMALS, search=text)
    assert repr(near) in caught.value.hint
    assert "invert concepts show" in caught.value.hint


def test_overlaps_are_found_for_the_concepts_listed_among_all():
    (tench,) = list_concepts(ANIMALS, search="tench", overlaps=5)
    assert [(other.concept, other.n_common) for other in tench.overlaps] == [(2, 1), (1, 1)]
    *_, crane = list_concepts(ANIMALS, overlaps=1)
    assert crane.overlaps == ()


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
    monkeypatch.setattr(catalogue, "_BLOCK", 2)
    assert most_similar(numbered(table), 4) == whole


def test_only_samples_count_on_which_both_are_defined():
    table = np.array([[1, 1], [1, -1], [1, -1], [0, 0]])
    assert plain(most_similar(numbered(table), 1)[0]) == [(1, 1, 1.0)]


def test_equally_similar_concepts_are_in_the_order_of_the_set():
    table = np.array([[1, 1, 1, 1], [0, 1, 0, 1]])
    assert [other.concept for other in most_similar(numbered(table), 3)[0]] == [2, 1, 3]
