import numpy as np
import pytest
import scipy.stats

from invert_core.kernels.ties import Ties
from invert_core.statistics.conditional import METHODS, log10_p_given_ties
from tests import naive

UNITS = [[0, 0, 0, 0, 0, 0, 2, 3, 5, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [4] * 10]
EXTENT = [5, 6, 9]


def rank_sums():
    return np.array([sum(naive.doubled_midranks(unit)[i] for i in EXTENT) for unit in UNITS])


@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
def test_p_of_several_units_is_that_of_counting(alternative):
    found, _ = log10_p_given_ties(3, rank_sums(), np.arange(3), Ties.of(UNITS), alternative)
    expected = [
        naive.log10_of(naive.conditional_p(unit, 3, total, alternative))
        for unit, total in zip(UNITS, rank_sums().tolist(), strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.01)


@pytest.mark.parametrize("alternative", ["less", "greater"])
def test_p_with_ties_is_that_of_scipys_permutation_test(alternative):
    ranks = np.array(naive.doubled_midranks(UNITS[0]))
    expected = scipy.stats.permutation_test(
        (ranks[EXTENT], np.delete(ranks, EXTENT)),
        lambda inside, outside, axis: inside.sum(axis=axis),
        alternative=alternative,
        n_resamples=np.inf,
        vectorized=True,
    ).pvalue
    found, _ = log10_p_given_ties(3, rank_sums()[:1], 0, Ties.of(UNITS), alternative)
    assert 10.0 ** found[0] == pytest.approx(expected, rel=0.01, abs=0)


def test_each_p_says_how_it_was_found():
    rng = np.random.default_rng(1)
    units = [rng.random(2000), np.maximum(rng.normal(size=2000), 2.0), np.zeros(2000)]
    sizes = np.array([600, 600, 600])
    sums = sizes * 2001 + np.array([100_000, 5000, 0])
    _, method = log10_p_given_ties(sizes, sums, np.arange(3), Ties.of(units))
    assert [METHODS[number] for number in method] == ["saddlepoint", "split", "none"]
    _, method = log10_p_given_ties(1, 2 * 2000, 0, Ties.of(units))
    assert METHODS[method[()]] == "exact"


def test_shapes_broadcast():
    sums = np.array([[6, 12], [6, 12]])
    found, method = log10_p_given_ties([1, 2], sums, [[0], [1]], Ties.of(UNITS))
    assert found.shape == method.shape == (2, 2)
