"""The beam search over concepts with missing marks."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from tests.naive.formulas import normal_form
from tests.naive.ranks import doubled_midranks
from tests.naive.search import NoLiteralPassesError, Scored, Search, admitted


def any_masked_literal_passes(
    concepts: Sequence[AbstractSet[int]],
    defined: Sequence[AbstractSet[int]],
    n_samples: int,
    min_fraction: float,
    max_fraction: float,
    min_defined: float,
) -> bool:
    """Say if `any_literal_passes` when concept c is known only on the samples ``defined[c]``."""
    for true, known in zip(concepts, defined, strict=True):
        for n1 in (len(true), len(known - true)):
            is_enough = len(known) / n_samples >= min_defined and 0 < n1 < len(known)
            if is_enough and min_fraction <= n1 / len(known) <= max_fraction:
                return True
    return False


@dataclass(frozen=True)
class MaskedScored(Scored):
    """A formula whose score uses only the samples on which all its concepts are defined."""

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
    """Search as `beam_search` does, if concept c is known only on the samples ``defined[c]``.

    All numbers of a formula refer to the samples on which it is defined. Two formulas are the same
    if they are true on the same samples and defined on the same samples.
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
