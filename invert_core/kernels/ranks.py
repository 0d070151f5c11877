"""Doubled midranks, the sum over tie groups, and the third moment of the ranks."""

import numpy as np

from invert_core.kernels._jit import kernel

TIE_BASE = 2**27
"""The tie sum is `high * TIE_BASE + low`; with at most 2**27 samples both fit in 64 bits."""


def rank(values: np.ndarray) -> tuple[np.ndarray, int, float]:
    """Rank one unit.

    Parameters
    ----------
    values : float32 or float64 [N], no NaN
        -0.0 ties with 0.0, infinities rank at the ends.

    Returns
    -------
    ranks : int64 [N]
        Twice the midrank; the sum is N(N + 1).
    tie_sum : int
        Sum of t**3 - t over tie groups, exact.
    cubes : float
        Sum of (rank - (N + 1))**3, zero for a distribution of ranks that is symmetric.
    """
    ranks, high, low, cubes = midranks(values, np.argsort(values))
    return ranks, int(high) * TIE_BASE + int(low), float(cubes)


@kernel
def midranks(values, order):
    """The tie pass of `rank` over `values` in ascending `order`."""
    n_samples = values.size
    ranks = np.empty(n_samples, np.int64)
    high = np.int64(0)
    low = np.int64(0)
    cubes = 0.0
    start = 0
    while start < n_samples:
        stop = start + 1
        while stop < n_samples and values[order[stop]] == values[order[start]]:
            stop += 1
        doubled = start + stop + 1
        for position in range(start, stop):
            ranks[order[position]] = doubled
        ties = np.int64(stop - start)
        square = ties * ties - 1
        high += (square // TIE_BASE) * ties
        low += (square % TIE_BASE) * ties
        off_centre = float(doubled - (n_samples + 1))
        cubes += float(ties) * off_centre * off_centre * off_centre
        start = stop
    return ranks, high, low, cubes
