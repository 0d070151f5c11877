import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.kernels.atoms import Atoms
from invert_core.kernels.ranks import rank_sums
from invert_core.kernels.ties import Ties
from invert_core.testing import strategies
from tests import naive
from tests.kernels.tunings import tunings

pytestmark = [
    pytest.mark.kernels,
    pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning"),
]


class Stored:
    """Units of which only some values are stored."""

    def __init__(self, units):
        self._units = units

    def __len__(self):
        return len(self._units)

    def __getitem__(self, unit):
        return self._units[unit]


def each_sample(n_samples):
    return Atoms(np.arange(n_samples, dtype=np.int32), np.ones(n_samples, np.int64))


def assert_equals_oracle(found, values, of_sample):
    sums, tie_sums, ties = found
    ranks = naive.doubled_midranks(values)
    expected = [
        sum(rank for rank, atom in zip(ranks, of_sample, strict=True) if atom == number)
        for number in range(max(of_sample) + 1)
    ]
    assert sums[0].tolist() == expected
    assert tie_sums == [naive.tie_sum(values)]
    assert list(zip(ties.below.tolist(), ties.size.tolist(), strict=True)) == naive.large_ties(
        values
    )
    assert ties.first.tolist() == [0, ties.size.size]
    assert ties.n_samples.tolist() == [len(values)]


def grouped(rng, n_samples):
    """Return the atoms of samples: one, three, about a third as many as samples, or all."""
    n_atoms = rng.choice([1, 3, max(1, n_samples // 3), 10**6])
    of_sample = naive.atoms(rng.integers(0, n_atoms, (n_samples, 1)).tolist())
    return Atoms(np.array(of_sample, np.int32), np.bincount(of_sample).astype(np.int64))


@given(strategies.n_samples().flatmap(strategies.activations), st.integers(0, 2**32 - 1), tunings())
def test_ranks_added_over_atoms_equal_the_oracle(activations, seed, tuning):
    values = activations[:, 0]
    atoms = grouped(np.random.default_rng(seed), len(values))
    found = rank_sums(values[None], atoms, tuning)
    assert_equals_oracle(found, values.tolist(), atoms.of_sample.tolist())


@given(strategies.n_samples().flatmap(strategies.activations), st.integers(0, 2**32 - 1), tunings())
def test_units_whose_zeros_are_not_stored_rank_as_if_they_were(activations, seed, tuning):
    values = activations[:, 0]
    rng = np.random.default_rng(seed)
    atoms = grouped(rng, len(values))
    values[rng.random(len(values)) < 0.5] = 0
    some_zeros = (values != 0) | (rng.random(len(values)) < 0.3)
    samples = rng.permutation(np.flatnonzero(some_zeros))
    found = rank_sums(Stored([(samples, values[samples])]), atoms, tuning)
    assert_equals_oracle(found, values.tolist(), atoms.of_sample.tolist())


@given(strategies.n_samples().flatmap(lambda n: strategies.activations(n, 4)))
def test_units_ranked_together_have_the_ranks_that_each_has_alone(activations):
    units = np.ascontiguousarray(activations.T)
    atoms = each_sample(units.shape[1])
    sums, tie_sums, ties = rank_sums(units, atoms)
    for unit in range(4):
        alone = rank_sums(units[unit : unit + 1], atoms)
        assert sums[unit].tolist() == alone.sums[0].tolist()
        assert tie_sums[unit] == alone.tie_sums[0]
        own = ties.take(np.array([unit]))
        assert [array.tolist() for array in own] == [array.tolist() for array in alone.ties]
    parts = [rank_sums(units[:1], atoms).ties, rank_sums(units[1:], atoms).ties]
    assert [array.tolist() for array in Ties.join(parts)] == [array.tolist() for array in ties]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_signed_zeros_tie_and_infinities_rank_at_the_ends(dtype):
    values = np.array([[0.0, np.inf, -0.0, -np.inf]], dtype)
    sums, tie_sums, _ = rank_sums(values, each_sample(4))
    assert sums.tolist() == [[5, 8, 5, 2]]
    assert tie_sums == [6]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_neighbouring_floats_of_both_signs_keep_their_order(dtype):
    one = dtype(1)
    least = np.finfo(dtype).smallest_subnormal
    rising = np.array(
        [np.nextafter(-one, -np.inf), -one, -least, 0, least, one, np.nextafter(one, np.inf)]
    )
    sums, tie_sums, _ = rank_sums(rising[None, ::-1].astype(dtype), each_sample(7))
    assert sums[0].tolist() == [14, 12, 10, 8, 6, 4, 2]
    assert tie_sums == [0]


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="two million samples take long")
def test_the_tie_sum_is_exact_beyond_64_bits():
    values = np.zeros((1, 2_200_001), np.float32)
    values[0, 7] = 1
    sums, tie_sums, _ = rank_sums(values, each_sample(values.size))
    assert 2_200_000**3 > 2**63
    assert tie_sums == [2_200_000**3 - 2_200_000]
    assert int(sums.sum()) == 2_200_001 * 2_200_002
