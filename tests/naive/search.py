"""The beam search."""

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from tests.naive.formulas import normal_form
from tests.naive.objectives import Measure
from tests.naive.ranks import doubled_midranks


class NoLiteralPassesError(Exception):
    """No literal has a fraction within the limits, so that there is nothing to search."""


@dataclass(frozen=True)
class Scored:
    """A formula in normal form, with its score on one unit."""

    literals: tuple[int, ...]
    connectives: tuple[str, ...]
    extent: frozenset[int]
    n1: int
    doubled_u: int
    auc: float
    score: float = field(default=0.0, kw_only=True)
    """What the search maximises; used by `beam_search` only."""


@dataclass(frozen=True)
class Search:
    """What a beam search of one unit found; `beam` and `reported` are best first."""

    beam: tuple[Scored, ...]
    by_length: dict[int, Scored]
    reported: tuple[Scored, ...]
    n_scored: int
    dead: bool


def any_literal_passes(
    concepts: Sequence[AbstractSet[int]],
    n_samples: int,
    min_fraction: float,
    max_fraction: float,
) -> bool:
    """Whether there is anything to search: a literal with a fraction within the limits."""
    for concept in concepts:
        for n1 in (len(concept), n_samples - len(concept)):
            if 0 < n1 < n_samples and min_fraction <= n1 / n_samples <= max_fraction:
                return True
    return False


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
    measure: Measure | None = None,
) -> Search:
    """Search one unit by its definition; `direction` is "positive" or "negative".

    `connective_order` breaks the last ties; only the test of the symmetry of the two directions
    reverses it. `measure` is searched for in place of the AUC, whatever the direction. If the unit
    is not dead and no literal has a fraction within the limits, the search is a
    `NoLiteralPassesError`.
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
        if measure is not None:
            score = measure.value(extent)
        else:
            score = area if direction == "positive" else -area
        return Scored(literals, connectives, extent, n1, doubled_u, area, score=score)

    def order(formula: Scored) -> tuple:
        return (
            -formula.score,
            len(formula.literals),
            formula.literals,
            tuple(connective_order.index(connective) for connective in formula.connectives),
        )

    def distance(concept: int) -> float:
        extent = of_literal[2 * concept]
        if not 0 < len(extent) < n_samples:
            return 0.0
        if measure is not None:
            return measure.distance(extent)
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

    reported = admitted({*best, *by_length.values()}, order, "score", min_gain)[:beam]
    return Search(tuple(best), by_length, tuple(reported), n_scored, False)


def best_distinct(pool: Iterable[Scored], order: Callable[[Scored], tuple]) -> list[Scored]:
    """Keep the first formula of every extent, in order."""
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
    """Keep each formula that gains `min_gain` or more on the best shorter one kept, in order.

    `direction` is "positive" or "negative" for the AUC, or "score".
    """
    chosen: list[Scored] = []
    for formula in sorted(found, key=lambda f: (len(f.literals), order(f))):
        value = "score" if direction == "score" else "auc"
        found = getattr(formula, value)
        shorter = [getattr(f, value) for f in chosen if len(f.literals) < len(formula.literals)]
        if not shorter:
            gain = min_gain
        elif direction == "negative":
            gain = min(shorter) - found
        else:
            gain = found - max(shorter)
        if gain >= min_gain:
            chosen.append(formula)
    return sorted(chosen, key=order)
