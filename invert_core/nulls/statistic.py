"""The statistics of a null distribution: the p-values of the row of each rank, and the headline."""

import numpy as np

from invert_core.search.findings import Findings
from invert_core.search.headlines import TOLERANCE
from invert_core.search.search_result import SearchResult
from invert_core.settings import Settings


def row_statistics(result: SearchResult, settings: Settings) -> np.ndarray:
    """Return the statistics of K units, the smaller ones of both directions: float64 [K, B + 1].

    First comes log10 p of the row of each rank: the two-sided p-value of the formula alone, given
    the ties. A row that does not exist counts as 0. Then comes the smallest log10 p of the best
    formulas of each length, each corrected for all formulas that are not longer.
    """
    found = Findings.of(result, settings)
    statistics = np.zeros((len(result), len(settings.directions), settings.beam + 1))
    ranked = found.take(found.rank > 0)
    statistics[ranked.unit, ranked.way, ranked.rank - 1] = ranked.log10_p
    best = found.take(found.is_best_of_length)
    of_headlines = statistics[:, :, settings.beam]
    np.minimum.at(of_headlines, (best.unit, best.way), best.log10_p_of_length)
    return statistics.min(axis=1)


def n_as_small(null: np.ndarray, column: np.ndarray, log10_p: np.ndarray) -> np.ndarray:
    """Return how many permuted searches have a statistic as small as each row, or smaller.

    Parameters
    ----------
    null : float64 [P, B + 1]
        What `row_statistics` returned for the permuted searches.
    column, log10_p : int64 [F], float64 [F]
        Which of the statistics each row has, and its value.

    Returns
    -------
    int64 [F]
    """
    counts = np.zeros(column.size, np.int64)
    for one in np.unique(column):
        rows = np.flatnonzero(column == one)
        ordered = np.sort(null[:, one])
        counts[rows] = np.searchsorted(ordered, log10_p[rows] + TOLERANCE, side="right")
    return counts
