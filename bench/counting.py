"""Tails of rank sums given the ties, by counting all extents of a size; exact, and slow.

All numbers are positive floats that are only added and multiplied, so no digits cancel.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

LN10 = np.log(10.0)


def doubled_midranks(values: np.ndarray) -> np.ndarray:
    """Return twice the midranks of values [N], int64."""
    _, group, size = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(size)
    return (2 * last - size + 1)[group]


@dataclass(frozen=True)
class Distribution:
    """All sums S of n1 of N doubled midranks, ascending, and log10 of P(S' >= S)."""

    sums: np.ndarray
    log10_upper: np.ndarray


def count(values: np.ndarray, n_positive: int) -> Distribution:
    """Count the extents of a size by their rank sum.

    Ways to choose k samples outside the largest tie group are counted by their sum, adding one
    sample after the other to the choice. The rest of the extent is in the largest tie group.
    """
    ranks = doubled_midranks(values)
    levels, sizes = np.unique(ranks, return_counts=True)
    level, n_tied = levels[sizes.argmax()], sizes.max()
    others = ranks[ranks != level] if n_tied > 1 else ranks
    n_tied = n_tied if n_tied > 1 else 0
    lowest = others.min() if others.size else level
    # Sums are counted in steps that all of them have in common.
    step = max(1, int(np.gcd.reduce(others - lowest)))
    jumps = np.sort((others - lowest) // step)
    most = min(n_positive, jumps.size)
    n_sums = int(jumps[jumps.size - most :].sum()) + 1
    ways = np.zeros((most + 1, n_sums))
    ways[0, 0] = 1.0
    for taken, jump in enumerate(jumps, start=1):
        rows = min(taken, most)
        ways[1 : rows + 1, jump:] += ways[:rows, : n_sums - jump].copy()
    counts: dict[int, float] = {}
    log_all = log_choose(values.size, n_positive)
    for k in range(max(0, n_positive - n_tied), most + 1):
        log_inside = log_choose(n_tied, n_positive - k) - log_all
        found = np.flatnonzero(ways[k])
        base = k * lowest + (n_positive - k) * level
        share = np.exp(np.log(ways[k, found]) + log_inside + OFFSET)
        sums = (base + step * found).tolist()
        for total, p in zip(sums, share.tolist(), strict=True):
            counts[total] = counts.get(total, 0.0) + p
    sums = np.array(sorted(counts))
    shares = np.array([counts[total] for total in sums.tolist()])
    upper = np.cumsum(shares[::-1])[::-1]
    return Distribution(sums, (np.log(upper) - OFFSET) / LN10)


OFFSET = 300.0
"""Shares are counted times exp(300), so that those far out do not underflow."""


def log_choose(n: int, k: int) -> float:
    """Return log of n over k."""
    return float(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))
