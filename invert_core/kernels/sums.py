"""Rank sums of all concepts within a set of samples: how they are made is known here alone.

One pass over the samples of a set adds each one's rank to the concepts it carries, so the cost
follows the labels, not samples x concepts.
"""

from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import kernel
from invert_core.kernels.bits import lowest_bit

_ONE = np.uint64(1)


class LabelIndex(NamedTuple):
    """Labels by concept and by sample.

    `bits` is uint64 [C, W]; sample i carries ``concept[first[i]:first[i + 1]]`` in ascending
    order, with `first` int64 [N + 1] and `concept` int32.
    """

    bits: np.ndarray
    first: np.ndarray
    concept: np.ndarray


@kernel
def label_index(bits, n_samples):
    """Make the index of concepts uint64 [C, W]."""
    first = np.zeros(n_samples + 1, np.int64)
    for row in range(bits.shape[0]):
        for word in range(bits.shape[1]):
            left = bits[row, word]
            while left != np.uint64(0):
                first[word * 64 + lowest_bit(left) + 1] += 1
                left &= left - _ONE
    for sample in range(n_samples):
        first[sample + 1] += first[sample]
    concept = np.empty(first[n_samples], np.int32)
    filled = first[:-1].copy()
    for row in range(bits.shape[0]):
        for word in range(bits.shape[1]):
            left = bits[row, word]
            while left != np.uint64(0):
                sample = word * 64 + lowest_bit(left)
                concept[filled[sample]] = row
                filled[sample] += 1
                left &= left - _ONE
    return LabelIndex(bits, first, concept)


@kernel
def sums_within(words, ranks, index, sums, counts):
    """For each concept: ranks and samples of its intersection with a set.

    `words` uint64 [W] is the set, `ranks` int64 [N]; `sums` and `counts` int64 [C] are
    overwritten. A sum is at most N(N + 1), which fits for N up to 2**31.
    """
    sums[:] = 0
    counts[:] = 0
    for word in range(words.size):
        left = words[word]
        while left != np.uint64(0):
            sample = word * 64 + lowest_bit(left)
            left &= left - _ONE
            rank = ranks[sample]
            for entry in range(index.first[sample], index.first[sample + 1]):
                sums[index.concept[entry]] += rank
                counts[index.concept[entry]] += 1


@kernel
def sum_of_set(words, ranks):
    """Ranks of one set: words uint64 [W], ranks int64 [N]."""
    total = np.int64(0)
    for word in range(words.size):
        left = words[word]
        while left != np.uint64(0):
            total += ranks[word * 64 + lowest_bit(left)]
            left &= left - _ONE
    return total
