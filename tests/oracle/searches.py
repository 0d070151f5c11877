"""The beam search, with or without missing labels, and the exhaustive search."""

import functools
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tests.oracle.definitions import Formula, RankedSamples


class Refused(Exception):
    """The definitions allow no result."""


@dataclass(frozen=True)
class Rules:
    """The settings of a search; the names are those of the product."""

    length: int
    beam: int
    min_fraction: float
    max_fraction: float
    direction: str
    limit_search: int | None
    min_gain: float
    min_defined: float

    @property
    def directions(self) -> tuple[str, ...]:
        return ("positive", "negative") if self.direction == "both" else (self.direction,)


@dataclass(frozen=True)
class Concepts:
    """Concept c is true on `true[c]`, and known on `known[c]`."""

    n_samples: int
    true: tuple[int, ...]
    known: tuple[int, ...]

    def literals(self) -> list["Marked"]:
        made = []
        for true, known in zip(self.true, self.known, strict=True):
            made += [Marked(true, known), Marked(known & ~true, known)]
        return made


@dataclass(frozen=True)
class Marked:
    """Where a formula is true, and where it is defined."""

    extent: int
    domain: int

    def joined(self, connective: str, other: "Marked") -> "Marked":
        extent = self.extent & other.extent if connective == "&" else self.extent | other.extent
        domain = self.domain & other.domain
        return Marked(extent & domain, domain)


@dataclass(frozen=True)
class Found:
    """A formula with its AUC."""

    formula: Formula
    marked: Marked
    auc: float


@dataclass
class Result:
    """What a search reports, best first; the best formula of each length; how many it scored."""

    reported: list[Found]
    by_length: list[Found]
    n_scored: int | None


class Unit:
    """One unit, ranked once for each set of samples on which formulas are defined."""

    def __init__(self, values: Sequence[float]):
        self.values = values
        self._ranked: dict[int, RankedSamples] = {}

    @property
    def is_dead(self) -> bool:
        return all(value == self.values[0] for value in self.values)

    def ranked(self, domain: int) -> RankedSamples:
        if domain not in self._ranked:
            self._ranked[domain] = RankedSamples(self.values, domain)
        return self._ranked[domain]

    def found(self, formula: Formula, marked: Marked) -> Found:
        return Found(formula, marked, self.ranked(marked.domain).auc(marked.extent))


def is_comparable(marked: Marked, n_samples: int, rules: Rules) -> bool:
    """Whether enough samples are defined, and some are inside and some outside."""
    n1, n = marked.extent.bit_count(), marked.domain.bit_count()
    return 0 < n1 < n and n / n_samples >= rules.min_defined


def passes(marked: Marked, n_samples: int, rules: Rules) -> bool:
    """Whether a formula may be found."""
    if not is_comparable(marked, n_samples, rules):
        return False
    fraction = marked.extent.bit_count() / marked.domain.bit_count()
    return rules.min_fraction <= fraction <= rules.max_fraction


def best_first(direction: str) -> Callable[[Found], tuple]:
    """Make the key of the order of formulas."""
    sign = -1.0 if direction == "positive" else 1.0

    def key(found: Found) -> tuple:
        literals, connectives = found.formula.literals, found.formula.connectives
        # "&" comes before "|" in ASCII as well.
        return (sign * found.auc, len(literals), literals, connectives)

    return key


def check_literals(concepts: Concepts, rules: Rules) -> None:
    """Refuse concepts of which no literal may be found."""
    if not any(passes(each, concepts.n_samples, rules) for each in concepts.literals()):
        raise Refused("no literal passes")


