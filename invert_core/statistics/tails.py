"""Tails of the Mann-Whitney statistic: z-scores and p-values by the normal approximation.

All functions are elementwise: no value depends on the other values in the same array.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from invert_core.statistics.normal import log_upper_tail, upper_tail

LN10 = math.log(10.0)
_LEAST_P = 1e-290
ALTERNATIVES = ("two-sided", "less", "greater")


@dataclass(frozen=True)
class RankSpread:
    """The spread of the ranks, after ties, of each unit, or of the unit of each formula.

    Parameters
    ----------
    n_samples : int, or int64 array
        N: one number for all, or one for each entry.
    d : float64 array
        D = N**3 - N - sum(t**3 - t) over tie groups of t samples; 0 for a dead unit.
    """

    n_samples: int | np.ndarray
    d: np.ndarray

    @classmethod
    def of_units(cls, n_samples: int, tie_sums: Sequence[int]) -> Self:
        """Make the spreads of several units; each D is an exact integer that is rounded once."""
        most = n_samples**3 - n_samples
        return cls(n_samples, np.array([float(most - ties) for ties in tie_sums]))

    def of_each(self, units: Any) -> Self:
        """Return the spreads at an index into the arrays."""
        n = self.n_samples
        n = n[units] if isinstance(n, np.ndarray) else n
        return replace(self, n_samples=n, d=self.d[units])

    @property
    def is_dead(self) -> np.ndarray:
        """Whether all values of the unit are equal."""
        return self.d == 0.0

    def sigma(self, n_positive: np.ndarray) -> np.ndarray:
        """Return the standard deviation of U for extents of n1: sqrt(n1 n0 D / (12 N (N - 1)))."""
        n = self.n_samples
        pairs = (n_positive * (n - n_positive)).astype(np.float64)
        return np.sqrt(pairs * self.d / np.asarray(12 * n * (n - 1), np.float64))

    def divisor(self, n_positive: np.ndarray) -> np.ndarray:
        """Return `sigma`, but 1 for dead units, so that 0 / 0 becomes 0."""
        return np.where(self.is_dead, 1.0, self.sigma(n_positive))


def z_score(doubled_u: np.ndarray, n_positive: np.ndarray, spread: RankSpread) -> np.ndarray:
    """Return the standard score: sign(U - mu) max(0, |U - mu| - 1/2) / sigma.

    The half is the continuity correction. Dead units get 0.

    Parameters
    ----------
    doubled_u, n_positive : int64 arrays of one shape
        2U and n1 of extents that hold at least one sample but not all.
    spread : RankSpread
        Rank spread of the unit or units.
    """
    from_mean = doubled_u - n_positive * (spread.n_samples - n_positive)
    distance = np.maximum(np.abs(from_mean) - 1, 0) / 2.0
    z = np.sign(from_mean) * distance / spread.divisor(n_positive)
    return np.where(spread.is_dead, 0.0, z)


def p_values(
    doubled_u: np.ndarray, n_positive: np.ndarray, spread: RankSpread, alternative: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return p and log10 p of U, as in `scipy.stats.mannwhitneyu(method="asymptotic")`.

    If p underflows, for |z| above 38, its logarithm is computed from the normal tail directly. Dead
    units get a p of 1.
    """
    from_mean = doubled_u - n_positive * (spread.n_samples - n_positive)
    tails = 1.0
    if alternative == "two-sided":
        from_mean = np.abs(from_mean)
        tails = 2.0
    elif alternative == "less":
        from_mean = -from_mean
    z = (from_mean - 1) / 2.0 / spread.divisor(n_positive)
    p = np.minimum(1.0, tails * upper_tail(z))
    log10_p = np.log10(np.maximum(p, _LEAST_P))
    tiny = p < _LEAST_P
    if tiny.any():
        log10_p[tiny] = (log_upper_tail(z[tiny]) + math.log(tails)) / LN10
    return np.where(spread.is_dead, 1.0, p), np.where(spread.is_dead, 0.0, log10_p)
