"""Objectives besides the AUC: scores of samples, and what is made of their sums."""

import math
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from fractions import Fraction

import numpy as np

from tests.naive.ranks import doubled_midranks, tie_sum


def highest(values: Sequence[float], target: int) -> set[int]:
    """Return the highest samples: about `target`, but with all samples that have the same value."""
    cuts = {sum(other >= value for other in values) for value in values} - {len(values)}
    number = min(cuts, key=lambda cut: (max(Fraction(cut, target), Fraction(target, cut)), cut))
    least = sorted(values, reverse=True)[number - 1]
    return {i for i, value in enumerate(values) if value >= least}


def target_of(n: int, quantile: float) -> int:
    """About how many of the samples of a search are the highest."""
    return max(20, round(quantile * n))


def target_of_unseen(n: int, n_searched: int, quantile: float) -> int:
    """About how many of n unseen samples are the highest: the share that it was in the search."""
    return max(1, round(target_of(n_searched, quantile) / n_searched * n))


def chance_of_hits(n: int, n_inside: int, n_highest: int, hits: int) -> Fraction:
    """The probability of so many hits or more among n_highest of n samples, all ways counted."""
    ways = [
        math.comb(n_inside, k) * math.comb(n - n_inside, n_highest - k)
        for k in range(hits, min(n_inside, n_highest) + 1)
    ]
    return Fraction(sum(ways), math.comb(n, n_highest))


class Measure:
    """An objective for one unit; `values` are -1 times the activations in direction "negative".

    About `target` samples are the highest.

    The last steps are those of the definition in `kernels.scores`, so that values can be compared
    bit by bit; `definition` is what they must be near.
    """

    def __init__(
        self, objective: str, values: Sequence[float], quantile: float, target: int | None = None
    ):
        self.objective = objective
        self.n = n = len(values)
        bits = 52 - n.bit_length()
        self.origin = 0.0
        if objective == "correlation":
            self.scores = doubled_midranks(values)
        elif objective in ("phi", "iou", "f1"):
            top = highest(values, target_of(n, quantile) if target is None else target)
            self.scores = [int(i in top) for i in range(n)]
        elif objective == "top":
            self.scores = _savage(values, bits)
        else:
            least, most = min(values), max(values)
            half = 1.0 if math.isfinite(most - least) else 0.5
            width = most * half - least * half

            def scaled(value: float) -> float:
                return (value * half - least * half) / width * 2.0**bits

            self.scores = [round(scaled(value)) for value in values]
            self.origin = scaled(0.0)
        self.total = sum(self.scores)
        self.deviation = self._deviation(values)

    def _deviation(self, values: Sequence[float]) -> float:
        n = self.n
        if self.objective == "correlation":
            return math.sqrt(float(n**3 - n - tie_sum(values)) / 3.0)
        return math.sqrt((n * sum(s * s for s in self.scores) - self.total**2) / n)

    def value(self, extent: AbstractSet[int]) -> float:
        """Compute the objective of an extent; rounding takes no correlation beyond 1."""
        value = self._value(extent)
        is_bounded = self.objective in ("correlation", "phi", "pearson", "cosine")
        return min(1.0, max(-1.0, value)) if is_bounded else value

    def _value(self, extent: AbstractSet[int]) -> float:
        n, m, s = self.n, len(extent), sum(self.scores[i] for i in extent)
        if self.objective == "f1":
            return s / (0.5 * (m + self.total))
        if self.objective == "iou":
            f1 = s / (0.5 * (m + self.total))
            return f1 / (2.0 - f1)
        if self.objective == "cosine":
            mean = self.total / n - self.origin
            norm = math.sqrt(self.deviation * self.deviation + n * (mean * mean))
            return (s - self.origin * m) / (norm * math.sqrt(m))
        lift = 1.0 if self.total % n == 0 else float(n)
        shift = float(self.total // n if self.total % n == 0 else self.total)
        if self.objective in ("mad", "top"):
            scale = lift * self.deviation / (n * math.sqrt(n))
            return (lift * s - shift * m) / (scale * float(m * (n - m)))
        scale = lift * self.deviation / math.sqrt(n)
        return (lift * s - shift * m) / (scale * math.sqrt(float(m * (n - m))))

    def distance(self, extent: AbstractSet[int]) -> float:
        """Compute how much the mean scores inside and outside differ."""
        inside = sum(self.scores[i] for i in extent)
        outside = self.total - inside
        difference = inside / len(extent) - outside / (self.n - len(extent))
        return abs(0.5 + difference - 0.5)


def _savage(values: Sequence[float], bits: int) -> list[int]:
    n = len(values)
    of_rank = []
    score = 0.0
    for i in range(n):
        score += 1.0 / (n - i)
        of_rank.append(round(score * 2.0**bits))
    scores = []
    for value in values:
        below = sum(other < value for other in values)
        tied = sum(other == value for other in values)
        scores.append((sum(of_rank[below : below + tied]) + tied // 2) // tied)
    return scores


def definition(objective: str, values: np.ndarray, extent: np.ndarray, quantile: float) -> float:
    """Compute an objective from its textbook definition, for an extent bool [N]."""
    n, m = extent.size, int(extent.sum())
    ranks = np.array(doubled_midranks(values.tolist())) / 2
    if objective == "correlation":
        return float(np.corrcoef(ranks, extent)[0, 1])
    if objective in ("phi", "iou", "f1"):
        top = np.zeros(n, bool)
        top[list(highest(values.tolist(), target_of(n, quantile)))] = True
        both = int((top & extent).sum())
        if objective == "phi":
            return float(np.corrcoef(top, extent)[0, 1])
        return (
            both / int((top | extent).sum()) if objective == "iou" else 2 * both / (top.sum() + m)
        )
    if objective == "cosine":
        return float(values @ extent / (np.linalg.norm(values) * math.sqrt(m)))
    if objective == "pearson":
        return float(np.corrcoef(values, extent)[0, 1])
    scores = values
    if objective == "top":
        expected = np.cumsum(1.0 / np.arange(n, 0, -1))
        scores = np.array(
            [expected[np.sum(values < one) : np.sum(values <= one)].mean() for one in values]
        )
    return float((scores[extent].mean() - scores[~extent].mean()) / scores.std())
