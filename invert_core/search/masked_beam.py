"""The beam search for one unit with missing marks.

Each step joins the formulas of the previous step to every literal. Step 1 starts from the formula
that is true everywhere.
"""

import heapq
from collections.abc import Iterator, Sequence

import numpy as np

from invert_core.search.masked_concepts import EVERYWHERE, MaskedConcepts
from invert_core.search.masked_unit import Joined, Masked, RankedUnit
from invert_core.settings import Settings


class Candidates:
    """All candidates of one step, as arrays [4, P, C]; the first index is connective * 2 + negated.

    `auc` is NaN if there is nothing to compare. `score` is sign * AUC. It is -inf if a candidate is
    outside the limits, or says no more than the formula or the literal that it joins.
    """

    def __init__(
        self,
        parents: Sequence[Masked],
        joined: Joined,
        concepts: MaskedConcepts,
        settings: Settings,
        sign: float,
    ):
        self._parents = parents
        self._concepts = concepts
        n, of_formula, of_concept, _ = joined.sizes
        n1 = _of_kinds(joined.sizes)
        is_comparable = (n1 > 0) & (n1 < n)
        share = n1 / np.maximum(n, 1)
        passing = (share >= settings.min_fraction) & (share <= settings.max_fraction)
        passing &= is_comparable
        if parents[0].literals:  # in step 1 every candidate is a literal
            n_of_parent = np.array([parent.n_samples for parent in parents])[:, None]
            of_literal = np.stack([of_concept, n - of_concept] * 2)
            passing &= (n1 != of_formula) | (n != n_of_parent)
            passing &= (n1 != of_literal) | (n != concepts.n_defined)
            self._keep_first(passing, n1 == of_formula)
        self.n_samples, self.n_positive, self.rank_sum = n, n1, _of_kinds(joined.sums)
        doubled_u = self.rank_sum - n1 * (n1 + 1)
        self.auc = np.full(n1.shape, np.nan)
        np.divide(doubled_u, 2 * n1 * (n - n1), out=self.auc, where=is_comparable)
        self.score = np.where(passing, sign * self.auc, -np.inf)

    def _keep_first(self, passing: np.ndarray, as_before: np.ndarray) -> None:
        """Among candidates that do not change a formula's extent, keep the first of each group.

        Such candidates only narrow the samples on which the formula is defined, and all concepts of
        a group narrow them alike. With one connective, the first candidate in order has the first
        literal.
        """
        kind, parent, concept = np.nonzero(passing & as_before)
        literal = 2 * concept + (kind & 1)
        place = kind >> 1, parent, self._concepts.group[concept]
        shape = (2, len(self._parents), len(self._concepts.defined))
        first = np.full(shape, 2 * passing.shape[2])
        np.minimum.at(first, place, literal)
        passing[kind, parent, concept] = literal == first[place]

    def in_order(self) -> Iterator[Masked]:
        """Yield the candidates that have a score, best first."""
        scored = np.flatnonzero(self.score != -np.inf)
        falling = -self.score.flat[scored]
        order = np.argsort(falling, kind="stable")
        scored, falling = scored[order], falling[order]
        start = 0
        while start < scored.size:
            stop = int(np.searchsorted(falling, falling[start], side="right"))
            yield from sorted(map(self._formula, scored[start:stop].tolist()), key=_order)
            start = stop

    def hold(self, formula: Masked) -> bool:
        """Return whether a candidate is the same explanation as a formula."""
        alike = np.flatnonzero(self.score == formula.score)
        alike = alike[self.n_positive.flat[alike] == formula.n_positive]
        found = map(self._formula, alike.tolist())
        return any(one.samples == formula.samples for one in found)

    def most_separated(self, n_kept: int) -> np.ndarray:
        """Return the concepts with the largest abs(AUC - 0.5) in step 1; ties keep the first."""
        distance = np.abs(np.nan_to_num(self.auc[0, 0], nan=0.5) - 0.5)
        return np.sort(np.argsort(-distance, kind="stable")[:n_kept])

    def _formula(self, number: int) -> Masked:
        before, concept = divmod(number, self.score.shape[2])
        kind, of_parent = divmod(before, self.score.shape[1])
        parent, concepts = self._parents[of_parent], self._concepts
        group = int(concepts.group[concept])
        defined = parent.defined & concepts.defined[group]
        literal, connective = 2 * concept + (kind & 1), "&|"[kind >> 1]
        true = ~concepts.bits[concept] if kind & 1 else concepts.bits[concept]
        extent = parent.extent & true if connective == "&" else parent.extent | true
        return Masked(
            *_joined(parent, literal, connective),
            score=float(self.score.flat[number]),
            n_samples=int(self.n_samples[of_parent, concept]),
            n_positive=int(self.n_positive.flat[number]),
            rank_sum=int(self.rank_sum.flat[number]),
            domain=concepts.within(parent.domain, group),
            extent=extent & defined,
            defined=defined,
        )


