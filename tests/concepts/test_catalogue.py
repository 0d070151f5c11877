from dataclasses import replace

import numpy as np
import pytest

from invert_core.concepts import Alias, ConceptSet
from invert_core.concepts.catalogue import list_concepts
from invert_core.errors import UnknownNameError

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


def test_concepts_stand_as_in_the_file_or_by_their_size():
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
