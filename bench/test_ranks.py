"""Ranking units of 50,000 samples in one thread: means over a block of units."""

import numpy as np
import pytest
from scipy import stats

from bench.structures import N_CLASSES, N_SAMPLES
from invert_core.kernels.atoms import Atoms
from invert_core.kernels.ranks import rank_sums
from invert_core.values import as_floats

N_UNITS = 16
SHAPE = (N_UNITS, N_SAMPLES)
EACH_SAMPLE = Atoms(np.arange(N_SAMPLES, dtype=np.int32), np.ones(N_SAMPLES, np.int64))
OF_SAMPLE = np.random.default_rng(1).permutation(np.arange(N_SAMPLES, dtype=np.int32) % N_CLASSES)
CLASSES = Atoms(OF_SAMPLE, np.bincount(OF_SAMPLE).astype(np.int64))


def narrow(rng):
    """Return values that agree in the bits that are sorted first, because of one outlier."""
    units = (1 + rng.integers(0, 2**20, SHAPE) * 2.0**-23).astype(np.float32)
    units[:, 0] = 1e30
    return units


UNITS = {
    "no ties": lambda rng: rng.permuted(
        np.tile(np.arange(N_SAMPLES, dtype=np.float32), (N_UNITS, 1)), axis=1
    ),
    "half zeros": lambda rng: np.maximum(rng.standard_normal(SHAPE, np.float32), 0),
    "float16": lambda rng: rng.standard_normal(SHAPE).astype(np.float16),
    "float64": lambda rng: rng.standard_normal(SHAPE),
    "uint8": lambda rng: rng.integers(0, 256, SHAPE, np.uint8),
    "narrow range and an outlier": narrow,
}


def by_invert(units):
    return rank_sums(as_floats(units), EACH_SAMPLE)[0] / 2


def over_classes(units):
    return rank_sums(as_floats(units), CLASSES)[0] / 2


def by_scipy(units):
    return np.stack([stats.rankdata(unit) for unit in units])


def by_polars(units):
    polars = pytest.importorskip("polars")
    return np.stack([polars.Series(unit).rank("average").to_numpy() for unit in units])


WAYS = {
    "invert": by_invert,
    "invert, added over 1,000 atoms": over_classes,
    "scipy.stats.rankdata": by_scipy,
    "polars rank": by_polars,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", UNITS)
def test_ranks(measure, kind, way):
    units = UNITS[kind](np.random.default_rng(0))
    WAYS[way](units[:, :2])  # compiles, or imports

    def check(found):
        for unit, ranks in zip(units, found, strict=True):
            expected = stats.rankdata(unit)
            if way == "invert, added over 1,000 atoms":
                expected = np.bincount(OF_SAMPLE, expected)
            np.testing.assert_array_equal(ranks, expected)

    measure(f"rank a unit, {kind}", way, lambda: WAYS[way](units), check, rounds=9, part=N_UNITS)
