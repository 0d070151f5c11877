"""Counts the samples that two sets have in common, for many pairs of sets."""

import numpy as np

from invert_core.kernels._jit import kernel
from invert_core.kernels.bits import popcount

_WORDS = 512
_SETS = 8
"""Numbers of words and sets that stay in the nearest cache while others are compared with them."""


@kernel
def common_count(a, b):
    """Return the size of the intersection of two sets, each uint64 [W]."""
    total = np.int64(0)
    for word in range(a.size):
        total += popcount(a[word] & b[word])
    return total


@kernel
def common_counts(a, b):
    """Return the size of the intersection of every set of `a` with every set of `b`.

    Parameters
    ----------
    a, b : uint64 [A, W], uint64 [B, W]

    Returns
    -------
    int64 [A, B]
    """
    counts = np.zeros((a.shape[0], b.shape[0]), np.int64)
    # Blocks of `b` outside, all of `a` inside: so memory is read once per block, not once per set.
    for first in range(0, a.shape[1], _WORDS):
        words = slice(first, min(first + _WORDS, a.shape[1]))
        for top in range(0, b.shape[0], _SETS):
            for x in range(a.shape[0]):
                for y in range(top, min(top + _SETS, b.shape[0])):
                    counts[x, y] += common_count(a[x, words], b[y, words])
    return counts
