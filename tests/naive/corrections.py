"""The size of the search, and p-values corrected for many tests."""

from collections.abc import Sequence
from decimal import MIN_EMIN, Decimal, localcontext
from itertools import product
from math import ceil

from tests.naive.tails import log10_one_minus


def n_formulas(n_concepts: int, length: int, both: bool) -> int:
    """Count the left-to-right formulas of up to `length` literals by writing all of them down."""
    literals = range(2 * n_concepts)
    directions = ("positive", "negative") if both else ("positive",)
    count = 0
    for _direction in directions:
        for size in range(1, length + 1):
            for _formula in product(product(literals, repeat=size), product("&|", repeat=size - 1)):
                count += 1
    return count


def log10_p_search(log10_p: float, space: int) -> float:
    """log10 of 1 - (1 - p)^M for M = `space`, computed with more digits than p has zeros."""
    with localcontext(prec=80 + ceil(-log10_p) + len(str(space)), Emin=MIN_EMIN):
        p = Decimal(10) ** Decimal(log10_p)
        return float(log10_one_minus((1 - p) ** space))


def log10_p_holm(log10_p: Sequence[float]) -> list[float]:
    """log10 of the lowest level at which Holm's procedure rejects each test, by trying them all."""
    with localcontext(prec=60, Emin=MIN_EMIN):
        ps = [Decimal(10) ** Decimal(each) for each in log10_p]
        order = sorted(range(len(ps)), key=lambda test: ps[test])
        levels = sorted({Decimal(1), *(n * p for p in ps for n in range(1, len(ps) + 1))})
        least: dict[int, float] = {}
        for level in levels:
            for step, test in enumerate(order):
                if level < 1 and (len(ps) - step) * ps[test] > level:
                    break
                least.setdefault(test, float(level.log10()))
    return [least[test] for test in range(len(ps))]
