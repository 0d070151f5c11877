"""The rank sum's distribution given the ties: all extents of a size, counted with integers."""

from collections.abc import Iterable
from fractions import Fraction
from math import comb, log10

from tests.naive.ranks import doubled_midranks


def rank_sum_counts(activations: Iterable[float], size: int) -> dict[int, int]:
    """How many extents of a size have each sum of doubled midranks."""
    counts: list[dict[int, int]] = [{0: 1}] + [{} for _ in range(size)]
    for rank in doubled_midranks(activations):
        # From the largest size down, so that no sample is taken twice.
        for k in range(size, 0, -1):
            for total, count in counts[k - 1].items():
                counts[k][total + rank] = counts[k].get(total + rank, 0) + count
    return counts[size]


def conditional_p(
    activations: Iterable[float], size: int, rank_sum: int, alternative: str = "two-sided"
) -> Fraction:
    """The p-value of a rank sum among all extents of a size; `alternative` as in mann_whitney."""
    values = list(activations)
    counts = rank_sum_counts(values, size)
    n_all = comb(len(values), size)
    above = Fraction(sum(c for total, c in counts.items() if total >= rank_sum), n_all)
    below = Fraction(sum(c for total, c in counts.items() if total <= rank_sum), n_all)
    if alternative == "greater":
        return above
    if alternative == "less":
        return below
    mean = size * (len(values) + 1)
    if rank_sum == mean:
        return Fraction(1)
    return min(Fraction(1), 2 * (above if rank_sum > mean else below))


def log10_of(p: Fraction) -> float:
    """log10 of a fraction whose parts may be too large for floats."""
    return log10(p.numerator) - log10(p.denominator)
