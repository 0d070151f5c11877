"""p after the search of tiny cases, against searches of all orders of the samples."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from invert_core.results.columns import Label
from tests.oracle import definitions
from tests.oracle.cases import Case
from tests.oracle.differs import Differs, close, equal
from tests.oracle.searches import Found, Result, Unit, searched

_UNLIKELY = Fraction(1, 10**9)
_ROUNDING = 1e-9
_CORRECTED = ("p_search", "log10_p_search", "correction", "q_value")
"""The columns that permutations change."""


def check(rows: Sequence[Label], of_space: Sequence[Label], case: Case) -> None:
    """Compare rows with permutations with those without, and with the null distribution.

    The product draws some orders of the samples, at random. How many of them have a p as small must
    be a likely number, given how many of all orders have.
    """
    equal("number of rows with permutations", len(rows), len(of_space))
    for row, other in zip(rows, of_space, strict=True):
        kept = {name: getattr(other, name) for name in _CORRECTED}
        equal("row with permutations", replace(row, **kept), other)
    if rows[0].status == "dead":
        equal("correction of a dead unit", (rows[0].p_search, rows[0].correction), (1.0, "none"))
        return
    (values,) = case.units
    orders = [_p_by_rank(order, case) for order in sorted(set(itertools.permutations(values)))]
    own = searched(case.kind, Unit(values), case.concepts, case.rules)
    for row, other in zip(rows, of_space, strict=True):
        if row.headline:
            p = _corrected(_p_given(Unit(values), row, own[row.direction]), row.length, case)
            n_as_small = sum(of_order[-1] <= p + _ROUNDING for of_order in orders)
        else:
            p = _p_of(Unit(values), own[row.direction], row.rank)
            n_as_small = sum(of_order[row.rank - 1] <= p for of_order in orders)
        _check_row(row, other.p_search, case.permutations, Fraction(n_as_small, len(orders)))


def _p_by_rank(values: Sequence[float], case: Case) -> list[Fraction | float]:
    """The p of each rank, and log10 p of the headline; the smaller of both directions."""
    unit = Unit(values)
    results = searched(case.kind, unit, case.concepts, case.rules).values()
    ranks = range(1, case.rules.beam + 1)
    of_headlines = [
        _corrected(_test(unit, found).p, len(found.formula.literals), case)
        for result in results
        for found in result.by_length
    ]
    by_rank = [min(_p_of(unit, result, rank) for result in results) for rank in ranks]
    return [*by_rank, min(of_headlines, default=0.0)]


def _corrected(p: Fraction, length: int, case: Case) -> float:
    """log10 p, corrected for all formulas that are not longer."""
    n_directions = 2 if case.rules.direction == "both" else 1
    n_tests = n_directions * definitions.n_formulas(len(case.concepts.true), length)
    return definitions.log10_sidak(p, n_tests)


def _p_given(unit: Unit, row: Label, result: Result) -> Fraction:
    """The p of the best formula of the length of a row."""
    (found,) = (one for one in result.by_length if len(one.formula.literals) == row.length)
    return _test(unit, found).p


def _test(unit: Unit, found: Found) -> definitions.Test:
    return definitions.test_of(unit.ranked(found.marked.domain), found.marked.extent)


def _p_of(unit: Unit, result: Result, rank: int) -> Fraction:
    if rank > len(result.reported):
        return Fraction(1)
    return _test(unit, result.reported[rank - 1]).p


def _check_row(row: Label, p_space: float, n_permutations: int, share: Fraction) -> None:
    """Check min(1, p_perm / 0.99, 100 p_space), where p_perm = (1 + count) / (1 + P)."""
    close("p_search", row.p_search, 10.0**row.log10_p_search)
    count = 0.99 * row.p_search * (n_permutations + 1) - 1
    if row.p_search == 1.0:
        # (1 + count) / (1 + P) / 0.99 is at least 1, and so is 100 p_space.
        equal("100 p_space of p_search 1", 100 * p_space >= 1.0, True)
        least = min(math.ceil(count - 1e-6), n_permutations)
        _check_chance("at least", least, _at_least(least, n_permutations, share))
        return
    if row.correction == "space":
        close("100 p_space", row.p_search, min(1.0, 100 * p_space))
        least = min(math.ceil(count - 1e-6), n_permutations)
        _check_chance("at least", least, _at_least(least, n_permutations, share))
        return
    equal("correction", row.correction, "permutation")
    whole = round(count)
    if abs(count - whole) > 1e-6 or row.p_search > min(1.0, 100 * p_space) * (1 + 1e-12):
        raise Differs(f"p_search is {row.p_search!r}, with {count} as small and space {p_space!r}")
    _check_chance("at least", whole, _at_least(whole, n_permutations, share))
    fewer = 1 - _at_least(whole + 1, n_permutations, share)
    _check_chance("at most", whole, fewer)


def _at_least(count: int, n_permutations: int, share: Fraction) -> Fraction:
    """The chance that at least so many of the drawn orders are among a share of all orders."""
    hits, misses = share.numerator, share.denominator - share.numerator
    ways = sum(
        math.comb(n_permutations, k) * hits**k * misses ** (n_permutations - k)
        for k in range(max(0, count), n_permutations + 1)
    )
    return Fraction(ways, share.denominator**n_permutations)


def _check_chance(what: str, count: int, chance: Fraction) -> None:
    if chance < _UNLIKELY:
        raise Differs(f"{what} {count} permuted searches as good has a chance of {float(chance)}")
