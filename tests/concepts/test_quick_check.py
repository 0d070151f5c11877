from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.concepts import quick_check
from invert_core.concepts.quick_check import ConceptCheck, check_concepts
from tests.concepts.drawn import UNDEFINED, numbered, tables


def checked_by_columns(table):
    """The same from the columns of the table as tuples."""
    n_samples, n_concepts = table.shape
    columns = {f"c{place}": tuple(column) for place, column in enumerate(table.T.tolist())}
    kinds = {id: set(column) - {UNDEFINED} for id, column in columns.items()}
    others = sorted((id for id in kinds if kinds[id] == {0, 1}), key=columns.get)
    groups = [tuple(sorted(group)) for _, group in groupby(others, columns.get)]
    missing = int((table == UNDEFINED).sum())
    n_labels = table.size - missing
    return ConceptCheck(
        n_concepts=n_concepts,
        n_samples=n_samples,
        density=int((table == 1).sum()) / n_labels if n_labels else 0.0,
        n_missing=missing,
        n_bare_samples=sum(1 not in row for row in table.tolist()),
        empty=tuple(id for id in kinds if kinds[id] == {0}),
        full=tuple(id for id in kinds if kinds[id] == {1}),
        nowhere=tuple(id for id in kinds if not kinds[id]),
        equal=tuple(sorted(group for group in groups if len(group) > 1)),
    )


@given(tables(max_concepts=9, n_samples=st.integers(1, 3)) | tables())
def test_what_is_found_agrees_with_the_columns_of_the_table(table):
    assert check_concepts(numbered(table)) == checked_by_columns(table)


def test_equal_hashes_alone_make_no_group(monkeypatch):
    table = np.array([[1, 0, 1, 1, 0], [0, 1, 0, 0, 1], [0, 0, 0, 1, -1], [0, 0, 0, 1, 1]])
    found = check_concepts(numbered(table))
    monkeypatch.setattr(quick_check, "_hash", lambda concepts, row: 0)
    assert check_concepts(numbered(table)) == found
    assert found.equal == (("c0", "c2"),)


@pytest.mark.parametrize("undefined", [0, UNDEFINED])
def test_concepts_differ_when_they_are_defined_on_other_samples(undefined):
    table = np.array([[1, 1], [0, undefined], [0, 0]])
    assert check_concepts(numbered(table)).equal == ((("c0", "c1"),) if not undefined else ())
