"""Sparse or dense: what the chosen way costs over the better of the two, on a grid."""

import time

import numpy as np
import pytest

from bench.tables import Choice
from invert_core.kernels import bits, planes, sums

N_CONCEPTS = 256
SIZES = (1_000, 10_000, 100_000)
DENSITIES = (0.001, 0.01, 0.03, 0.1, 0.4)
SHARES = (0.01, 0.1, 0.5)
ROUNDS = 5


def seconds(weights, index, words):
    """Of one unit: its planes, the sums of all concepts, and those within six sets."""
    sums_of_all, found, counts, slack = (np.empty(N_CONCEPTS, np.int64) for _ in range(4))
    everything, unknown = bits.whole_set(weights.size), np.empty(0, np.int64)
    best = np.inf
    for _ in range(ROUNDS):
        start = time.process_time()
        unit = planes.planes_of(weights) if index.dense.size else planes.no_planes()
        sums.sums_within(everything, weights, unit, 0, index, unknown, sums_of_all, counts, slack)
        for _ in range(6):
            sums.sums_within(words, weights, unit, 0, index, sums_of_all, found, counts, slack)
        best = min(best, time.process_time() - start)
    return best, found


@pytest.mark.parametrize("n_atoms", SIZES)
@pytest.mark.parametrize("density", DENSITIES)
def test_choice(results, n_atoms, density):
    rng = np.random.default_rng(0)
    packed = bits.pack_columns(rng.random((n_atoms, N_CONCEPTS)) < density)
    sizes = np.ones(n_atoms, np.int64)
    weights = 2 * rng.permutation(n_atoms) + 2
    indices = {
        way: sums.label_index(packed, sizes, how)
        for way, how in (("walk", sums.WALK), ("planes", sums.PLANES), ("chosen", sums.BY_COST))
    }
    for share in SHARES:
        words = bits.pack_columns((rng.random(n_atoms) < share)[:, None])[0]
        times = {}
        for way, index in indices.items():
            times[way], found = seconds(weights, index, words)
            if way == "walk":
                expected = found
            assert (found == expected).all()
        results.choices.append(Choice(n_atoms, density, share, **times))