def search_unit(
    unit: RankedUnit, settings: Settings, sign: float
) -> tuple[list[Masked], list[Masked], int]:
    """Search one living unit; sign 1.0 looks for the largest AUC, -1.0 for the smallest.

    Return the last beam, the best formula of each length, and the number of formulas scored.
    """
    concepts = unit.concepts
    searched = np.arange(len(concepts.group))
    beam: list[Masked] = []
    by_length: list[Masked] = []
    earlier: list[Candidates] = []
    n_scored = 0
    for length in range(1, settings.length + 1):
        parents = [one for one in beam if len(one.literals) == length - 1]
        if length == 1:
            parents = [_true_everywhere(concepts)]
        elif not parents:
            break
        n_scored += len(parents) * searched.size * (2 if length == 1 else 4)
        joined = unit.join(parents, concepts.groups(searched))
        candidates = Candidates(parents, joined, concepts, settings, sign)
        beam, new = _best(beam, candidates, earlier, length, settings.beam)
        if new is not None:
            by_length.append(new)
        earlier.append(candidates)
        if length == 1 and settings.limit_search is not None:
            searched = candidates.most_separated(settings.limit_search)
    return beam, by_length, n_scored


def _best(
    beam: Sequence[Masked],
    candidates: Candidates,
    earlier: Sequence[Candidates],
    length: int,
    width: int,
) -> tuple[list[Masked], Masked | None]:
    """Return the next beam, and the best candidate that no earlier step had as an explanation."""
    kept: dict[tuple[bytes, bytes], Masked] = {}
    new = None
    for formula in heapq.merge(beam, candidates.in_order(), key=_order):
        if len(kept) < width:
            kept.setdefault(formula.samples, formula)
        if new is None and len(formula.literals) == length:
            new = None if any(step.hold(formula) for step in earlier) else formula
        if new is not None and len(kept) == width:
            break
    return list(kept.values()), new


def _order(formula: Masked) -> tuple[float, int, tuple[int, ...], tuple[str, ...]]:
    return -formula.score, len(formula.literals), formula.literals, formula.connectives


def _true_everywhere(concepts: MaskedConcepts) -> Masked:
    n = int(concepts.atoms.sizes.sum())
    whole = concepts.whole
    return Masked((), (), 0.0, n, n, n * (n + 1), EVERYWHERE, whole, whole)


def _joined(
    parent: Masked, literal: int, connective: str
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Return literals and connectives of a formula joined to a literal, in normal form.

    The literal is sorted into the last run of equal connectives; the first literal of a formula
    belongs to its first run.
    """
    literals, connectives = parent.literals, parent.connectives
    start = len(literals)
    while start > 1 and connectives[start - 2] == connective:
        start -= 1
    start = 0 if start == 1 else start
    run = sorted((*literals[start:], literal))
    return (*literals[:start], *run), (*connectives, connective) if literals else ()


def _of_kinds(joined: np.ndarray) -> np.ndarray:
    """Compute the candidates' sizes or rank sums, [4, P, C], from those in `Joined`."""
    everything, formula, concept, both = joined
    return np.stack([both, formula - both, formula + concept - both, everything - concept + both])
