"""The statistic of a null distribution: the p-value of the row of each rank."""

import numpy as np

from invert_core.search.search_result import Findings, SearchResult
from invert_core.settings import Settings

TOLERANCE = 1e-9
"""Decimal logarithms of p that differ by less count as equal, because machines round differently.
"""


def row_statistics(result: SearchResult, settings: Settings) -> np.ndarray:
    """Return log10 p of the row of each rank, the smaller of both directions: float64 [K, B].

    p is the two-sided p-value of the formula alone, given the ties. A row that does not exist
    counts as 0.
    """
    found = Findings.of(result, settings)
    found = found.take(found.rank > 0)
    log10_p = np.zeros((len(result), len(settings.directions), settings.beam))
    log10_p[found.unit, found.way, found.rank - 1] = found.log10_p
    return log10_p.min(axis=1)


def n_as_small(null: np.ndarray, log10_p: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """Return how many permuted searches have a p as small as each row, or smaller: int64 [F].

    Parameters
    ----------
    null : float64 [P, B]
        What `row_statistics` returned for the permuted searches.
    log10_p, rank : float64 [F], int64 [F]
        The rows, with ranks from 1.
    """
    counts = np.zeros(rank.size, np.int64)
    for one in np.unique(rank):
        rows = np.flatnonzero(rank == one)
        ordered = np.sort(null[:, one - 1])
        counts[rows] = np.searchsorted(ordered, log10_p[rows] + TOLERANCE, side="right")
    return counts