def beam_search(unit: Unit, concepts: Concepts, rules: Rules, direction: str) -> Result:
    """Search as section 3 of the design says."""
    literals = concepts.literals()
    order = best_first(direction)
    steps = _searched_literals(unit, concepts, rules)
    candidates = [(Formula((number,)), marked) for number, marked in enumerate(literals)]
    beam: list[Found] = []
    by_length: list[Found] = []
    scored: set[Marked] = set()
    n_scored = 0
    for size in range(1, rules.length + 1):
        if size > 1:
            candidates = [
                (parent.formula.joined(connective, number), marked)
                for parent in beam
                if len(parent.formula.literals) == size - 1
                for number in steps
                for connective in "&|"
                for marked in [parent.marked.joined(connective, literals[number])]
            ]
        n_scored += len(candidates)
        pool = [
            unit.found(formula, marked)
            for formula, marked in candidates
            if passes(marked, concepts.n_samples, rules)
        ]
        by_length += sorted((each for each in pool if each.marked not in scored), key=order)[:1]
        scored.update(marked for _, marked in candidates)
        beam = _distinct(sorted(beam + pool, key=order))[: rules.beam]
    reported = worth_their_length([*beam, *by_length], direction, rules.min_gain)
    return Result(reported[: rules.beam], by_length, n_scored)


def _searched_literals(unit: Unit, concepts: Concepts, rules: Rules) -> list[int]:
    """The literals that are joined from the second step on."""

    def distance(concept: int) -> float:
        marked = Marked(concepts.true[concept], concepts.known[concept])
        if not is_comparable(marked, concepts.n_samples, rules):
            return 0.0
        return abs(unit.found(Formula((2 * concept,)), marked).auc - 0.5)

    numbers = range(len(concepts.true))
    kept = sorted(numbers, key=lambda c: (-distance(c), c))[: rules.limit_search]
    return [literal for concept in sorted(kept) for literal in (2 * concept, 2 * concept + 1)]


def _distinct(in_order: Iterable[Found]) -> list[Found]:
    """Keep the first formula of those that are true and defined on the same samples."""
    kept: dict[Marked, Found] = {}
    for found in in_order:
        kept.setdefault(found.marked, found)
    return list(kept.values())


def worth_their_length(found: Iterable[Found], direction: str, min_gain: float) -> list[Found]:
    """Keep what beats the best shorter formula kept by `min_gain`, best first."""
    order = best_first(direction)
    kept: list[Found] = []
    for _, same in itertools.groupby(
        sorted(set(found), key=lambda each: (len(each.formula.literals), order(each))),
        key=lambda each: len(each.formula.literals),
    ):
        shorter = [each.auc for each in kept]
        if not shorter:
            kept += same
        elif direction == "positive":
            kept += [each for each in same if each.auc - max(shorter) >= min_gain]
        else:
            kept += [each for each in same if min(shorter) - each.auc >= min_gain]
    return sorted(kept, key=order)


def searched(kind: str, unit: Unit, concepts: Concepts, rules: Rules) -> dict[str, Result]:
    """Search a unit in each direction."""
    if kind != "exhaustive":
        return {each: beam_search(unit, concepts, rules, each) for each in rules.directions}
    formulas = all_formulas(concepts, rules.length)
    n = concepts.n_samples
    return {each: exhaustive_search(unit, formulas, n, rules, each) for each in rules.directions}


@functools.cache
def all_formulas(concepts: Concepts, length: int) -> list[list[tuple[Formula, Marked]]]:
    """Write all left-to-right formulas of each length down."""
    literals = concepts.literals()
    of_length = [[(Formula((number,)), marked) for number, marked in enumerate(literals)]]
    while len(of_length) < length:
        of_length.append(
            [
                (formula.joined(connective, number), marked.joined(connective, literals[number]))
                for formula, marked in of_length[-1]
                for connective in "&|"
                for number in range(len(literals))
            ]
        )
    return of_length


def exhaustive_search(
    unit: Unit,
    formulas: list[list[tuple[Formula, Marked]]],
    n_samples: int,
    rules: Rules,
    direction: str,
) -> Result:
    """Find the best of all formulas of each length that is better than all shorter ones."""
    order = best_first(direction)
    best: list[Found] = []
    for of_length in formulas:
        pool = [
            unit.found(formula, marked)
            for formula, marked in of_length
            if passes(marked, n_samples, rules)
        ]
        if pool:
            first = min(pool, key=order)
            if all(order(first)[0] < order(shorter)[0] for shorter in best):
                best.append(first)
    if not best:
        raise Refused("no formula passes")
    reported = worth_their_length(best, direction, rules.min_gain)
    return Result(reported[: rules.beam], best, None)
