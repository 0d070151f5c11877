"""Activations come out in the order of the samples, in whatever order batches bring them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.errors import DataError
from invert_core.extraction.sample_order import in_order


def results(batches):
    """What a model would return for such batches: each value names its sample."""
    for rows in batches:
        array = np.array(rows, np.int64)
        yield array, {"a": array[:, None] * 2.0, "b": np.stack([array, -array], axis=1)}


def collected(batches, start, n_samples):
    pieces = list(in_order(results(batches), start, n_samples))
    assert all(len(piece["a"]) for piece in pieces)
    return {
        name: np.concatenate([piece[name] for piece in pieces], dtype=float) for name in ("a", "b")
    }


@st.composite
def shuffled_batches(draw):
    """Samples shuffled within windows, cut into batches, and where to begin."""
    n_samples = draw(st.integers(1, 60))
    size = draw(st.integers(1, 9))
    window = size * draw(st.integers(1, 5))
    batches = []
    for first in range(0, n_samples, window):
        rows = draw(st.permutations(range(first, min(first + window, n_samples))))
        batches += [rows[at : at + size] for at in range(0, len(rows), size)]
    start = draw(st.integers(0, n_samples - 1))
    return [rows for rows in batches if max(rows) >= start], start, n_samples


@given(shuffled_batches())
def test_rows_come_in_order_from_the_start_on(drawn):
    batches, start, n_samples = drawn
    found = collected(batches, start, n_samples)
    wanted = np.arange(start, n_samples)
    assert np.array_equal(found["a"], wanted[:, None] * 2)
    assert np.array_equal(found["b"], np.stack([wanted, -wanted], axis=1))


def test_rows_come_as_soon_as_those_before_them_are_there():
    pieces = in_order(results([[1, 3], [0, 6], [2, 4], [5]]), 0, 7)
    assert [piece["a"][:, 0].tolist() for piece in pieces] == [[0, 2], [4, 6, 8], [10, 12]]


@pytest.mark.parametrize(
    ("batches", "start", "said"),
    [
        ([[0, 1], [1, 2]], 0, "brought a sample twice"),
        ([[0, 1, 1]], 0, "brought a sample twice"),
        ([[0, 1], [3]], 0, "did not bring sample 2, but later ones"),
        ([[0, 1, 5]], 0, "brought sample 5, but announced 5"),
        ([[-1, 0]], 0, "brought sample -1"),
        ([[2, 3], [3, 4]], 2, "brought a sample twice"),
    ],
)
def test_samples_that_repeat_are_missing_or_do_not_exist_are_refused(batches, start, said):
    with pytest.raises(DataError, match=said) as caught:
        list(in_order(results(batches), start, 5))
    assert "must not change while it is read" in caught.value.hint


def test_batches_of_nothing_but_samples_before_the_start_bring_nothing():
    assert list(in_order(results([[2, 3], [4]]), 5, 5)) == []
    assert collected([[0, 1], [2, 3]], 2, 4)["a"][:, 0].tolist() == [4, 6]


def test_samples_before_the_start_may_repeat():
    assert collected([[0, 2], [0, 1, 3], [4]], 2, 5)["a"][:, 0].tolist() == [4, 6, 8]
