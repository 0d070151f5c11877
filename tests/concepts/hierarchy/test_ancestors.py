import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invert_core.concepts import Alias, ConceptSet
from invert_core.concepts.hierarchy.ancestors import add_ancestors
from invert_core.concepts.hierarchy.hierarchy import Hierarchy
from invert_core.errors import DataError, SettingError
from tests.concepts.hierarchy import naive
from tests.concepts.hierarchy.plain import labels_of, parents_of
from tests.concepts.hierarchy.random_hierarchies import (
    edges,
    hierarchies,
    labelled,
    own_edges,
)

PETS = Hierarchy(
    "pets",
    {
        "pug": ("dog",),
        "cat": ("pet", "feline"),
        "dog": ("pet", "canine"),
        "pet": ("animal",),
        "canine": ("animal",),
        "feline": ("animal",),
        "animal": (),
    },
    {"pug": "Pug", "dog": "Dog", "pet": "Pet"},
    {"pug": "a small dog", "dog": "barks", "animal": "lives"},
)


@settings(max_examples=50)
@given(hierarchies(), labelled(), st.integers(1, 3), st.data())
def test_labels_and_edges_are_those_of_plain_sets(parents, concepts, min_chains, data):
    ids, labels = concepts
    own = data.draw(own_edges(ids, parents))
    rows = [[ids.index(child), ids.index(parent)] for child, parent in own]
    before = ConceptSet.from_arrays(labels, id=ids, parents=rows)
    found = add_ancestors(before, Hierarchy("it", parents), min_chains)
    assert labels_of(found) == naive.with_ancestors(
        labels_of(before), own, edges(parents), min_chains
    )
    assert found.id[: len(ids)] == tuple(ids)
    assert parents_of(found) == naive.connected(found.id, edges(parents)) | set(own)


def test_ancestors_follow_breadth_first_and_have_names_and_definitions():
    found = add_ancestors(
        ConceptSet.from_arrays(
            np.eye(2),
            id=["cat", "pug"],
            name=["Tom", "pug"],
            definition=["", "mine"],
            sample_id=["x", "y"],
        ),
        PETS,
    )
    assert found.id == ("cat", "pug", "pet", "feline", "dog", "animal", "canine")
    assert found.name == ("Tom", "Pug", "Pet", "feline", "Dog", "animal", "canine")
    assert found.definition == ("", "mine", "", "", "barks", "lives", "")
    assert found.sample_id == ("x", "y")
    assert found.dense().astype(int).tolist() == [[1, 0, 1, 1, 0, 1, 0], [0, 1, 1, 0, 1, 1, 1]]


def test_a_concept_of_the_sources_above_another_keeps_its_own_labels_and_gains_those():
    found = add_ancestors(
        ConceptSet.from_arrays([[1, 0], [0, -1], [0, 0], [-1, 1]], id=["dog", "pug"]), PETS
    )
    assert labels_of(found)["dog"] == [True, None, False, True]
    assert labels_of(found)["animal"] == [True, None, False, True]


def test_parents_of_the_sources_stay_and_come_first():
    found = add_ancestors(
        ConceptSet.from_arrays(np.eye(3), id=["pug", "dog", "mine"], parents=[[0, 2], [0, 1]]), PETS
    )
    named = [(found.id[child], found.id[parent]) for child, parent in found.parents.tolist()]
    assert named[:2] == [("pug", "mine"), ("pug", "dog")]
    assert len(set(named)) == len(named)
    assert set(named[2:]) == {
        ("dog", "pet"),
        ("dog", "canine"),
        ("pet", "animal"),
        ("canine", "animal"),
    }


def test_an_alias_that_the_hierarchy_knows_is_a_concept_again():
    before = ConceptSet.from_arrays([[1, 0], [-1, 1], [0, 1]], id=["pug", "cat"])
    aliases = (Alias("dog", "Dog", 0), Alias("other", "Other", 1))
    with_aliases = ConceptSet(**vars_of(before) | {"aliases": aliases})
    found = add_ancestors(with_aliases, PETS)
    assert found.id[:3] == ("pug", "cat", "dog")
    assert found.name[2] == "Dog"
    assert found.definition[2] == "barks"
    assert labels_of(found)["dog"] == [True, None, False]
    assert found.aliases == aliases[1:]


def vars_of(concepts):
    return {name: getattr(concepts, name) for name in ConceptSet.__dataclass_fields__}


def test_what_the_hierarchy_does_not_know_is_counted_and_what_is_added_too(caplog):
    with caplog.at_level(logging.INFO, "invert"):
        found = add_ancestors(
            ConceptSet.from_arrays(np.eye(3), id=["lamp", "cat", "pug"]), PETS, min_chains=2
        )
    assert found.id == ("lamp", "cat", "pug", "pet", "animal")
    assert "1 concept of the sources is not in pets and stays without ancestors: 'lamp'." in (
        caplog.text
    )
    assert "2 ancestors added from pets; 3 with fewer than 2 chains left out." in caplog.text


def test_ids_that_no_hierarchy_knows_are_shown_beside_its_own():
    with pytest.raises(
        DataError, match="sources have ids like 'n1', 'n2', the hierarchy"
    ) as caught:
        add_ancestors(ConceptSet.from_arrays(np.eye(2), id=["n1", "n2"]), PETS)
    assert "the hierarchy has ids like 'pug', 'cat', 'dog' and 4 more" in str(caught.value)
    assert caught.value.hint


def test_parents_of_the_sources_that_contradict_the_hierarchy_are_refused():
    concepts = ConceptSet.from_arrays(np.eye(2), id=["dog", "pug"], parents=[[0, 1]])
    with pytest.raises(DataError, match="contradict pets: 'dog' -> 'pug' -> 'dog'") as caught:
        add_ancestors(concepts, PETS)
    assert caught.value.hint


def test_no_chain_is_too_few():
    with pytest.raises(SettingError, match="number of chains is 0"):
        add_ancestors(ConceptSet.from_arrays(np.eye(1), id=["pug"]), PETS, 0)
