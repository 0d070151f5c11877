"""What a formula is, and what it is worth on a unit, by the definitions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction


@dataclass(frozen=True)
class Formula:
    """Literals joined from left to right; literal 2c is concept c, and 2c + 1 its negation."""

    literals: tuple[int, ...]
    connectives: tuple[str, ...] = ()

    def joined(self, connective: str, literal: int) -> "Formula":
        """Append a literal, and sort the run of one connective that it ends."""
        connectives = (*self.connectives, connective)
        begin = len(connectives)
        while begin > 0 and connectives[begin - 1] == connective:
            begin -= 1
        # The first literal belongs to the first run; later runs begin behind their connective.
        begin = begin + 1 if begin else 0
        literals = (*self.literals, literal)
        return Formula(literals[:begin] + tuple(sorted(literals[begin:])), connectives)

    def text(self, ids: Sequence[str]) -> str:
        """Write the formula with the parentheses that it needs."""

        def literal(number: int) -> str:
            return "~" * (number % 2) + ids[number // 2]

        written, outer = literal(self.literals[0]), None
        for connective, number in zip(self.connectives, self.literals[1:], strict=True):
            if connective == "&" and outer == "|":
                written = f"({written})"
            written, outer = f"{written} {connective} {literal(number)}", connective
        return written


def members(extent: int) -> list[int]:
    """List the samples of an extent."""
    return [i for i, bit in enumerate(reversed(f"{extent:b}")) if bit == "1"]


class RankedSamples:
    """The doubled midranks of a unit on some samples, and the test that they allow."""

    def __init__(self, values: Sequence[float], domain: int):
        places = sorted(members(domain), key=lambda i: values[i])
        self.n = len(places)
        self.levels: dict[int, int] = {}
        self.rank: dict[int, int] = {}
        begin = 0
        while begin < self.n:
            end = begin
            while end < self.n and values[places[end]] == values[places[begin]]:
                end += 1
            # The ranks are begin + 1 to end; twice their mean is the sum of the two.
            self.rank.update(dict.fromkeys(places[begin:end], begin + 1 + end))
            self.levels[begin + 1 + end] = end - begin
            begin = end
        self.d = self.n**3 - self.n - sum(t**3 - t for t in self.levels.values())
        self._doubled_u: dict[int, int] = {}
        lowest = min(self.levels, default=0)
        self._step = math.gcd(*(rank - lowest for rank in self.levels)) or 1
        self._width = self.n + 1
        self._ways: list[int] = []
        self._p: dict[tuple[int, int], Fraction] = {}

    def doubled_u(self, extent: int) -> int:
        """2U of an extent, which counts each pair that is in order twice, and each tie once."""
        if extent not in self._doubled_u:
            n1 = extent.bit_count()
            found = sum(self.rank[i] for i in members(extent))
            self._doubled_u[extent] = found - n1 * (n1 + 1)
        return self._doubled_u[extent]

    def auc(self, extent: int) -> float:
        n1 = extent.bit_count()
        return self.doubled_u(extent) / (2 * n1 * (self.n - n1))

    def variance(self, n1: int) -> Fraction:
        """The variance of U, given the ties."""
        return Fraction(n1 * (self.n - n1) * self.d, 12 * self.n * (self.n - 1))

    def p_value(self, extent: int) -> Fraction:
        """The two-sided p-value: twice the share of extents of this size with as extreme a sum.

        All extents of the size are counted by their sum of doubled ranks. As extreme is what is on
        the same side of the mean, as far from it or farther.
        """
        n1 = extent.bit_count()
        above_mean = self.doubled_u(extent) - n1 * (self.n - n1)
        if above_mean == 0:
            return Fraction(1)
        if 2 * n1 > self.n:
            # What an extent has above the mean, the other samples have below it.
            n1, above_mean = self.n - n1, -above_mean
        key = (n1, above_mean)
        if key not in self._p:
            found = above_mean + n1 * (self.n + 1)
            n_below = self._n_below(n1, found + (above_mean < 0))
            n_all = math.comb(self.n, n1)
            n_extreme = n_below if above_mean < 0 else n_all - n_below
            self._p[key] = min(Fraction(1), Fraction(2 * n_extreme, n_all))
        return self._p[key]

    def _n_below(self, n1: int, bound: int) -> int:
        """How many choices of n1 samples have a sum of doubled ranks below a bound."""
        if len(self._ways) <= n1:
            self._ways = self._counted(n1)
        lowest, step = min(self.levels), self._step
        n_places = -((n1 * lowest - bound) // step)
        below = self._ways[n1] & ((1 << n_places * self._width) - 1)
        # The sum of the digits, as all of them together are less than the base: 9 in decimals.
        return below % ((1 << self._width) - 1)

    def _counted(self, most: int) -> list[int]:
        """Count the choices of up to `most` samples by their sum.

        Number k has a digit for each sum of k doubled ranks, from the lowest in equal steps, to the
        base 2**(N + 1), which no count reaches: how many choices of k samples have that sum.
        """
        lowest, ways = min(self.levels), [1]
        for rank in self.rank.values():
            jump = (rank - lowest) // self._step * self._width
            with_it = [0] + [earlier << jump for earlier in ways]
            ways = [one + other for one, other in zip([*ways, 0], with_it, strict=True)]
            del ways[most + 1 :]
        return ways


@dataclass(frozen=True)
class Test:
    """The two-sided Mann-Whitney test of an extent."""

    z: float
    p: Fraction

    @property
    def log10_p(self) -> float:
        return math.log10(self.p.numerator) - math.log10(self.p.denominator)


def test_of(ranked: RankedSamples, extent: int) -> Test:
    """Test an extent given the ties; z alone belongs to the normal approximation."""
    if ranked.d == 0:
        return Test(0.0, Fraction(1))
    n1 = extent.bit_count()
    from_mean = Fraction(ranked.doubled_u(extent), 2) - Fraction(n1 * (ranked.n - n1), 2)
    corrected = max(abs(from_mean) - Fraction(1, 2), Fraction(0))
    z = math.copysign(float(corrected) / math.sqrt(ranked.variance(n1)), from_mean)
    return Test(z, ranked.p_value(extent))


def log10_sidak(p: Fraction, n_tests: int) -> float:
    """log10 of 1 - (1 - p)**n_tests, with more digits than p has zeros."""
    with localcontext(prec=400):
        none_below = (1 - Decimal(p.numerator) / p.denominator) ** n_tests
        return float((1 - none_below).log10())


def n_formulas(n_concepts: int, length: int) -> int:
    """How many formulas there are: 2C literals at each place, 2 connectives between two places."""
    return sum((2 * n_concepts) ** size * 2 ** (size - 1) for size in range(1, length + 1))
