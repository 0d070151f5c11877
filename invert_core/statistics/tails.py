"""Tails of the Mann-Whitney statistic: z-scores and p-values by the normal approximation.

All functions are elementwise: a p-value does not depend on what is computed beside it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from scipy.special import log_ndtr, ndtr

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
