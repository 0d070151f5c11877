"""What the samples nearest the top of a unit say of an extent, in the plainest code."""

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import scipy.stats
from sklearn.metrics import average_precision_score


@dataclass(frozen=True)
class Ranked:
    """The samples of a domain of a unit; the top are the lowest values if `sign` is -1."""

    values: np.ndarray
    extent: np.ndarray
    domain: np.ndarray
    sign: int

    def order(self) -> list[int]:
        """The samples from the top on; of equal values the first sample comes first."""
        return sorted(np.flatnonzero(self.domain).tolist(), key=lambda i: (-self._key(i), i))

    def bottom(self) -> list[int]:
        """The samples from the other end on; of equal values the first sample comes first."""
        return sorted(np.flatnonzero(self.domain).tolist(), key=lambda i: (self._key(i), i))

    def hits(self, n: int) -> Fraction:
        """The samples inside among the n at the top; each counts with its chance to be there."""
        found = Fraction(0)
        for before, tied in self._places_of_inside:
            found += min(Fraction(1), max(Fraction(0), Fraction(n - before, tied)))
        return found

    @cached_property
    def _places_of_inside(self) -> list[tuple[int, int]]:
        """How many samples are before each sample inside, and how many are tied with it."""
        keys = self.sign * self.values[self.domain].astype(np.float64)
        inside = keys[self.extent[self.domain]]
        return [(int((keys > key).sum()), int((keys == key).sum())) for key in inside]

    def precision(self, n: int) -> float:
        """The share of samples inside among the n at the top."""
        n = min(n, int(self.domain.sum()))
        return float(self.hits(n) / n)

    def average_precision(self) -> float:
        """As scikit-learn has it; ranks replace the values, which may be infinite."""
        inside, ranks = self._marks_and_ranks()
        return float(average_precision_score(inside, ranks))

    def best_f1(self) -> float:
        """The largest F1 of all thresholds."""
        inside, ranks = self._marks_and_ranks()
        chosen = [ranks >= rank for rank in set(ranks.tolist())]
        return max(2 * (inside & one).sum() / (inside.sum() + one.sum()) for one in chosen)

    def point_biserial(self) -> float | None:
        """The correlation of values and marks; None if it has no number."""
        inside, _ = self._marks_and_ranks()
        values = self.values[self.domain].astype(np.float64)
        if not np.isfinite(values).all() or len(set(values.tolist())) == 1:
            return None
        exact = [Fraction(value) for value in values.tolist()]
        mean = sum(exact) / len(exact)
        share = Fraction(int(inside.sum()), len(exact))
        between = sum(value - mean for value, is_in in zip(exact, inside, strict=True) if is_in)
        spread = sum((value - mean) ** 2 for value in exact) * share * (1 - share) * len(exact)
        return math.copysign(math.sqrt(between**2 / spread), between)

    def _key(self, sample: int) -> float:
        return self.sign * float(self.values[sample])

    def _marks_and_ranks(self) -> tuple[np.ndarray, np.ndarray]:
        values = self.values[self.domain].astype(np.float64)
        return self.extent[self.domain], scipy.stats.rankdata(self.sign * values, "dense")


def edges(values: np.ndarray, n_bins: int) -> np.ndarray:
    """The edges of the bins of a unit's finite values."""
    finite = values[np.isfinite(values)].astype(np.float64)
    low, high = (finite.min(), finite.max()) if finite.size else (np.inf, -np.inf)
    with np.errstate(over="ignore", invalid="ignore"):
        if not np.isfinite(high - low):
            return np.append(low + np.arange(n_bins) * (high / n_bins - low / n_bins), high)
        return np.minimum(np.linspace(low, high, n_bins + 1), high)


def histogram(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """How many of the values but 0 are in each bin; infinities are in the bins at the ends."""
    chosen = values[values != 0].astype(np.float64)
    return np.histogram(np.clip(chosen, at[0], at[-1]), at)[0]


def shared(
    top: list[int], marks: np.ndarray, defined: np.ndarray, min_fraction: float
) -> list[tuple[int, int]]:
    """The concepts that the samples at the top share more than by chance, and how many carry each.

    `marks` and `defined` are bool [N, C]; the exact hypergeometric tail decides, then the order.
    """
    found = []
    for concept, (carried, known) in enumerate(zip(marks.T, defined.T, strict=True)):
        n, n_positive = int(known.sum()), int((carried & known).sum())
        n_top, n_hits = int(known[top].sum()), int((carried & known)[top].sum())
        if n == 0 or n_positive / n < min_fraction or n_hits < 3:
            continue
        if Fraction(n_hits, n_top) <= Fraction(n_positive, n):
            continue
        ways = sum(
            math.comb(n_positive, hits) * math.comb(n - n_positive, n_top - hits)
            for hits in range(n_hits, n_top + 1)
        )
        found.append((Fraction(ways, math.comb(n, n_top)), concept, n_hits))
    return [(concept, n_hits) for _, concept, n_hits in sorted(found)[:6]]


def alike(units: np.ndarray, number: int) -> list[tuple[int, float]]:
    """The five units whose ranks of the samples correlate most with those of a unit [K, N]."""
    ranks = scipy.stats.rankdata(units, axis=1)
    others = [
        other
        for other in range(len(units))
        if other != number and min(np.ptp(ranks[other]), np.ptp(ranks[number])) > 0
    ]
    found = [(other, float(np.corrcoef(ranks[number], ranks[other])[0, 1])) for other in others]
    return sorted(found, key=lambda each: (-round(abs(each[1]), 9), each[0]))[:5]
