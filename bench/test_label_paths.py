"""Sparse or dense labels: what the chosen way costs next to the better one, on a grid."""

import time

import numba
import numpy as np
import pytest

from bench.results import Choice
from invert_core.kernels import bits, sums

N_CONCEPTS = 256
SIZES = (1_000, 10_000, 100_000)
DENSITIES = (0.001, 0.01, 0.03, 0.1, 0.4)
SHARES = (0.01, 0.1, 0.5)
WAYS = {"walk": sums.WALK, "planes": sums.PLANES, "chosen": sums.BY_COST}
N_SETS = 6
SECONDS = 0.3


def sums_of_a_unit(weights, index, words):
    """Sum as a search of length 3 and beam 3 does: over all concepts, then within six sets."""
    within = sums.nothing_within(index)
    within.words[:] = words
    found = np.empty(N_CONCEPTS, np.int64)
    _sum(weights, index, index.dense, within, found)
    return found


@numba.njit(error_model="numpy")
def _sum(weights, index, dense, within, found):
    ranked = sums.ranked_over(weights, index, dense)
    sums.add_whole(ranked, index, dense, found)
    for _ in range(N_SETS):
        sums.add_within(ranked, 0, index, dense, within)
        for c in range(found.size):
            found[c] = within.sums[c]
        sums.forget(within)


@pytest.mark.parametrize("n_atoms", SIZES)
@pytest.mark.parametrize("density", DENSITIES)
def test_choice(results, n_atoms, density):
    rng = np.random.default_rng(0)
    packed = bits.pack_columns(rng.random((n_atoms, N_CONCEPTS)) < density)
    sizes = np.ones(n_atoms, np.int64)
    weights = 2 * rng.permutation(n_atoms) + 2
    indices = {way: sums.label_index(packed, sizes, how) for way, how in WAYS.items()}
    for share in SHARES:
        words = bits.pack_columns((rng.random(n_atoms) < share)[:, None])[0]
        found = [sums_of_a_unit(weights, index, words) for index in indices.values()]
        assert all((one == found[0]).all() for one in found)
        # In turns, so that other work on the machine slows all ways alike.
        times = dict.fromkeys(WAYS, np.inf)
        end = time.perf_counter() + SECONDS
        while time.perf_counter() < end:
            for way, index in indices.items():
                start = time.process_time()
                sums_of_a_unit(weights, index, words)
                times[way] = min(times[way], time.process_time() - start)
        results.choices.append(Choice(n_atoms, density, share, **times))
