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
        self.ties: list[int] = []
        self.rank: dict[int, int] = {}
        begin = 0
        while begin < self.n:
            end = begin
            while end < self.n and values[places[end]] == values[places[begin]]:
                end += 1
            # The ranks are begin + 1 to end; twice their mean is the sum of the two.
            self.rank.update(dict.fromkeys(places[begin:end], begin + 1 + end))
            self.ties.append(end - begin)
            begin = end
        self.d = self.n**3 - self.n - sum(t**3 - t for t in self.ties)
        self._doubled_u: dict[int, int] = {}

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

    def skewness(self, n1: int) -> float:
        """The skewness of the sum of n1 ranks that are drawn without replacement."""
        if self.n < 3:
            return 0.0
        n, n0 = self.n, self.n - n1
        third = sum((rank - (n + 1)) ** 3 for rank in self.rank.values())  # of doubled ranks
        moment = Fraction(third * n1 * n0 * (n0 - n1), 8 * n * (n - 1) * (n - 2))
        return float(moment) / float(self.variance(n1)) ** 1.5


@dataclass(frozen=True)
class Test:
    """The two-sided Mann-Whitney test of an extent, and the status that follows from it."""

    z: float
    p: float
    p_search: float
    status: str
    is_on_the_edge: bool
    """Whether rounding may decide the status."""


def test_of(ranked: RankedSamples, extent: int, n_tests: int) -> Test:
    """Test an extent, corrected for the number of formulas that could have been found."""
    if ranked.d == 0:
        return Test(0.0, 1.0, 1.0, "constant", False)
    n1 = extent.bit_count()
    from_mean = Fraction(ranked.doubled_u(extent), 2) - Fraction(n1 * (ranked.n - n1), 2)
    corrected = abs(from_mean) - Fraction(1, 2)
    sigma = math.sqrt(ranked.variance(n1))
    z = math.copysign(float(max(corrected, Fraction(0))) / sigma, from_mean)
    p = min(1.0, math.erfc(float(corrected) / sigma / math.sqrt(2.0)))
    heavy = min(1.0, p * math.exp(-_exponent_above_normal(z, ranked.skewness(n1))))
    p_search, heavy_search = (sidak(each, n_tests) for each in (p, heavy))
    status = "untrusted" if p_search < 0.05 <= heavy_search else "ok"
    edge = any(abs(each - 0.05) < 1e-9 for each in (p_search, heavy_search))
    return Test(z, p, p_search, status, edge)


def _exponent_above_normal(z: float, skewness: float) -> float:
    """How much the exponent of the skewed Poisson tail exceeds z**2 / 2; 0 if it points away."""
    x = skewness * z
    if x <= 1e-6:
        return 0.0
    return ((1.0 + x) * math.log1p(x) - x) / skewness**2 - z**2 / 2.0


def sidak(p: float, n_tests: int) -> float:
    """1 - (1 - p)**n_tests, with more digits than p has zeros."""
    with localcontext(prec=400):
        return float(1 - (1 - Decimal(p)) ** n_tests)


def n_formulas(n_concepts: int, length: int) -> int:
    """How many formulas there are: 2C literals at each place, 2 connectives between two places."""
    return sum((2 * n_concepts) ** size * 2 ** (size - 1) for size in range(1, length + 1))
