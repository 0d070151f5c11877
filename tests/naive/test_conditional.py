"""The oracle of p given the ties, against all extents written down, SciPy and the other oracle."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats

from tests import naive
from tests.oracle import definitions

ALTERNATIVES = ("two-sided", "less", "greater")


@pytest.mark.parametrize("alternative", ALTERNATIVES)
def test_counting_by_sum_is_counting_one_by_one(alternative):
    values = [2.0, -math.inf, 2.0, 0.0, 0.5, -0.0, 7.0, 2.0]
    ranks = naive.doubled_midranks(values)
    for size in range(1, 8):
        extents = list(itertools.combinations(range(8), size))
        sums = [sum(ranks[i] for i in extent) for extent in extents]
        for extent, found in zip(extents, sums, strict=True):
            shares = {
                "less": sum(each <= found for each in sums) / len(sums),
                "greater": sum(each >= found for each in sums) / len(sums),
            }
            shares["two-sided"] = {
                -1: min(1.0, 2 * shares["less"]),
                0: 1.0,
                1: min(1.0, 2 * shares["greater"]),
            }[int(np.sign(found - 9 * size))]
            log10_p = naive.log10_p_given_ties(values, set(extent), alternative)
            assert log10_p == pytest.approx(math.log10(shares[alternative]), abs=1e-12)


@pytest.mark.parametrize("alternative", ALTERNATIVES)
def test_without_ties_it_is_the_exact_test_of_scipy(alternative):
    rng = np.random.default_rng(0)
    for size in (1, 7, 20, 33):
        values, extent = rng.normal(size=40), rng.permutation(40) < size
        values[extent] += 0.5
        found = naive.log10_p_given_ties(
            values, set(np.flatnonzero(extent).tolist()), alternative
        )
        p = scipy.stats.mannwhitneyu(
            values[extent], values[~extent], alternative=alternative, method="exact"
        ).pvalue
        assert 10**found == pytest.approx(p, rel=1e-10)


@pytest.mark.parametrize("n_levels", [2, 4, 9, 1000])
def test_counting_in_floats_is_counting_in_integers(n_levels):
    rng = np.random.default_rng(n_levels)
    for n_samples in (9, 64, 90):
        values = rng.integers(0, n_levels, n_samples).tolist()
        for size in {1, 2, n_samples // 3, n_samples - 2}:
            # From the noisy highest values, so that the tails that are far out are seen, too.
            noisy = np.array(values) + n_levels * rng.random(n_samples)
            chosen = np.argsort(noisy)[-size:].tolist()
            ranked = definitions.RankedSamples(values, (1 << n_samples) - 1)
            exact = definitions.test_of(ranked, sum(1 << i for i in chosen)).log10_p
            assert naive.log10_p_given_ties(values, set(chosen)) == pytest.approx(exact, abs=1e-11)
