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


def grouped_variance(values, is_inside, groups):
    """Obuchowski's variance of the AUC from every pair of groups, or None if it does not exist."""
    names = list(dict.fromkeys(groups))
    samples = list(zip(values, is_inside, groups, strict=True))
    inside = {name: [v for v, i, g in samples if i and g == name] for name in names}
    outside = {name: [v for v, i, g in samples if not i and g == name] for name in names}
    n_inside, n_outside = sum(map(len, inside.values())), sum(map(len, outside.values()))
    with_inside = [name for name in names if inside[name]]
    with_outside = [name for name in names if outside[name]]
    if len(with_inside) < 2 or len(with_outside) < 2:
        return None

    def wins(of_inside, of_outside):
        return sum(
            Fraction(1, 2) if x == y else Fraction(int(x > y))
            for x in of_inside
            for y in of_outside
        )

    won = {(one, other): wins(inside[one], outside[other]) for one in names for other in names}
    auc = Fraction(sum(won.values()), n_inside * n_outside)
    of_inside = {
        one: sum(won[one, other] for other in names) / n_outside - len(inside[one]) * auc
        for one in names
    }
    of_outside = {
        one: sum(won[other, one] for other in names) / n_inside - len(outside[one]) * auc
        for one in names
    }
    s10, s01, s11 = (
        Fraction(len(some), len(some) - 1) * sum(one[name] * other[name] for name in some)
        for some, one, other in (
            (with_inside, of_inside, of_inside),
            (with_outside, of_outside, of_outside),
            (names, of_inside, of_outside),
        )
    )
    return s10 / n_inside**2 + s01 / n_outside**2 + 2 * s11 / (n_inside * n_outside)


def effective_groups(is_inside, groups):
    """Kish's effective numbers of groups inside and outside."""
    numbers = []
    for side in (True, False):
        of_side = [name for i, name in zip(is_inside, groups, strict=True) if i == side]
        shares = [Fraction(of_side.count(name), len(of_side)) for name in set(of_side)]
        numbers.append(float(1 / sum(share**2 for share in shares)))
    return numbers


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
