"""The definitions of the method once more, in the slowest and plainest code that can be read.

Samples are numbers 0..N-1 and an extent is a set of them. Concepts are a list of extents; literal
2c is concept c and literal 2c + 1 its negation. A formula is a tuple of literals and a tuple of
connectives between them, read from left to right.
"""

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import MIN_EMIN, Decimal, localcontext
from itertools import product
from math import ceil

import scipy.stats

PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899")


class NoLiteralPassesError(Exception):
    """No literal has a fraction within the limits, so there is nothing to search."""


@dataclass(frozen=True)
class RankTest:
    """A Mann-Whitney test; `doubled_u` is exact, `p` from scipy, the rest of high precision."""

    doubled_u: int
    u: float
    auc: float
    z: float
    p: float
    log10_p: float


@dataclass(frozen=True)
class Scored:
    """A formula in normal form with its score on one unit."""

    literals: tuple[int, ...]
    connectives: tuple[str, ...]
    extent: frozenset[int]
    n1: int
    doubled_u: int
    auc: float


@dataclass(frozen=True)
class Search:
    """What a beam search of one unit found; `beam` and `reported` are best first."""

    beam: tuple[Scored, ...]
    by_length: dict[int, Scored]
    reported: tuple[Scored, ...]
    n_scored: int
    dead: bool


def extents(labels: Iterable[Iterable[bool]]) -> list[set[int]]:
    """One set of samples per column of a label matrix [n_samples, n_concepts]."""
    columns = zip(*labels, strict=True)
    return [{i for i, true in enumerate(column) if true} for column in columns]


# Ranks and the Mann-Whitney test


def auc(activations: Iterable[float], extent: AbstractSet[int]) -> tuple[int, float]:
    """2U and AUC by comparing every sample inside with every sample outside."""
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
    """For every sample: the sum of the first and the last of the 1-based ranks its value takes."""
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


def mann_whitney(
    activations: Iterable[float], extent: AbstractSet[int], alternative: str = "two-sided"
) -> RankTest:
    """The test of DESIGN 3; `alternative` is "two-sided", "greater" or "less"."""
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


# Atoms


def atoms(labels: Iterable[Iterable[bool]]) -> list[int]:
    """For every sample the number of its group; equal rows are one group, in order of the first."""
    numbers: dict[tuple[bool, ...], int] = {}
    return [numbers.setdefault(tuple(map(bool, row)), len(numbers)) for row in labels]


# The normal tail


def upper_tail(z: Decimal) -> Decimal:
    """P(Z > z) to about 50 digits."""
    with localcontext(prec=60, Emin=MIN_EMIN):
        if z < 0:
            return 1 - upper_tail(-z)
        return tail_by_series(z) if z < 6 else tail_by_fraction(z)


def tail_by_series(z: Decimal) -> Decimal:
    """1/2 - phi(z) (z + z^3/3 + z^5/(3 5) + ...), for z not far from 0."""
    total, term, k = Decimal(0), z, 1
    while abs(term) > Decimal(10) ** -60:
        total += term
        k += 2
        term = term * z * z / k
    return Decimal("0.5") - density(z) * total


def tail_by_fraction(z: Decimal) -> Decimal:
    """phi(z) / (z + 1/(z + 2/(z + 3/(z + ...)))), for z not near 0."""
    below = z
    for k in range(300, 0, -1):
        below = z + k / below
    return density(z) / below


def density(z: Decimal) -> Decimal:
    """The standard normal density."""
    return (-z * z / 2).exp() / (2 * PI).sqrt()


def log10_upper_tail(z: Decimal) -> Decimal:
    """log10 P(Z > z), exact also where the tail is all but 1."""
    if z < 0:
        return log10_one_minus(upper_tail(-z))
    return upper_tail(z).log10()


def log10_one_minus(q: Decimal) -> Decimal:
    """log10(1 - q), exact also where q is too small to be seen beside 1."""
    if q > Decimal("0.1"):
        return (1 - q).log10()
    total, power, k = Decimal(0), q, 1
    while power > q * Decimal(10) ** -60:
        total -= power / k
        power *= q
        k += 1
    return total / Decimal(10).ln()


# The size of the search


def n_formulas(n_concepts: int, length: int, both: bool) -> int:
    """Number of left-to-right formulas of up to `length` literals, by writing all of them down."""
    literals = range(2 * n_concepts)
    directions = ("positive", "negative") if both else ("positive",)
    count = 0
    for _direction in directions:
        for size in range(1, length + 1):
            for _formula in product(product(literals, repeat=size), product("&|", repeat=size - 1)):
                count += 1
    return count


