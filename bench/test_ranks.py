"""Ranking one unit of 50,000 samples in float32, in one thread: the midrank of each sample."""

import numpy as np
import pytest
from scipy import stats

from bench.measuring import Way
from bench.structures import N_SAMPLES, relu
from invert_core.kernels.atoms import Atoms
from invert_core.kernels.ranks import rank_sums

EACH_SAMPLE = Atoms(np.arange(N_SAMPLES, dtype=np.int32), np.ones(N_SAMPLES, np.int64))


def by_invert(values):
    return rank_sums(values[None], EACH_SAMPLE)[0][0] / 2


WAYS = {"invert": by_invert, "scipy.stats.rankdata": stats.rankdata, "np.argsort": np.argsort}
REMARKS = {"np.argsort": "an order, no ranks yet"}
VALUES = {
    "rank a unit, 30 % zeros": lambda rng: relu(np.zeros((N_SAMPLES, 1), np.float32), rng)[:, 0],
    "rank a unit, no ties": lambda rng: rng.permutation(np.arange(N_SAMPLES, dtype=np.float32)),
}


@pytest.mark.parametrize("workload", VALUES)
def test_ranks(alternate, workload):
    values = np.ascontiguousarray(VALUES[workload](np.random.default_rng(0)))
    expected = stats.rankdata(values)

    def same(found):
        np.testing.assert_array_equal(found, expected)

    def same_order(found):
        same(stats.rankdata(values[found])[np.argsort(found)])

    ways = [
        Way(
            way,
            lambda rank=rank: rank(values),
            same_order if rank is np.argsort else same,
            remark=REMARKS.get(way, ""),
        )
        for way, rank in WAYS.items()
    ]
    alternate(workload, ways, rounds=30)
