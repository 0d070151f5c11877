"""Ranks and the Mann-Whitney test."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import MIN_EMIN, Decimal, localcontext

import scipy.stats

from tests.naive.tails import log10_upper_tail, upper_tail


@dataclass(frozen=True)
class RankTest:
    """A Mann-Whitney test: `doubled_u` is exact, `p` is scipy's, the rest has high precision."""

    doubled_u: int
    u: float
    auc: float
    z: float
    p: float
    log10_p: float


def auc(activations: Iterable[float], extent: AbstractSet[int]) -> tuple[int, float]:
    """Compute 2U and AUC by comparing every sample inside with every sample outside."""
    values = [float(a) for a in activations]
    outside = [b for j, b in enumerate(values) if j not in extent]
    doubled_u = 0
    for i in extent:
        for b in outside:
            if values[i] > b:
                doubled_u += 2
            elif values[i] == b:
                doubled_u += 1
    return doubled_u, doubled_u / (2 * len(extent) * len(outside))


def doubled_midranks(activations: Iterable[float]) -> list[int]:
    """Add, for every sample, the first and the last of the 1-based ranks that its value takes."""
    values = [float(a) for a in activations]
    ordered = sorted(values)
    first: dict[float, int] = {}
    last: dict[float, int] = {}
    for rank, value in enumerate(ordered, start=1):
        first.setdefault(value, rank)
        last[value] = rank
    return [first[value] + last[value] for value in values]


def tie_sum(activations: Iterable[float]) -> int:
    """Sum of t^3 - t over the groups of t equal values."""
    count: dict[float, int] = {}
    for a in activations:
        count[float(a)] = count.get(float(a), 0) + 1
    return sum(t**3 - t for t in count.values())


def large_ties(activations: Iterable[float]) -> list[tuple[int, int]]:
    """How many samples are below each large tie group, and in it, ascending."""
    values = [float(a) for a in activations]
    found = []
    for value in sorted(set(values)):
        size = sum(a == value for a in values)
        if size > 1 and size > len(values) // 512:
            found.append((sum(a < value for a in values), size))
    return found


def mann_whitney(
    activations: Iterable[float], extent: AbstractSet[int], alternative: str = "two-sided"
) -> RankTest:
    """The Mann-Whitney test; `alternative` is "two-sided", "greater" or "less"."""
    values = [float(a) for a in activations]
    n = len(values)
    n1 = len(extent)
    n0 = n - n1
    ranks = doubled_midranks(values)
    doubled_u = sum(ranks[i] for i in extent) - n1 * (n1 + 1)
    area = doubled_u / (2 * n1 * n0)
    d = n**3 - n - tie_sum(values)
    if d == 0:
        return RankTest(doubled_u, doubled_u / 2, area, 0.0, 1.0, 0.0)
    # Of ranks: with infinite values some versions of SciPy give NaN.
    p = scipy.stats.mannwhitneyu(
        [ranks[i] for i in sorted(extent)],
        [ranks[i] for i in range(n) if i not in extent],
        alternative=alternative,
        method="asymptotic",
        use_continuity=True,
    ).pvalue
    with localcontext(prec=60, Emin=MIN_EMIN):
        doubled_sigma = (Decimal(n1 * n0 * d) / (3 * n * (n - 1))).sqrt()
        above = doubled_u - n1 * n0
        size = max(0, abs(above) - 1) / doubled_sigma
        z = size if above > 0 else -size
        if alternative == "greater":
            log10_p = log10_upper_tail((above - 1) / doubled_sigma)
        elif alternative == "less":
            log10_p = log10_upper_tail((-above - 1) / doubled_sigma)
        else:
            doubled_tail = 2 * upper_tail((abs(above) - 1) / doubled_sigma)
            log10_p = min(Decimal(0), doubled_tail.log10())
    return RankTest(doubled_u, doubled_u / 2, area, float(z), float(p), float(log10_p))
