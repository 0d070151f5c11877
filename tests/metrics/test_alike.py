"""Units alike equal the oracle, exactly whatever the blocks."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from invert_core.metrics import alike
from invert_core.metrics.alike import NO_UNIT, samples_to_compare, units_alike
from tests.naive.evidence import alike as naive_alike


def ranks_of(units):
    return (2 * scipy.stats.rankdata(units, axis=1)).astype(np.uint16)


def assert_is_alike(found, units):
    numbers, correlations = found
    for number, (others, of_others) in enumerate(zip(numbers, correlations, strict=True)):
        expected = naive_alike(units, number)
        n = len(expected)
        assert others.tolist() == [other for other, _ in expected] + [NO_UNIT] * (5 - n)
        assert of_others[:n] == pytest.approx([r for _, r in expected], rel=1e-6, abs=1e-7)
        assert np.isnan(of_others[n:]).all()


@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(2, 40), st.integers(1, 6))
def test_units_alike_are_those_of_the_oracle(seed, n_units, n_samples, n_values):
    rng = np.random.default_rng(seed)
    units = rng.integers(0, n_values, (n_units, n_samples)) + rng.integers(0, 2, (1, n_samples))
    assert_is_alike(units_alike(ranks_of(units)), units)


@pytest.mark.parametrize("n_samples", [360, 380, 2_048])
def test_blocks_change_nothing_and_sums_are_exact(n_samples, monkeypatch):
    rng = np.random.default_rng(n_samples)
    ranks = ranks_of(np.round(rng.normal(size=(37, n_samples)) + rng.normal(size=n_samples), 1))
    at_once = units_alike(ranks)
    centred = ranks.astype(object) - (n_samples + 1)
    products = centred @ centred.T
    squares = np.diag(products).astype(np.float64)
    exact = products.astype(np.float64) / np.sqrt(np.outer(squares, squares))
    numbers = at_once[0].astype(np.int64)
    assert at_once[1].tolist() == np.take_along_axis(exact, numbers, 1).astype("f4").tolist()
    monkeypatch.setattr(alike, "_PRODUCTS", 100)
    for one, other in zip(units_alike(ranks), at_once, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_unit_that_is_constant_on_the_samples_is_alike_to_none():
    units = np.array([[1, 2, 3], [5, 5, 5], [3, 2, 1]])
    numbers, correlations = units_alike(ranks_of(units))
    assert numbers[:, 0].tolist() == [2, NO_UNIT, 0]
    assert correlations[0, 0] == -1
    assert (numbers[:, 1:] == NO_UNIT).all()


@pytest.mark.parametrize(
    ("n_samples", "n_units", "n_compared"),
    [(90, 1, 90), (50_000, 512, 2_048), (50_000, 8_192, 1_024), (50_000, 10**6, 256)],
)
def test_few_samples_are_compared_where_there_are_many_units(n_samples, n_units, n_compared):
    chosen = samples_to_compare(n_samples, n_units, 0)
    assert chosen.size == n_compared
    assert (np.diff(chosen) > 0).all()
    assert chosen[0] >= 0
    assert chosen[-1] < n_samples
    if n_compared < n_samples:
        assert chosen.tolist() != samples_to_compare(n_samples, n_units, 1).tolist()
