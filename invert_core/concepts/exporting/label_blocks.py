"""The labels of a concept set as numbers, some samples at a time."""

from collections.abc import Iterator

import numpy as np

from invert_core.concepts.concept_set import ConceptSet
from invert_core.kernels.bits import unpack

_CELLS = 1 << 22
"""Labels in a block, about."""


def label_blocks(concepts: ConceptSet) -> Iterator[np.ndarray]:
    """Give the labels of the samples in their order.

    Yields
    ------
    int8 array [M, C]
        Of the next M samples: 1, 0, or -1 where the concept is not defined.
    """
    n_words = max(1, _CELLS // (64 * len(concepts.id)))
    for word in range(0, concepts.bits.shape[1], n_words):
        words = slice(word, word + n_words)
        n_samples = min(64 * n_words, concepts.n_samples - 64 * word)
        labels = _unpacked(concepts.bits, words, n_samples).astype(np.int8)
        if concepts.defined is not None:
            labels[~_unpacked(concepts.defined, words, n_samples)] = -1
        yield labels


def _unpacked(bits: np.ndarray, words: slice, n_samples: int) -> np.ndarray:
    return unpack(np.ascontiguousarray(bits[:, words]), n_samples)
