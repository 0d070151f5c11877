"""Verdicts: one word for what a label is worth, from the numbers in the columns beside it.

The thresholds are conventions, not tests; whoever wants others has all numbers.
"""

import math
from collections.abc import Mapping

import numpy as np

from invert_core.settings import OF_HIGHEST

CHANCE_ABOVE = 0.05
"""A larger `p_search` is a chance finding."""
FADES_ABOVE = 0.05
"""A label that loses more of its AUC on unseen samples fades."""
FADES_BELOW = 0.5
"""A label of the highest samples fades if its score on unseen ones is a smaller share of `score`.
"""
TOP = 10
"""The most samples at the top that are looked at; no more than the formula is true on."""
HOLDS_FROM, PARTLY_FROM = 0.6, 0.2
"""The least share of hits at the top of labels that hold, and hold partly."""
LUCK_UP_TO = 0.05
"""The largest probability of so many hits by chance of a label that holds, even partly."""
MOST_STEPS = 16.0
"""A unit whose range is at most so many rounding steps is constant but for rounding."""

JUDGED_BY = (
    *("status", "p_search", "objective", "score", "score_held_out", "optimism", "n_positive"),
    *("concept_fraction", "precision_at_10", "precision_at_size", "range_in_steps"),
)
"""The columns that a verdict is made from."""

_SAME = 1e-9
"""Shares of hits that differ by less are equal; ties make fractions of them."""


def verdicts(columns: Mapping[str, np.ndarray], *, is_made: bool) -> np.ndarray:
    """Return the `verdict` of rows that have a formula: array of str [R].

    Parameters
    ----------
    columns : mapping of str to array [R]
        The columns in `JUDGED_BY`. Numbers that are absent are NaN.
    is_made : bool
        Whether evidence was made.
    """
    if not is_made:
        return np.full(len(columns["status"]), "none", object)
    hits, n_top = hits_at_top(columns)
    is_luck = luck(hits, n_top, columns["concept_fraction"]) > LUCK_UP_TO
    share = hits / n_top + _SAME
    # The first that applies.
    cases = [
        ("dead", columns["status"] == "dead"),
        ("untrusted", columns["status"] == "untrusted"),
        ("steps", columns["range_in_steps"] <= MOST_STEPS),
        ("chance", columns["p_search"] > CHANCE_ABOVE),
        ("fades", _fades(columns)),
        ("bulk", is_luck),
        ("holds", share >= HOLDS_FROM),
        ("partly", share >= PARTLY_FROM),
    ]
    words = np.array([*(word for word, _ in cases), "bulk"], object)
    applies = np.stack([*(np.asarray(case, np.bool_) for _, case in cases), np.ones_like(is_luck)])
    return words[applies.argmax(axis=0)]


def _fades(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return which labels lose too much on unseen samples: bool [R]."""
    is_of_highest = np.isin(columns["objective"].astype(str), OF_HIGHEST)
    is_lower = columns["score_held_out"] < FADES_BELOW * columns["score"]
    return np.where(is_of_highest, is_lower, columns["optimism"] > FADES_ABOVE)


def hits_at_top(columns: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return on how many of the k highest samples each formula is true, and k: float64 [R].

    k is 10, or the number of samples on which the formula is true if that is less.
    """
    n_top = np.minimum(TOP, columns["n_positive"]).astype(np.float64)
    is_small = columns["n_positive"] < TOP
    precision = np.where(is_small, columns["precision_at_size"], columns["precision_at_10"])
    return precision * n_top, n_top


def luck(hits: np.ndarray, n_top: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Return the probability of so many hits or more among `n_top` samples: float64 [R].

    Each sample is a hit with probability `chance`. Half a hit, of tied samples, counts as none.
    """
    whole = np.floor(hits + _SAME)
    tail = np.zeros(np.shape(hits))
    for number in range(TOP + 1):
        ways = np.array([math.comb(k, number) for k in range(TOP + 1)])[n_top.astype(np.int64)]
        term = ways * chance**number * (1.0 - chance) ** np.maximum(0.0, n_top - number)
        tail += np.where(number >= whole, term, 0.0)
    return tail
