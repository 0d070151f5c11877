"""Which concepts are true on nearly the same samples."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from invert_core.concepts.concept_set import ConceptSet
from invert_core.kernels.overlaps import common_counts
from invert_core.parallel import available_cores

_BLOCK = 64
"""Concepts compared with all others at a time."""


@dataclass(frozen=True)
class Overlap:
    """How much one concept overlaps with another.

    Attributes
    ----------
    concept : int
        Row of the other one.
    n_common : int
        Number of samples that carry both.
    jaccard : float
        `n_common` by the number of samples that carry one or both; only samples count on which
        both are defined.
    """

    concept: int
    n_common: int
    jaccard: float


def most_similar(
    concepts: ConceptSet, count: int, of: Sequence[int] | None = None
) -> list[tuple[Overlap, ...]]:
    """Find for each concept those with the largest Jaccard index.

    Parameters
    ----------
    concepts : ConceptSet
    count : int
        How many for each concept. There are fewer where fewer have a sample in common with it.
    of : sequence of int, optional
        Rows of the concepts to compare with all others; None takes all.

    Returns
    -------
    list of tuple of Overlap
        One tuple for each of these concepts, the most similar first, equal ones in the order of the
        set.
    """
    rows = np.arange(len(concepts.id)) if of is None else np.asarray(of, np.int64)
    blocks = [rows[first : first + _BLOCK] for first in range(0, rows.size, _BLOCK)]
    with ThreadPoolExecutor(available_cores()) as pool:
        parts = pool.map(partial(_of_block, concepts, count), blocks)
        return [overlaps for part in parts for overlaps in part]


def _of_block(concepts: ConceptSet, count: int, rows: np.ndarray) -> list[tuple[Overlap, ...]]:
    bits, defined = concepts.bits, concepts.defined
    common = common_counts(bits[rows], bits)
    if defined is None:
        either = concepts.n_positive[rows, None] + concepts.n_positive - common
    else:
        either = common_counts(bits[rows], defined) + common_counts(defined[rows], bits) - common
    jaccard = common / np.maximum(either, 1)
    return [
        tuple(
            Overlap(other, int(common[place, other]), float(jaccard[place, other]))
            for other in _largest(jaccard[place], count, row)
        )
        for place, row in enumerate(rows.tolist())
    ]


def _largest(jaccard: np.ndarray, count: int, row: int) -> list[int]:
    order = np.argsort(-jaccard, kind="stable")
    return [other for other in order[: count + 1].tolist() if other != row and jaccard[other]][
        :count
    ]
