"""Headlines: the formula to show if only one is shown.

The best formulas of each length compete. The AUC prefers long formulas with few samples; what
decides here is p, corrected for all formulas that are not longer, which is small only if a literal
is worth what it adds to the choice.
"""

import numpy as np

from invert_core.search.findings import Findings

TOLERANCE = 1e-9
"""Decimal logarithms of p that differ by less count as equal, because machines round differently.
"""


def may_be_reported(found: Findings, *, is_tested: bool) -> np.ndarray:
    """Return which formulas can have a row, as far as a search alone can tell: bool [F].

    If formulas are tested on held-out samples, these decide which is the headline.
    """
    candidates = found.is_best_of_length if is_tested else headlines(found)
    return (found.rank > 0) | candidates


def headlines(found: Findings, score_held_out: np.ndarray | None = None) -> np.ndarray:
    """Return which formulas are the headlines of their searches: bool [F], one per search.

    The headline is the formula with the smallest `log10_p_of_length` among the best of each length,
    the shortest of equal ones. A longer formula that does not beat all shorter ones on held-out
    samples is none.

    Parameters
    ----------
    found : Findings
        All formulas of some searches.
    score_held_out : float64 [F], optional
        What was searched for, on held-out samples, larger where it is better; NaN where there is
        none.
    """
    n_ways = int(found.way.max(initial=0)) + 1
    search = found.unit * n_ways + found.way
    n_searches = int(search.max(initial=-1)) + 1
    chosen = np.full(n_searches, -1)
    least, best_unseen = np.full(n_searches, np.inf), np.full(n_searches, -np.inf)
    for length in np.unique(found.length[found.is_best_of_length]).tolist():
        rows = np.flatnonzero(found.is_best_of_length & (found.length == length))
        of_row = search[rows]
        is_chosen = found.log10_p_of_length[rows] < least[of_row] - TOLERANCE
        if score_held_out is not None:
            unseen = score_held_out[rows]
            is_chosen &= (unseen > best_unseen[of_row]) | (chosen[of_row] < 0)
            best_unseen[of_row] = np.fmax(best_unseen[of_row], unseen)
        chosen[of_row[is_chosen]] = rows[is_chosen]
        least[of_row[is_chosen]] = found.log10_p_of_length[rows[is_chosen]]
    marked = np.zeros(search.size, np.bool_)
    marked[chosen[chosen >= 0]] = True
    return marked