def log10_p_search(log10_p: float, space: int) -> float:
    """log10 of 1 - (1 - p)^M for M = `space`, with more digits than p has zeros."""
    with localcontext(prec=80 + ceil(-log10_p) + len(str(space)), Emin=MIN_EMIN):
        p = Decimal(10) ** Decimal(log10_p)
        return float(log10_one_minus((1 - p) ** space))


def log10_p_holm(log10_p: Sequence[float]) -> list[float]:
    """log10 of the least level at which Holm's procedure rejects each test, by trying all."""
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


# Formulas and the beam search


def extent_of(
    literals: Sequence[int],
    connectives: Sequence[str],
    concepts: Sequence[AbstractSet[int]],
    n_samples: int,
) -> frozenset[int]:
    """Where a formula is true, sample by sample."""
    true = set()
    for i in range(n_samples):
        value = [(i in concepts[k // 2]) != (k % 2 == 1) for k in literals]
        result = value[0]
        for connective, right in zip(connectives, value[1:], strict=True):
            result = (result and right) if connective == "&" else (result or right)
        if result:
            true.add(i)
    return frozenset(true)


def normal_form(literals: Sequence[int], connectives: Sequence[str]) -> tuple[int, ...]:
    """Literals sorted within each run of one connective; the first belongs to the first run."""
    runs = [[literals[0]]]
    for i, literal in enumerate(literals[1:]):
        if i > 0 and connectives[i] != connectives[i - 1]:
            runs.append([])
        runs[-1].append(literal)
    return tuple(literal for run in runs for literal in sorted(run))


def beam_search(
    activations: Iterable[float],
    concepts: Sequence[AbstractSet[int]],
    n_samples: int,
    *,
    length: int,
    beam: int,
    min_fraction: float,
    max_fraction: float,
    direction: str,
    limit_search: int | None = None,
    min_gain: float = 0.0,
    connective_order: str = "&|",
) -> Search:
    """DESIGN 3, steps 1 to 5, for one unit and `direction` "positive" or "negative".

    `connective_order` breaks the last ties; it is turned round only to test the symmetry of step 5.

    Raises
    ------
    NoLiteralPassesError
        If the unit is not dead and no literal has a fraction within the limits.
    """
    ranks = doubled_midranks(activations)
    if len(set(ranks)) == 1:
        return Search((), {}, (), 0, True)
    everything = frozenset(range(n_samples))
    of_literal: list[frozenset[int]] = []
    for concept in concepts:
        of_literal += [frozenset(concept), everything - concept]

    def passes(extent: frozenset[int]) -> bool:
        n1 = len(extent)
        return 0 < n1 < n_samples and min_fraction <= n1 / n_samples <= max_fraction

    def scored(
        literals: tuple[int, ...], connectives: tuple[str, ...], extent: frozenset[int]
    ) -> Scored:
        n1 = len(extent)
        doubled_u = sum(ranks[i] for i in extent) - n1 * (n1 + 1)
        area = doubled_u / (2 * n1 * (n_samples - n1))
        literals = normal_form(literals, connectives)
        return Scored(literals, connectives, extent, n1, doubled_u, area)

    def order(formula: Scored) -> tuple:
        return (
            -formula.auc if direction == "positive" else formula.auc,
            len(formula.literals),
            formula.literals,
            tuple(connective_order.index(connective) for connective in formula.connectives),
        )

    def distance(concept: int) -> float:
        extent = of_literal[2 * concept]
        if not 0 < len(extent) < n_samples:
            return 0.0
        return abs(scored((2 * concept,), (), extent).auc - 0.5)

    by_distance = sorted(range(len(concepts)), key=lambda c: (-distance(c), c))
    kept_concepts = sorted(by_distance[:limit_search])
    kept_literals = [literal for c in kept_concepts for literal in (2 * c, 2 * c + 1)]

    best: list[Scored] = []
    by_length: dict[int, Scored] = {}
    extents_so_far: set[frozenset[int]] = set()
    n_scored = 0
    for step in range(1, length + 1):
        generated: list[tuple[tuple[int, ...], tuple[str, ...], frozenset[int]]] = []
        if step == 1:
            generated = [((literal,), (), extent) for literal, extent in enumerate(of_literal)]
        for parent in best:
            if len(parent.literals) == step - 1:
                for k in kept_literals:
                    literals = (*parent.literals, k)
                    narrowed = parent.extent & of_literal[k]
                    widened = parent.extent | of_literal[k]
                    generated.append((literals, (*parent.connectives, "&"), narrowed))
                    generated.append((literals, (*parent.connectives, "|"), widened))
        if not generated:
            break
        n_scored += len(generated)
        passing = [scored(*candidate) for candidate in generated if passes(candidate[2])]
        if step == 1 and not passing:
            raise NoLiteralPassesError
        new = [formula for formula in passing if formula.extent not in extents_so_far]
        if new:
            by_length[step] = min(new, key=order)
        extents_so_far.update(extent for _, _, extent in generated)
        best = best_distinct(best + passing, order)[:beam]

    reported = admitted({*best, *by_length.values()}, order, direction, min_gain)[:beam]
    return Search(tuple(best), by_length, tuple(reported), n_scored, False)


def best_distinct(pool: Iterable[Scored], order: Callable[[Scored], tuple]) -> list[Scored]:
    """The first formula of every extent, in order."""
    kept: list[Scored] = []
    seen: set[frozenset[int]] = set()
    for formula in sorted(pool, key=order):
        if formula.extent not in seen:
            seen.add(formula.extent)
            kept.append(formula)
    return kept


def admitted(
    found: Iterable[Scored], order: Callable[[Scored], tuple], direction: str, min_gain: float
) -> list[Scored]:
    """Those that beat the best admitted shorter one by at least `min_gain`, in order."""
    chosen: list[Scored] = []
    for formula in sorted(found, key=lambda f: (len(f.literals), order(f))):
        shorter = [f.auc for f in chosen if len(f.literals) < len(formula.literals)]
        if not shorter:
            gain = min_gain
        elif direction == "positive":
            gain = formula.auc - max(shorter)
        else:
            gain = min(shorter) - formula.auc
        if gain >= min_gain:
            chosen.append(formula)
    return sorted(chosen, key=order)


# The beam search where labels are missing


@dataclass(frozen=True)
class MaskedScored(Scored):
    """A formula that is compared on the samples on which all its concepts are defined."""

    defined: frozenset[int]


def masked_beam_search(
    activations: Iterable[float],
    concepts: Sequence[AbstractSet[int]],
    defined: Sequence[AbstractSet[int]],
    n_samples: int,
    *,
    length: int,
    beam: int,
    min_fraction: float,
    max_fraction: float,
    direction: str,
    limit_search: int | None = None,
    min_gain: float = 0.0,
    min_defined: float = 0.5,
) -> Search:
    """`beam_search` where concept c is known on the samples ``defined[c]`` alone.

    Everything about a formula is about the samples on which it is defined. Formulas are the same if
    they are true on the same samples and defined on the same.

    Raises
    ------
    NoLiteralPassesError
        As `beam_search`.
    """
    values = [float(a) for a in activations]
    if len(set(values)) == 1:
        return Search((), {}, (), 0, True)
    ranks_within: dict[frozenset[int], dict[int, int]] = {}

    def ranks(samples: frozenset[int]) -> dict[int, int]:
        if samples not in ranks_within:
            chosen = sorted(samples)
            found = doubled_midranks([values[i] for i in chosen])
            ranks_within[samples] = dict(zip(chosen, found, strict=True))
        return ranks_within[samples]

    Pair = tuple[frozenset[int], frozenset[int]]
    of_literal: list[Pair] = []
    for true, known in zip(concepts, defined, strict=True):
        of_literal.append((frozenset(true), frozenset(known)))
        of_literal.append((frozenset(known - true), frozenset(known)))

    def joined(left: Pair, connective: str, right: Pair) -> Pair:
        both = left[1] & right[1]
        extent = left[0] & right[0] if connective == "&" else left[0] | right[0]
        return extent & both, both

    def is_enough(pair: Pair) -> bool:
        return len(pair[1]) / n_samples >= min_defined and 0 < len(pair[0]) < len(pair[1])

    def passes(pair: Pair) -> bool:
        return is_enough(pair) and min_fraction <= len(pair[0]) / len(pair[1]) <= max_fraction

    def area(pair: Pair) -> tuple[int, float]:
        extent, known = pair
        n1, n0 = len(extent), len(known) - len(extent)
        doubled_u = sum(ranks(known)[i] for i in extent) - n1 * (n1 + 1)
        return doubled_u, doubled_u / (2 * n1 * n0)

    def scored(literals: tuple[int, ...], connectives: tuple[str, ...], pair: Pair) -> MaskedScored:
        literals = normal_form(literals, connectives)
        return MaskedScored(
            literals, connectives, pair[0], len(pair[0]), *area(pair), defined=pair[1]
        )

    def order(formula: Scored) -> tuple:
        return (
            -formula.auc if direction == "positive" else formula.auc,
            len(formula.literals),
            formula.literals,
            formula.connectives,
        )

    def distance(concept: int) -> float:
        pair = of_literal[2 * concept]
        return abs(area(pair)[1] - 0.5) if is_enough(pair) else 0.0

    by_distance = sorted(range(len(concepts)), key=lambda c: (-distance(c), c))
    kept_concepts = sorted(by_distance[:limit_search])
    kept_literals = [literal for c in kept_concepts for literal in (2 * c, 2 * c + 1)]

    best: list[MaskedScored] = []
    by_length: dict[int, Scored] = {}
    pairs_so_far: set[Pair] = set()
    n_scored = 0
    for step in range(1, length + 1):
        generated: list[tuple[tuple[int, ...], tuple[str, ...], Pair]] = []
        if step == 1:
            generated = [((literal,), (), pair) for literal, pair in enumerate(of_literal)]
        for parent in best:
            if len(parent.literals) == step - 1:
                for k in kept_literals:
                    for connective in "&|":
                        pair = joined((parent.extent, parent.defined), connective, of_literal[k])
                        connectives = (*parent.connectives, connective)
                        generated.append(((*parent.literals, k), connectives, pair))
        if not generated:
            break
        n_scored += len(generated)
        passing = [scored(*candidate) for candidate in generated if passes(candidate[2])]
        if step == 1 and not passing:
            raise NoLiteralPassesError
        new = [
            formula for formula in passing if (formula.extent, formula.defined) not in pairs_so_far
        ]
        if new:
            by_length[step] = min(new, key=order)
        pairs_so_far.update(pair for _, _, pair in generated)
        kept: dict[Pair, MaskedScored] = {}
        for formula in sorted(best + passing, key=order):
            kept.setdefault((formula.extent, formula.defined), formula)
        best = list(kept.values())[:beam]

    reported = admitted({*best, *by_length.values()}, order, direction, min_gain)[:beam]
    return Search(tuple(best), by_length, tuple(reported), n_scored, False)


# The exhaustive search


def exhaustive_search(
    activations: Iterable[float],
    concepts: Sequence[AbstractSet[int]],
    n_samples: int,
    *,
    length: int,
    n_low: int,
    n_high: int,
    direction: str,
) -> dict[int, Scored]:
    """The best formula of each length that is better than all shorter ones, by writing all down.

    Only extents of `n_low` to `n_high` samples count; `direction` is "positive" or "negative".
    """
    ranks = doubled_midranks(activations)
    everything = frozenset(range(n_samples))
    of_literal: list[frozenset[int]] = []
    for concept in concepts:
        of_literal += [frozenset(concept), everything - concept]
    sign = 1 if direction == "positive" else -1
    best: dict[int, Scored] = {}
    for size in range(1, length + 1):
        shorter = [sign * formula.auc for formula in best.values()]
        found: dict[frozenset[int], list[tuple[tuple[int, ...], tuple[str, ...]]]] = {}
        for literals in product(range(len(of_literal)), repeat=size):
            for connectives in product("&|", repeat=size - 1):
                extent = of_literal[literals[0]]
                for connective, literal in zip(connectives, literals[1:], strict=True):
                    right = of_literal[literal]
                    extent = extent & right if connective == "&" else extent | right
                if n_low <= len(extent) <= n_high:
                    found.setdefault(extent, []).append(
                        (normal_form(literals, connectives), connectives)
                    )
        new = []
        for extent, formulas in found.items():
            n1 = len(extent)
            doubled_u = sum(ranks[i] for i in extent) - n1 * (n1 + 1)
            area = doubled_u / (2 * n1 * (n_samples - n1))
            new.append(Scored(*min(formulas), extent, n1, doubled_u, area))
        if new:
            first = min(new, key=lambda f: (-sign * f.auc, f.literals, f.connectives))
            if all(sign * first.auc > score for score in shorter):
                best[size] = first
    return best
