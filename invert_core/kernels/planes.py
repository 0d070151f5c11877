"""Weights in binary, as one set of atoms for each bit: sums become counts of bits.

The sum of 2**b popcount(plane & set) over all planes b is exactly the weight of a set. The lowest
planes can be left out: then a sum is known up to a slack, and is made exact when it matters.
"""

from typing import Any

import numpy as np

from invert_core.kernels._jit import kernel
from invert_core.kernels.bits import popcount

_ONE = np.uint64(1)

WORDS_AT_ONCE = 1024
"""Words of the planes that are used for all concepts before the next words: they stay in L2."""
CONCEPTS_AT_ONCE = 4
"""Concepts that share each word of a plane while it is in a register."""
ALL_PLANES: Any = np.int64(0)
"""The lowest plane; for 0 itself, a literal, Numba would compile `add_planes` once more."""


@kernel
def bit_length(value):
    """Return the number of bits of a number that is not negative."""
    n_bits = 0
    while value >> n_bits > 0:
        n_bits += 1
    return n_bits


@kernel
def planes_of(weights):
    """Return weights int64 [S], none negative, in binary: uint64 [P, W].

    Atom i is bit i % 64 of word i // 64.
    """
    n_planes = bit_length(weights.max())
    planes = np.zeros((n_planes, (weights.size + 63) // 64), np.uint64)
    # Words outside: 64 weights stay in the nearest cache while every plane takes a bit of each.
    for word in range(planes.shape[1]):
        start = word * 64
        stop = min(start + 64, weights.size)
        for plane in range(n_planes):
            packed = np.uint64(0)
            for atom in range(start, stop):
                bit = np.uint64(weights[atom] >> plane) & _ONE
                packed |= bit << np.uint64(atom - start)
            planes[plane, word] = packed
    return planes


@kernel
def add_planes(words, planes, lowest, concepts, bits, sums):
    """Add the weights of the intersections of a set with some concepts.

    Parameters
    ----------
    words : uint64 [W]
        The set.
    planes : uint64 [P, W]
        The planes from bit `lowest` on.
    concepts : uint32 [D]
        Indices into `bits`, uint64 [C, W].
    sums : int64 [C]
        Added to.
    """
    n_planes, n_words = planes.shape
    # The planes are cut to the set once for all concepts.
    masked = np.empty((n_planes, WORDS_AT_ONCE), np.uint64)
    last = concepts.size - 1
    for start in range(0, n_words, WORDS_AT_ONCE):
        size = min(WORDS_AT_ONCE, n_words - start)
        for plane in range(lowest, n_planes):
            for word in range(size):
                masked[plane, word] = planes[plane, start + word] & words[start + word]
        for first in range(0, concepts.size, CONCEPTS_AT_ONCE):
            # After the last concept, that concept is counted again but not added: this costs less
            # than a branch for each word.
            a, b = concepts[first], concepts[min(first + 1, last)]
            c, d = concepts[min(first + 2, last)], concepts[min(first + 3, last)]
            bits_a, bits_b = bits[a, start : start + size], bits[b, start : start + size]
            bits_c, bits_d = bits[c, start : start + size], bits[d, start : start + size]
            sum_a, sum_b, sum_c, sum_d = 0, 0, 0, 0
            for plane in range(lowest, n_planes):
                of_set = masked[plane]
                # Four counts at once: each word of the plane is loaded once for all of them.
                n_a, n_b, n_c, n_d = 0, 0, 0, 0
                for word in range(size):
                    of_plane = of_set[word]
                    n_a += popcount(of_plane & bits_a[word])
                    n_b += popcount(of_plane & bits_b[word])
                    n_c += popcount(of_plane & bits_c[word])
                    n_d += popcount(of_plane & bits_d[word])
                # Counts are weighted once per plane, not once per word.
                sum_a += n_a << plane
                sum_b += n_b << plane
                sum_c += n_c << plane
                sum_d += n_d << plane
            sums[a] += sum_a
            if first + 1 <= last:
                sums[b] += sum_b
            if first + 2 <= last:
                sums[c] += sum_c
            if first + 3 <= last:
                sums[d] += sum_d


@kernel
def sum_below(words, planes, n_planes, concept_words):
    """Return the sum over the lowest `n_planes` planes within a set and one concept."""
    total = np.int64(0)
    for plane in range(n_planes):
        n_set = 0
        for word in range(words.size):
            n_set += popcount(planes[plane, word] & words[word] & concept_words[word])
        total += n_set << plane
    return total
