import logging
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invert_core.concepts import Alias, ConceptSet
from invert_core.concepts.hierarchy.ancestors import add_ancestors
from invert_core.concepts.hierarchy.hierarchy import Hierarchy
from invert_core.concepts.hierarchy.leaving_out import leave_out, leave_out_rare, merge_equal
from invert_core.errors import DataError, SettingError
from invert_core.formula.formula import Formula
from tests.concepts.hierarchy import naive
from tests.concepts.hierarchy.plain import aliases_of, labels_of, parents_of
from tests.concepts.hierarchy.random_hierarchies import edges, hierarchies, labelled

NESTED = ConceptSet.from_arrays(
    [[1, 1, 1], [0, 0, 1], [0, -1, 1]], id=["a", "b", "c"], parents=[[0, 1], [1, 2]]
)


@settings(max_examples=50)
@given(hierarchies(), st.data())
def test_what_is_kept_is_connected_over_what_is_not(parents, data):
    ids = data.draw(st.permutations(list(parents)))
    place = {id: row for row, id in enumerate(ids)}
    concepts = ConceptSet.from_arrays(
        np.eye(len(ids)),
        id=ids,
        parents=[[place[child], place[parent]] for child, parent in edges(parents)],
    )
    kept = np.array(data.draw(st.lists(st.booleans(), min_size=len(ids), max_size=len(ids))))
    kept[data.draw(st.integers(0, len(ids) - 1))] = True
    found = leave_out(concepts, kept)
    assert found.id == tuple(id for id, stays in zip(ids, kept, strict=True) if stays)
    assert parents_of(found) == naive.connected(found.id, edges(parents))
    assert labels_of(found).items() <= labels_of(concepts).items()


def test_a_circle_over_what_is_left_out_is_no_edge():
    circular = ConceptSet.from_arrays(np.eye(2), id=["a", "b"], parents=[[0, 1], [1, 0]])
    assert parents_of(leave_out(circular, np.array([True, False]))) == set()


def test_aliases_go_with_their_concept():
    aliases = (Alias("x", "x", 0), Alias("y", "y", 2))
    concepts = ConceptSet(
        NESTED.bits, 3, NESTED.id, NESTED.name, NESTED.definition, None, NESTED.parents,
        NESTED.defined, aliases,
    )  # fmt: skip
    assert aliases_of(leave_out(concepts, np.array([False, True, True]))) == {"y": "c"}


def test_rare_concepts_are_left_out_and_counted(caplog):
    with caplog.at_level(logging.INFO, "invert"):
        found = leave_out_rare(NESTED, 2)
    assert found.id == ("c",)
    assert "2 concepts are true on fewer than 2 samples and left out." in caplog.text
    assert leave_out_rare(NESTED, 1) is NESTED


def test_undefined_labels_do_not_count_as_true():
    concepts = ConceptSet.from_arrays([[1, 1], [-1, 1]], id=["a", "b"])
    assert leave_out_rare(concepts, 2).id == ("b",)


def test_a_count_that_no_concept_has_is_refused():
    with pytest.raises(DataError, match=r"No concept is true on 4 samples.*largest is true on 3"):
        leave_out_rare(NESTED, 4)
    with pytest.raises(SettingError, match="least count is -1"):
        leave_out_rare(NESTED, -1)


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
