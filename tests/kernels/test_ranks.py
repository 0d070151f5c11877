import numpy as np
import pytest
from hypothesis import given

from invert_core import strategies
from invert_core.kernels.ranks import TIE_BASE, midranks, rank
from tests import naive

pytestmark = pytest.mark.kernels


@given(strategies.n_samples().flatmap(strategies.activations))
def test_ranks_and_tie_sum_equal_the_oracle(activations):
    values = activations[:, 0]
    values = values.astype(np.float64 if values.dtype == np.float64 else np.float32)
    ranks, tie_sum, cubes = rank(values)
    assert ranks.tolist() == naive.doubled_midranks(values.tolist())
    assert tie_sum == naive.tie_sum(values.tolist())
    centred = [r - (len(values) + 1) for r in ranks.tolist()]
    assert cubes == pytest.approx(sum(c**3 for c in centred), rel=1e-12, abs=1e-6)


def test_signed_zeros_tie_and_infinities_rank_at_the_ends():
    ranks, tie_sum, _ = rank(np.array([0.0, np.inf, -0.0, -np.inf], np.float32))
    assert ranks.tolist() == [5, 8, 5, 2]
    assert tie_sum == 6


def test_the_tie_sum_is_exact_beyond_64_bits():
    values = np.zeros(2_200_001, np.float32)
    values[0] = 1
    ranks, high, low, _ = midranks(values, np.roll(np.arange(values.size), -1))
    assert 2_200_000**3 > 2**63
    assert int(high) * TIE_BASE + int(low) == 2_200_000**3 - 2_200_000
    assert int(ranks.sum()) == 2_200_001 * 2_200_002
