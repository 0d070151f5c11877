"""Tests of how many of the highest samples are inside: all of them are tied, and all others are."""

import numpy as np

from invert_core.kernels.ties import Ties
from invert_core.statistics.conditional import log10_p_given_ties


def rank_sum_of_highest(
    n_positive: np.ndarray,
    hits: np.ndarray,
    n_highest: np.ndarray,
    n_samples: np.ndarray | int,
) -> np.ndarray:
    """Return the sums of doubled midranks over formulas with some of the highest samples."""
    rank_of_others = n_samples - n_highest + 1
    return n_positive * rank_of_others + hits * n_samples


def ties_of_highest(n_highest: np.ndarray, n_samples: np.ndarray | int) -> Ties:
    """Return the tie profiles of units, given the numbers of their highest samples: int64 [K]."""
    n_others = n_samples - n_highest
    below = np.stack([np.zeros_like(n_highest), n_others], axis=1).ravel()
    size = np.stack([n_others, n_highest], axis=1).ravel()
    first = 2 * np.arange(n_highest.size + 1)
    return Ties(below, size, first, np.broadcast_to(n_samples, n_highest.shape).copy())


def log10_p_of_hits(
    n_positive: np.ndarray, hits: np.ndarray, n_highest: np.ndarray, n_samples: np.ndarray
) -> np.ndarray:
    """Return log10 of the probability of so many hits or more by chance: float64 [F].

    The distribution is hypergeometric: a formula that is true on `n_positive` of `n_samples`
    samples has `hits` of the `n_highest` ones, some but not all of the samples; all are int64 [F].
    """
    log10_p, _ = log10_p_given_ties(
        n_positive,
        rank_sum_of_highest(n_positive, hits, n_highest, n_samples),
        np.arange(n_positive.size),
        ties_of_highest(n_highest, n_samples),
        "greater",
    )
    return log10_p
