"""Midranks of some samples of a unit among themselves."""

from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import inner
from invert_core.kernels.bits import lowest_bit
from invert_core.kernels.hits import find_hits


class Among(NamedTuple):
    """Samples to rank among themselves: their set, uint64 [W], and their numbers, int32 [N]."""

    words: np.ndarray
    number: np.ndarray

    @classmethod
    def of(cls, samples: np.ndarray, everywhere: np.ndarray, n_samples: int) -> "Among":
        """Number some of all samples in their order."""
        words, number = np.zeros_like(everywhere), np.full(n_samples, -1, np.int32)
        one = np.uint64(1) << (samples % 64).astype(np.uint64)
        np.bitwise_or.at(words, samples // 64, one)
        number[samples] = np.arange(samples.size)
        return cls(words, number)


@inner
def rank_among(order, among, hits, ranks):
    """Fill in twice the midrank of each of the samples, from the top of the unit on: uint16 [n]."""
    find_hits(order, among.words, hits)
    seen = np.int64(0)
    for group in range(hits.n[0]):
        count = hits.counts[group]
        rank = 2 * seen + count + 1
        seen += count
        if hits.at[group] >= 0:
            for at in range(hits.at[group], hits.at[group] + count):
                ranks[among.number[order.sample[hits.inside[at]]]] = rank
            continue
        for word in range(among.words.size):
            left = among.words[word] & order.zeros[word]
            while left != np.uint64(0):
                ranks[among.number[word * 64 + lowest_bit(left)]] = rank
                left &= left - np.uint64(1)
