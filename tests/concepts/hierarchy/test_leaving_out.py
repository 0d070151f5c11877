import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invert_core.concepts import Alias, ConceptSet
from invert_core.concepts.hierarchy.leaving_out import leave_out, leave_out_rare
from invert_core.errors import DataError, SettingError
from tests.concepts.hierarchy import naive
from tests.concepts.hierarchy.plain import aliases_of, labels_of, parents_of
from tests.concepts.hierarchy.random_hierarchies import edges, hierarchies

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
