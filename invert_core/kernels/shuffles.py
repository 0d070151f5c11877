"""Ranks of samples in random order, added over atoms, for null distributions."""

import numpy as np

from invert_core.kernels._jit import inner, kernel
from invert_core.kernels.atoms import Atoms

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST_FACTOR = np.uint64(0xBF58476D1CE4E5B9)
_SECOND_FACTOR = np.uint64(0x94D049BB133111EB)
_HALF = np.uint64(32)
_LOW_HALF = np.uint64(0xFFFFFFFF)
_TWO_TO_32 = np.uint64(2**32)


def shuffled_sums(seeds: np.ndarray, atoms: Atoms, n_tied: int) -> np.ndarray:
    """Return the rank sums of the atoms for samples in random order.

    All orders are equally likely. The lowest samples are tied, and no others.

    Parameters
    ----------
    seeds : uint64 [P]
        A seed for each order.
    atoms : Atoms
        The S atoms of N samples.
    n_tied : int
        Number of samples in the tie group; 1 for no ties.

    Returns
    -------
    int64 [P, S]
        Twice the midranks, added over each atom.
    """
    sums = np.empty((seeds.size, atoms.sizes.size), np.int64)
    add_shuffled(seeds, atoms.of_sample, atoms.sizes, n_tied, np.empty_like(atoms.of_sample), sums)
    return sums


def drawn_counts(seeds: np.ndarray, atoms: Atoms, n_drawn: int, n_times: int) -> np.ndarray:
    """Return how many samples of each atom are drawn, and then of those left, and so on.

    Parameters
    ----------
    seeds : uint64 [P]
        A seed for each drawing; the first samples of all are those with the highest ranks in
        `shuffled_sums`.
    atoms : Atoms
        The S atoms of N samples.
    n_drawn, n_times : int
        How many samples are drawn at once, and how often.

    Returns
    -------
    int64 [T, P, S]
    """
    counts = np.zeros((n_times, seeds.size, atoms.sizes.size), np.int64)
    add_drawn(seeds, atoms.of_sample, n_drawn, np.empty_like(atoms.of_sample), counts)
    return counts


@kernel
def add_drawn(seeds, of_sample, n_drawn, order, counts):
    """Add to `counts`; the other parameters are those of `drawn_counts`, and `order` is room."""
    n_samples = of_sample.size
    for number in range(seeds.size):
        state = seeds[number]
        for sample in range(n_samples):
            order[sample] = of_sample[sample]
        n_left = n_samples
        for time in range(counts.shape[0]):
            for _ in range(n_drawn):
                state += _STEP
                drawn, state = below(np.uint64(n_left), state)
                counts[time, number, order[drawn]] += 1
                n_left -= 1
                order[drawn] = order[n_left]


@kernel
def add_shuffled(seeds, of_sample, sizes, n_tied, order, sums):
    """Fill in `sums`; the other parameters are those of `shuffled_sums`, and `order` is room."""
    n_samples = of_sample.size
    for number in range(seeds.size):
        state = seeds[number]
        for sample in range(n_samples):
            order[sample] = of_sample[sample]
        for atom in range(sizes.size):
            sums[number, atom] = sizes[atom] * (n_tied + 1)
        # Fisher and Yates from the highest rank down. Tied samples need no order of their own.
        for rank in range(n_samples, n_tied, -1):
            state += _STEP
            drawn, state = below(np.uint64(rank), state)
            atom = order[drawn]
            order[drawn] = order[rank - 1]
            sums[number, atom] += 2 * rank - (n_tied + 1)


@inner
def below(limit, state):
    """Draw a number below `limit`, which is at most 2**32; return it and the next state.

    The product of `limit` and 32 random bits has the number in its high half. Few products, told
    by their low half, are drawn again, so that all numbers are equally likely (Lemire, "Fast random
    integer generation in an interval", ACM Transactions on Modeling and Computer Simulation 29,
    2019).
    """
    product = (mixed(state) >> _HALF) * limit
    if product & _LOW_HALF < limit:
        while product & _LOW_HALF < (_TWO_TO_32 - limit) % limit:
            state += _STEP
            product = (mixed(state) >> _HALF) * limit
    return product >> _HALF, state


@inner
def mixed(state):
    """Return 64 random bits for the next state of SplitMix64.

    See Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """
    bits = (state ^ (state >> np.uint64(30))) * _FIRST_FACTOR
    bits = (bits ^ (bits >> np.uint64(27))) * _SECOND_FACTOR
    return bits ^ (bits >> np.uint64(31))
