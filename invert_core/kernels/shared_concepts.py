"""What the samples at the top of a unit share: concepts that they carry more often than others."""

from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import inner, kernel
from invert_core.kernels.orders import NO_SAMPLE, has

N_SHARED, FEWEST_HITS = 6, 3
"""Number of concepts that are kept, and how many of the samples must carry each."""
NO_CONCEPT = np.uint32(2**32 - 1)
"""Fills up lists of concepts."""
SAME = 1e-9
"""Probabilities that differ by a smaller share are equal: two ways to count round differently."""


class Concepts(NamedTuple):
    """Concepts that may be shared, `concept` uint32 [D], ascending, of those in `bits` [C, W].

    `defined` is uint64 [C, W], or [0, W] if all concepts are defined on all samples. `n_positive`
    and `n_defined`, int64 [C], count the samples that carry each, and on which it is defined.
    """

    concept: np.ndarray
    bits: np.ndarray
    defined: np.ndarray
    n_positive: np.ndarray
    n_defined: np.ndarray


class Shared(NamedTuple):
    """Concepts shared by S lists of samples, the most surprising first, and how many carry each.

    `share` is uint32 [S, N_SHARED] and `share_hits` uint8 alike; none are `NO_CONCEPT` and 0.
    """

    share: np.ndarray
    share_hits: np.ndarray

    @classmethod
    def empty(cls, n_lists: int) -> "Shared":
        """Return room for so many lists."""
        share = np.full((n_lists, N_SHARED), NO_CONCEPT)
        return cls(share, np.zeros((n_lists, N_SHARED), np.uint8))


@kernel
def find_shared(top, concepts, shared):
    """Fill in what lists of samples share; `top` uint32 [S, T] ends in `NO_SAMPLE`."""
    n_lists = top.shape[0]
    tails = np.full((n_lists, N_SHARED), np.inf)
    n_listed = np.zeros(n_lists, np.int64)
    for number in range(n_lists):
        for sample in top[number]:
            n_listed[number] += sample != NO_SAMPLE
    # One concept after the other, so that its bits stay in the fastest memory.
    for c in concepts.concept:
        n_positive, n_defined = concepts.n_positive[c], concepts.n_defined[c]
        for number in range(n_lists):
            listed = top[number, : n_listed[number]]
            n_hits = count_in(concepts.bits[c], listed)
            if n_hits < FEWEST_HITS:
                continue
            n_top = listed.size
            if concepts.defined.shape[0] > 0:
                n_top = count_in(concepts.defined[c], listed)
            # Only what is more than chance makes likely can be a surprise.
            if n_hits * n_defined > n_positive * n_top:
                tail = tail_of_hits(n_hits, n_top, n_positive, n_defined)
                keep(c, n_hits, tail, tails[number], shared, number)


@inner
def count_in(words, samples):
    """Return how many of some samples are in a set."""
    count = np.int64(0)
    for sample in samples:
        count += has(words, sample)
    return count


@inner
def tail_of_hits(n_hits, n_top, n_positive, n_samples):
    """Return the probability of so many hits or more among `n_top` of the samples, not 0."""
    n_others = n_samples - n_positive
    term = 1.0
    # Products and quotients only, which every machine rounds alike; all are far from underflow.
    for hit in range(n_hits):
        term *= (n_positive - hit) / (n_samples - hit) * ((n_top - hit) / (hit + 1))
    for miss in range(n_top - n_hits):
        term *= (n_others - miss) / (n_samples - n_hits - miss)
    tail = term
    for hit in range(n_hits, min(n_top, n_positive)):
        fewer = (n_positive - hit) * (n_top - hit)
        term *= fewer / ((hit + 1) * (n_others - n_top + hit + 1))
        tail += term
    return tail


@inner
def keep(concept, n_hits, tail, tails, shared, number):
    """Put a concept among those that are kept, if it is more surprising; equal ones stay first."""
    place = N_SHARED
    while place > 0 and tail < tails[place - 1] * (1.0 - SAME):
        place -= 1
    for later in range(N_SHARED - 1, place, -1):
        tails[later] = tails[later - 1]
        shared.share[number, later] = shared.share[number, later - 1]
        shared.share_hits[number, later] = shared.share_hits[number, later - 1]
    if place < N_SHARED:
        tails[place] = tail
        shared.share[number, place] = concept
        shared.share_hits[number, place] = n_hits
