import logging
from dataclasses import replace

import numpy as np
from hypothesis import given, settings

from invert_core.concepts import Alias, ConceptSet
from invert_core.concepts.hierarchy.ancestors import add_ancestors
from invert_core.concepts.hierarchy.hierarchy import Hierarchy
from invert_core.concepts.hierarchy.leaving_out import merge_equal
from invert_core.formula.formula import Formula
from tests.concepts.hierarchy import naive
from tests.concepts.hierarchy.plain import aliases_of, labels_of, parents_of
from tests.concepts.hierarchy.random_hierarchies import hierarchies, labelled


@settings(max_examples=50)
@given(hierarchies(), labelled())
def test_merging_is_that_of_plain_sets(parents, concepts):
    ids, labels = concepts
    before = add_ancestors(ConceptSet.from_arrays(labels, id=ids), Hierarchy("it", parents))
    found = merge_equal(before)
    into = naive.stand_ins(labels_of(before), before.id, parents_of(before))
    assert found.id == tuple(id for id in before.id if into[id] == id)
    assert aliases_of(found) == {id: other for id, other in into.items() if id != other}
    assert labels_of(found).items() <= labels_of(before).items()
    assert parents_of(found) == naive.connected(found.id, parents_of(before))
    for alias in found.aliases:
        assert labels_of(before)[alias.id] == labels_of(found)[found.id[alias.concept]]


def test_a_chain_is_merged_into_the_lowest_which_takes_over_the_parents(caplog):
    chain = ConceptSet.from_arrays(
        [[1, 1, 1, 1], [0, 0, 0, 1]],
        id=["low", "middle", "high", "top"],
        name=["Low", "Middle", "High", "Top"],
        parents=[[0, 1], [1, 2], [2, 3]],
    )
    with caplog.at_level(logging.INFO, "invert"):
        found = merge_equal(chain)
    assert found.id == ("low", "top")
    assert found.aliases == (Alias("middle", "Middle", 0), Alias("high", "High", 0))
    assert found.parents.tolist() == [[0, 1]]
    assert "2 concepts have the labels of a child and are merged into it." in caplog.text


def test_of_several_children_the_first_takes_the_parent_and_the_others_stay():
    concepts = ConceptSet.from_arrays(
        [[1, 1, 1, 1, 0], [0, 0, 0, 1, 1]],
        id=["parent", "second", "third", "top", "other"],
        parents=[[2, 0], [1, 0], [0, 3]],
    )
    found = merge_equal(concepts)
    assert found.id == ("second", "third", "top", "other")
    assert aliases_of(found) == {"parent": "second"}
    assert parents_of(found) == {("second", "top"), ("third", "top")}


def test_what_is_defined_elsewhere_is_not_merged():
    concepts = ConceptSet.from_arrays([[1, 1], [0, -1]], id=["a", "b"], parents=[[0, 1]])
    assert merge_equal(concepts) is concepts


def test_equal_concepts_without_an_edge_are_not_merged():
    concepts = ConceptSet.from_arrays([[1, 1], [0, 0]], id=["a", "b"])
    assert merge_equal(concepts) is concepts


def test_aliases_of_what_is_merged_are_aliases_of_the_child():
    concepts = ConceptSet.from_arrays(
        [[0, 1, 1], [1, 0, 0]], id=["z", "child", "parent"], parents=[[1, 2]]
    )
    found = merge_equal(replace(concepts, aliases=(Alias("old", "Old", 2),)))
    assert found.aliases == (Alias("old", "Old", 1), Alias("parent", "parent", 1))


def test_a_formula_finds_an_alias_by_its_id():
    concepts = ConceptSet.from_arrays(
        [[1, 1, 0], [0, 0, 1], [-1, -1, 1]],
        id=["pug", "dog", "cat"],
        name=["Pug", "Dog", "Cat"],
        parents=[[0, 1]],
    )
    merged = merge_equal(concepts)
    formula = Formula.parse("~dog & cat")
    np.testing.assert_array_equal(formula.evaluate(merged), formula.evaluate(concepts))
    np.testing.assert_array_equal(formula.defined_on(merged), formula.defined_on(concepts))
    assert formula.describe(merged) == "~Dog & Cat"
