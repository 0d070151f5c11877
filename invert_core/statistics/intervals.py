"""Confidence intervals: of an AUC, and of a share.

The interval of an AUC is the union of two, because each alone covers too little where the other one
does not: by the variance on the scale of the logit, which knows how the values overlap, but not how
little a few samples say; and Newcombe's method 5, which knows the counts alone. If the samples are
in groups, the variance is one between groups, and the counts are numbers of groups.
"""

import math

import numpy as np

from invert_core.kernels.placements import Placements
from invert_core.statistics.grouped_auc import are_enough, grouped_variance

Z_95 = 1.959963984540054
"""The upper 2.5 % point of the standard normal distribution."""
_HALVINGS = 60


def auc_interval(placed: Placements) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95 % confidence interval of each AUC, for samples that the search did not see.

    It is the union of `logit_interval` and `newcombe_interval`. It has positive width even if the
    AUC is 0 or 1, if one sample is inside the extent, or if all values are equal.

    Parameters
    ----------
    placed : Placements
        Formulas that are true on some samples and false on others.

    Returns
    -------
    low, high : float64 [F]
        ``0 <= low < high <= 1``, and the AUC lies between them. With groups, both are NaN if fewer
        than two of them have samples inside, or outside.
    """
    ends = zip(logit_interval(placed), newcombe_interval(placed), strict=True)
    (low, other_low), (high, other_high) = ends
    low, high = np.fmin(low, other_low), np.fmax(high, other_high)
    if placed.between is None:
        return low, high
    is_known = are_enough(placed)
    return np.where(is_known, low, np.nan), np.where(is_known, high, np.nan)


def delong_variance(placed: Placements) -> np.ndarray:
    """Return DeLong's estimate of the variance of each AUC: float64 [F].

    It is s10 / n1 + s01 / n0, where s10 and s01 are the variances of the placements, as shares, of
    the samples inside among those outside, and vice versa. DeLong, DeLong and Clarke-Pearson,
    "Comparing the areas under two or more correlated receiver operating characteristic curves: a
    nonparametric approach", Biometrics 44 (1988); by ranks as in Sun and Xu, "Fast implementation
    of DeLong's algorithm", IEEE Signal Processing Letters 21 (2014). It is NaN if only one sample
    is inside, or outside.
    """
    inside = placed.n_positive.astype(np.float64)
    outside = (placed.n_samples - placed.n_positive).astype(np.float64)
    with np.errstate(invalid="ignore"):
        of_inside = placed.spread_inside / (4 * outside**2 * inside * (inside - 1))
        of_outside = placed.spread_outside / (4 * inside**2 * outside * (outside - 1))
    return of_inside + of_outside


def logit_interval(placed: Placements) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the interval of logit(AUC) by its variance, as AUC: float64 [F].

    The variance is `delong_variance`, or with groups `grouped_variance`. Both ends are NaN where
    the logit or the variance does not exist.
    """
    doubled_pairs = 2 * placed.n_positive * (placed.n_samples - placed.n_positive)
    auc = placed.doubled_u / doubled_pairs
    other = (doubled_pairs - placed.doubled_u) / doubled_pairs
    variance = delong_variance if placed.between is None else grouped_variance
    with np.errstate(divide="ignore", invalid="ignore"):
        # The derivative of the logit is 1 / (AUC (1 - AUC)).
        factor = np.exp(-Z_95 * np.sqrt(variance(placed)) / (auc * other))
        return auc * factor / (auc * factor + other), auc / (auc + other * factor)


def newcombe_interval(placed: Placements) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of Newcombe's interval, his method 5, for each AUC: float64 [F].

    They are the values t below and above the AUC with (AUC - t)**2 = z**2 V(t), where
    V(t) = t (1 - t) (1 + M (1 - t) / (2 - t) + M t / (1 + t)) / (n1 n0) and
    M = (n1 + n0) / 2 - 1. Newcombe, "Confidence intervals for an effect size measure based on the
    Mann-Whitney statistic. Part 2: asymptotic methods and evaluation", Statistics in Medicine 25
    (2006). n1 and n0 are the numbers of samples inside and outside or, if these are in groups, the
    effective numbers of groups that have such samples: as if the samples of a group said no more
    than one.
    """
    inside, outside = placed.n_positive, placed.n_samples - placed.n_positive
    doubled_pairs = 2 * inside * outside
    if placed.between is not None:
        inside, outside = placed.between.effective_inside, placed.between.effective_outside
    counts = inside.astype(np.float64), outside.astype(np.float64)
    high = _newcombe_above(placed.doubled_u / doubled_pairs, *counts)
    low = _newcombe_above((doubled_pairs - placed.doubled_u) / doubled_pairs, *counts)
    return 1.0 - low, high


def _newcombe_above(auc: np.ndarray, inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Return the upper end of Newcombe's interval for some AUC: float64 [F]."""
    pairs = inside * outside
    middle = (inside + outside) / 2 - 1
    low, high = auc, np.ones_like(auc)
    # (t - AUC)**2 - z**2 V(t) has one zero between the AUC and 1. Halving finds it with the same
    # bits on every machine.
    for _ in range(_HALVINGS):
        t = (low + high) / 2
        q = t * (1 - t)
        variance = q * (1 + middle * (1 + 2 * q) / (2 + q)) / pairs
        is_above = (t - auc) ** 2 > Z_95**2 * variance
        low, high = np.where(is_above, low, t), np.where(is_above, t, high)
    return high


def share_interval(n_successes: float, n_trials: float) -> tuple[float, float]:
    """Return Wilson's 95 % confidence interval of a share of independent trials.

    Numbers need not be whole, as those of an effective number of trials are not.

    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).

    >>> low, high = share_interval(0, 100)
    >>> low, round(high, 3)
    (0.0, 0.037)
    """
    share, square = n_successes / n_trials, Z_95**2 / n_trials
    half = math.sqrt(square * (share * (1 - share) + square / 4))
    low, high = ((share + square / 2 + side * half) / (1 + square) for side in (-1, 1))
    return (0.0 if n_successes == 0 else low), (1.0 if n_successes == n_trials else high)
