"""Confidence intervals of an AUC from every pair of samples."""

import math
from fractions import Fraction

import scipy.optimize
import scipy.special


def delong_variance(inside, outside):
    """DeLong's variance of the AUC of two lists of values, or None if it does not exist."""

    def wins(value, other):
        return Fraction(1, 2) if value == other else Fraction(int(value > other))

    def variance(shares):
        mean = sum(shares) / len(shares)
        return sum((share - mean) ** 2 for share in shares) / (len(shares) - 1)

    if len(inside) == 1 or len(outside) == 1:
        return None
    of_inside = [sum(wins(x, y) for y in outside) / len(outside) for x in inside]
    of_outside = [sum(wins(x, y) for x in inside) / len(inside) for y in outside]
    return variance(of_inside) / len(inside) + variance(of_outside) / len(outside)


def logit_interval(auc, variance, z):
    """The interval of the logit of the AUC, or None if it does not exist."""
    if variance is None or auc in (0, 1):
        return None
    half = z * math.sqrt(variance) / (auc * (1 - auc))
    middle = scipy.special.logit(float(auc))
    return scipy.special.expit(middle - half), scipy.special.expit(middle + half)


def newcombe_interval(auc, n_inside, n_outside, z):
    """Where |AUC - t| is z of Hanley and McNeil's standard errors, as if both sizes were equal."""
    others = (n_inside + n_outside) / 2 - 1

    def excess(t):
        q1, q2 = t / (2 - t), 2 * t * t / (1 + t)
        variance = t * (1 - t) + others * (q1 - t * t) + others * (q2 - t * t)
        return (auc - t) ** 2 - z * z * variance / (n_inside * n_outside)

    # Between an end and the AUC the excess changes its sign once. At 0 and 1 it is 0, too, if the
    # AUC is there.
    middle = min(max(auc, 1e-12), 1 - 1e-12)
    low = 0.0 if auc == 0 else scipy.optimize.brentq(excess, 0.0, middle, xtol=1e-14)
    high = 1.0 if auc == 1 else scipy.optimize.brentq(excess, middle, 1.0, xtol=1e-14)
    return low, high
