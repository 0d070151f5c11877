"""Shuffled samples: every order is equally likely, and their ranks are those of the profile."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from invert_core.kernels import shuffles
from invert_core.kernels.atoms import Atoms
from invert_core.kernels.shuffles import shuffled_sums
from tests import naive

pytestmark = [
    pytest.mark.kernels,
    pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning"),
]


def seeds(number, seed=0):
    return np.random.default_rng(seed).integers(2**64, size=number, dtype=np.uint64)


def each_sample(n_samples):
    return Atoms(np.arange(n_samples, dtype=np.int32), np.ones(n_samples, np.int64))


@given(st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n))))
def test_the_ranks_are_those_of_samples_of_which_the_lowest_are_tied(case):
    n_samples, n_tied = case
    values = [0.0] * n_tied + [float(one) for one in range(1, n_samples - n_tied + 1)]
    expected = sorted(naive.doubled_midranks(values))
    for ranks in shuffled_sums(seeds(3), each_sample(n_samples), n_tied):
        assert sorted(ranks.tolist()) == expected


@pytest.mark.parametrize(("n_tied", "n_orders"), [(1, 24), (2, 12), (3, 4)])
def test_every_order_is_equally_likely(n_tied, n_orders):
    found = shuffled_sums(seeds(2_400), each_sample(4), n_tied)
    _, counts = np.unique(found, axis=0, return_counts=True)
    assert counts.size == n_orders
    assert scipy.stats.chisquare(counts).pvalue > 1e-3


@given(st.integers(2, 30), st.integers(1, 6), st.integers(0, 2**32))
def test_ranks_are_added_over_atoms(n_samples, n_atoms, seed):
    rng = np.random.default_rng(seed)
    of_sample = naive.atoms(rng.integers(0, n_atoms, (n_samples, 1)).tolist())
    atoms = Atoms(np.array(of_sample, np.int32), np.bincount(of_sample).astype(np.int64))
    alone = shuffled_sums(seeds(4, seed), each_sample(n_samples), 1)
    together = shuffled_sums(seeds(4, seed), atoms, 1)
    for ranks, sums in zip(alone, together, strict=True):
        assert np.bincount(of_sample, ranks).tolist() == sums.tolist()


def test_an_order_depends_on_its_own_seed_alone():
    atoms = each_sample(50)
    together = shuffled_sums(seeds(5), atoms, 10)
    for seed, ranks in zip(seeds(5), together, strict=True):
        assert shuffled_sums(np.array([seed]), atoms, 10)[0].tolist() == ranks.tolist()


@pytest.mark.parametrize("limit", [1, 2, 3, 2**31 + 1, 2**32 - 1, 2**32])
def test_numbers_below_a_limit_stay_below_it(limit):
    state, drawn = np.uint64(7), []
    for _ in range(200):
        state += np.uint64(0x9E3779B97F4A7C15)
        number, state = shuffles.below(np.uint64(limit), state)
        drawn.append(int(number))
    assert max(drawn) < limit
    assert len(set(drawn)) == min(limit, 200) or limit > 2**30


def test_a_limit_that_divides_no_power_of_two_is_drawn_evenly():
    # Without drawing again, the lower half would come twice as often as the upper one.
    limit, state, n_low = 3 * 2**30, np.uint64(1), 0
    for _ in range(3_000):
        state += np.uint64(0x9E3779B97F4A7C15)
        number, state = shuffles.below(np.uint64(limit), state)
        n_low += int(number) % 3 == 0
    assert scipy.stats.binomtest(n_low, 3_000, 1 / 3).pvalue > 1e-3
