"""P-values of Mann-Whitney statistics by the normal approximation, also after a search.

All functions are elementwise: a p-value does not depend on what is computed beside it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from scipy.special import log_ndtr, ndtr

from invert_core.settings import SIGNIFICANT

LN10 = math.log(10.0)
_LEAST_P = 1e-290
ALTERNATIVES = ("two-sided", "less", "greater")


@dataclass(frozen=True)
class RankSpread:
    """What ties leave of the variance of the ranks of units, or of the units of formulas.

    Parameters
    ----------
    n_samples : int, or int64 array
        N, or that of each where they differ.
    d : float64 array
        D = N**3 - N - sum(t**3 - t) over tie groups of t samples.
    cubes : float64 array
        Sum of (doubled midrank - (N + 1))**3.
    """

    n_samples: int | np.ndarray
    d: np.ndarray
    cubes: np.ndarray

    @classmethod
    def of_units(cls, n_samples: int, tie_sums: Sequence[int], cubes: np.ndarray) -> Self:
        """The spreads of several units; each D is an exact integer before it is rounded once."""
        most = n_samples**3 - n_samples
        return cls(n_samples, np.array([float(most - ties) for ties in tie_sums]), cubes)

    def of_each(self, units: Any) -> Self:
        """The spreads of some of the units, given by an index into arrays [K]; N is one number."""
        return replace(self, d=self.d[units], cubes=self.cubes[units])

    @property
    def is_dead(self) -> np.ndarray:
        """Whether all values are equal."""
        return self.d == 0.0

    def sigma(self, n_positive: np.ndarray) -> np.ndarray:
        """Standard deviation of U for extents of n1 samples: sqrt(n1 n0 D / (12 N (N - 1)))."""
        n = self.n_samples
        pairs = (n_positive * (n - n_positive)).astype(np.float64)
        return np.sqrt(pairs * self.d / np.asarray(12 * n * (n - 1), np.float64))

    def divisor(self, n_positive: np.ndarray) -> np.ndarray:
        """`sigma`, but 1 for dead units, whose numerators are 0."""
        return np.where(self.is_dead, 1.0, self.sigma(n_positive))

    def skewness(self, n_positive: np.ndarray) -> np.ndarray:
        """Skewness of U for extents of n1 samples drawn without replacement.

        The third central moment of the sum of n1 of N numbers x is
        n1 n0 (n0 - n1) / (N (N - 1) (N - 2)) sum((x - mean)**3); the ranks here are doubled.
        """
        rest = self.n_samples - n_positive
        n = np.asarray(self.n_samples, np.float64)
        third = (
            (n_positive * rest).astype(np.float64)
            * (rest - n_positive)
            * (self.cubes / 8.0)
            / (n * (n - 1.0) * np.maximum(n - 2.0, 1.0))
        )
        return third / self.divisor(n_positive) ** 3


def z_score(doubled_u: np.ndarray, n_positive: np.ndarray, spread: RankSpread) -> np.ndarray:
    """Standard score: sign(U - mu) max(0, |U - mu| - 1/2) / sigma, with continuity correction.

    Parameters
    ----------
    doubled_u, n_positive : int64 arrays of one shape
        2U and n1 of extents that are neither empty nor everything.
    spread : RankSpread
        Of the unit or units; dead ones get zeros.
    """
    from_mean = doubled_u - n_positive * (spread.n_samples - n_positive)
    distance = np.maximum(np.abs(from_mean) - 1, 0) / 2.0
    z = np.sign(from_mean) * distance / spread.divisor(n_positive)
    return np.where(spread.is_dead, 0.0, z)


def p_values(
    doubled_u: np.ndarray, n_positive: np.ndarray, spread: RankSpread, alternative: str
) -> tuple[np.ndarray, np.ndarray]:
    """P-value and its decimal logarithm, as `scipy.stats.mannwhitneyu(method="asymptotic")`.

    Where p underflows, beyond |z| of 38, its logarithm is that of the normal tail. Dead units have
    p 1.
    """
    from_mean = doubled_u - n_positive * (spread.n_samples - n_positive)
    tails = 1.0
    if alternative == "two-sided":
        from_mean = np.abs(from_mean)
        tails = 2.0
    elif alternative == "less":
        from_mean = -from_mean
    z = (from_mean - 1) / 2.0 / spread.divisor(n_positive)
    p = np.minimum(1.0, tails * ndtr(-z))
    log10_p = np.log10(np.maximum(p, _LEAST_P))
    tiny = p < _LEAST_P
    if tiny.any():
        log10_p = np.where(tiny, (log_ndtr(-z) + math.log(tails)) / LN10, log10_p)
    return np.where(spread.is_dead, 1.0, p), np.where(spread.is_dead, 0.0, log10_p)


def n_formulas(n_concepts: int, length: int, n_directions: int = 1) -> int:
    """How many formulas a search could return: sum over l of (2C)**l 2**(l - 1), per direction.

    >>> n_formulas(n_concepts=2, length=2)
    36
    """
    return n_directions * sum(
        (2 * n_concepts) ** size * 2 ** (size - 1) for size in range(1, length + 1)
    )


def log10_p_search(p_value: np.ndarray, log10_p: np.ndarray, n_tests: int) -> np.ndarray:
    """Decimal logarithm of Šidák's 1 - (1 - p)**M, from p and its logarithm; of p itself for M = 1.

    Šidák, "Rectangular confidence regions for the means of multivariate normal distributions",
    JASA 62 (1967). Stays right where p underflows or M exceeds the floats.
    """
    if n_tests == 1:
        return log10_p
    p_value = np.asarray(p_value, np.float64)
    log_p = np.asarray(log10_p, np.float64) * LN10
    log_m = math.log(n_tests)
    with np.errstate(divide="ignore"):
        # ln of -ln(1 - p): for small p it is ln p to the last digit.
        log_rate = np.where(p_value > 1e-17, np.log(-np.log1p(-p_value)), log_p)
    log_rate = log_rate + log_m
    # ln(1 - exp(-rate)): for a small rate that is ln(rate) - rate / 2.
    rate = np.exp(np.minimum(log_rate, 700.0))
    small = log_rate < -20.0
    with np.errstate(divide="ignore"):
        exact = np.log(-np.expm1(-np.where(small, 1.0, rate)))
    return np.minimum(0.0, np.where(small, log_rate - rate / 2.0, exact)) / LN10


def log10_p_holm(log10_p: np.ndarray) -> np.ndarray:
    """Decimal logarithms of p-values of M tests, corrected by Holm's step-down procedure.

    The i-th smallest p becomes the largest of min(1, (M - j + 1) p_j) over j <= i. The chance that
    any true null hypothesis gets less than a level is at most that level, however the tests depend
    on each other, as those of the units of a layer do (Holm, "A simple sequentially rejective
    multiple test procedure", Scandinavian Journal of Statistics 6, 1979).

    Parameters
    ----------
    log10_p : float64 array [M]

    Returns
    -------
    float64 array [M]
        In the order of `log10_p`; equal p-values stay equal, and none becomes smaller.

    Examples
    --------
    >>> log10_p_holm(np.array([-400.0, -2.0, -401.0])).round(2)
    array([-399.7 ,   -2.  , -400.52])
    """
    order = np.argsort(log10_p, kind="stable")
    factors = np.arange(len(log10_p), 0, -1)
    corrected = np.empty(len(log10_p))
    corrected[order] = np.maximum.accumulate(np.log10(factors) + log10_p[order])
    return np.minimum(0.0, corrected)


def log10_p_skewed(log10_p: np.ndarray, z: np.ndarray, skewness: np.ndarray) -> np.ndarray:
    """The two-sided log10 p with the tail of a shifted, scaled Poisson variable of equal skewness.

    Where almost all values are tied and the extent is small, U is a count of rare events in
    disguise: its tail on the side of the skew is far heavier than the normal one. The exponents
    of the two tails are z**2 / 2 and ((1 + x) ln(1 + x) - x) / skewness**2 with x = skewness * z
    (the rate function of the Poisson distribution); their difference corrects p. Where the skew
    points away from z, the normal tail is the larger and is left alone.
    """
    x = np.maximum(skewness * z, 0.0)
    heavy = x > 1e-6
    x = np.where(heavy, x, 1.0)
    gamma = np.where(heavy, skewness, 1.0)
    exponent = np.where(heavy, ((1.0 + x) * np.log1p(x) - x) / gamma**2, z**2 / 2.0)
    return np.minimum(0.0, log10_p + (z**2 / 2.0 - exponent) / LN10)


def is_trusted(log10_corrected: np.ndarray, log10_skewed: np.ndarray, n_tests: int) -> np.ndarray:
    """Whether the verdict of the normal tail may be believed: bool, elementwise.

    It may where nothing is claimed (p_search of 0.05 or more), and where the heavier tail of
    `log10_p_skewed`, corrected alike, comes to the same verdict.
    """
    threshold = math.log10(SIGNIFICANT)
    heavier = log10_p_search(10.0**log10_skewed, log10_skewed, n_tests)
    return (log10_corrected >= threshold) | (heavier < threshold)
