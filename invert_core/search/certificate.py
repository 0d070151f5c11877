"""Finding and certifying the best formula of up to three literals for one unit.

All formulas of one and two literals are scored. For three literals, a bound (`kernels.bounds`)
rules out most pairs of concepts. The remaining pairs are searched in descending order of their
bounds. If a time limit ends the search, the bound of the next pair gives the remaining gap.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from invert_core.kernels import exhaustive as kernels
from invert_core.kernels import kinds
from invert_core.kernels.bits import whole_set
from invert_core.kernels.bounds import (
    Pairs,
    SizeRange,
    buckets,
    mark_pairs,
    needed_for,
    slope_of,
)
from invert_core.kernels.exhaustive import UNIT, Best, Problem
from invert_core.kernels.pairs import add_pairs, concept_lists, mirror
from invert_core.kernels.triples import Nodes, score_triples
from invert_core.search.search import UNWATCHED, Watch

MAX_LENGTH = 3
N_SEEDS = 32
"""Number of pairs of concepts that are joined to every third concept before there is any bound."""
N_LEVELS = 100
"""Number of thresholds from the best score to a perfect one; the gap is known to one step."""
BUCKET = 4.0
"""Ratio of the largest to the smallest extent for which one slope of the bound is used."""
STEP = 0.05
"""Seconds of kernel work between two looks at the clock."""


@dataclass(frozen=True)
class PairTables:
    """A prepared concept set: no two concepts are equal or complementary, none is empty or full.

    A concept that covers more than half of the samples is replaced by its negation. The concepts
    are sorted by size, ascending.

    Attributes
    ----------
    bits : uint64 [C, W]
        The concepts as sets of atoms.
    first, concept : int64 [S + 1], int64
        The concepts of each atom; see `kernels.pairs.concept_lists`.
    literal : int64 [C, 2]
        The literals, among the original concepts, of each concept and its negation.
    n_literals : int
        Number of literals of the original concepts.
    sizes : int64 [S]
        Number of samples in each atom.
    counts : int64 [C, C]
        Number of samples in the intersection of each pair of concepts.
    n_samples : int
        Number of all samples.
    """

    bits: np.ndarray
    first: np.ndarray
    concept: np.ndarray
    literal: np.ndarray
    n_literals: int
    sizes: np.ndarray
    counts: np.ndarray
    n_samples: int


@dataclass(frozen=True)
class BestFormula:
    """The best formula of its length.

    In `literals`, 2c stands for concept c and 2c + 1 for its negation. `rank_sum` is the sum of the
    doubled midranks of the `n_positive` samples in the extent. `score` is sign * AUC.
    """

    literals: tuple[int, ...]
    connectives: tuple[str, ...]
    n_positive: int
    rank_sum: int
    score: float


@dataclass(frozen=True)
class Certificate:
    """The result of an exhaustive search for one unit.

    Attributes
    ----------
    found : tuple of BestFormula
        The best formula of each length, if its score beats those of all shorter formulas; shortest
        first. Among equal formulas it is the first in order. The last formula is the best of all
        that were scored.
    certified : bool
        Whether no formula that was not scored can come before the last formula of `found`.
    bound : float
        An upper bound on the score of every formula within the limits: the best score if
        `certified`, and -inf if there is no such formula.
    n_scored : int
        Number of formulas scored.
    """

    found: tuple[BestFormula, ...]
    certified: bool
    bound: float
    n_scored: int


def prepare(bits: np.ndarray, sizes: np.ndarray, n_samples: int) -> PairTables:
    """Prepare a concept set for searching many units.

    Parameters
    ----------
    bits : uint64 [C, ceil(S / 64)]
        The concepts as sets of S atoms.
    sizes : int64 [S]
        Number of samples in each atom.
    n_samples : int
        Number of all samples, the sum of `sizes`.
    """
    whole = whole_set(sizes.size)
    distinct: dict[bytes, tuple[int, np.ndarray]] = {}
    for c, row in enumerate(bits):
        # Equal for a concept and its negation, of which only the first is kept.
        without = whole & ~row if row[0] & np.uint64(1) else row
        distinct.setdefault(without.tobytes(), (c, row))
    chosen = [(c, row) for without, (c, row) in distinct.items() if any(without)]
    kept = np.array([row for _, row in chosen], np.uint64).reshape(len(chosen), bits.shape[1])
    literal = np.array([(2 * c, 2 * c + 1) for c, _ in chosen], np.int64).reshape(-1, 2)
    first, concept = concept_lists(kept, sizes.size)
    n_of = np.zeros(len(chosen), np.int64)
    np.add.at(n_of, concept, np.repeat(sizes, np.diff(first)))

    large = 2 * n_of > n_samples
    kept[large] = whole & ~kept[large]
    literal[large] = literal[large, ::-1]
    order = np.argsort(np.where(large, n_samples - n_of, n_of), kind="stable")
    kept = np.ascontiguousarray(kept[order])
    first, concept = concept_lists(kept, sizes.size)
    counts = np.zeros((order.size, order.size), np.int64)
    add_pairs(first, concept, sizes, 0, sizes.size, counts)
    mirror(counts)
    return PairTables(
        bits=kept,
        first=first,
        concept=concept,
        literal=np.ascontiguousarray(literal[order]),
        n_literals=2 * bits.shape[0],
        sizes=np.ascontiguousarray(sizes, np.int64),
        counts=counts,
        n_samples=n_samples,
    )


class _TimeIsUpError(Exception):
    """The time limit is over, or the executor no longer wants the result."""


class _Clock:
    """Splits kernel work into steps and checks the time between them."""

    def __init__(self, time_limit: float | None, watch: Watch):
        self._ends = math.inf if time_limit is None else time.monotonic() + time_limit
        self._watch = watch

    def check(self) -> None:
        """Raise _TimeIsUpError if the time is up."""
        if time.monotonic() >= self._ends or self._watch.is_stopped:
            raise _TimeIsUpError

    def steps(self, total: int, begin: float, end: float) -> Iterator[tuple[int, int]]:
        """Split 0..total into ranges, while the progress goes from `begin` to `end`."""
        done, size = 0, 1
        while done < total:
            self.check()
            began = time.monotonic()
            upper = min(done + size, total)
            yield done, upper
            done = upper
            took = time.monotonic() - began
            size = max(1, int(size * min(4.0, STEP / max(took, 1e-9))))
            self._watch.note(begin + (end - begin) * done / total)


class Sought(NamedTuple):
    """The formulas to consider, and the direction in which they are compared.

    Parameters
    ----------
    length : int
        The most literals of a formula, 1 to 3.
    n_low, n_high : int
        The smallest and largest size of an extent; n_low >= 1 and n_high < N.
    sign : float
        1.0 looks for the largest AUC, -1.0 for the smallest; the score is sign * AUC.
    """

    length: int
    n_low: int
    n_high: int
    sign: float


def search_exhaustively(
    atom_sums: np.ndarray,
    tables: PairTables,
    sought: Sought,
    *,
    time_limit: float | None = None,
    watch: Watch = UNWATCHED,
) -> Certificate:
    """Find the best formula for one unit.

    Parameters
    ----------
    atom_sums : int64 [S]
        Sum of the doubled midranks of each atom's samples.
    tables : PairTables
    sought : Sought
    time_limit : float or None
        Seconds after which the search ends with the best formula so far. Formulas of one and two
        literals are always scored.
    watch : Watch
        Receives the progress. If it is stopped, the search ends as it does at the time limit.
    """
    clock = _Clock(time_limit, watch)
    length = sought.length
    downwards = sought.sign < 0
    n_samples = tables.n_samples
    ranks = np.ascontiguousarray(atom_sums, np.int64)
    if downwards:
        ranks = 2 * (n_samples + 1) * tables.sizes - ranks
    problem = Problem(
        tables.bits,
        tables.first,
        tables.concept,
        tables.literal,
        tables.n_literals,
        tables.sizes,
        ranks,
        tables.counts,
        np.zeros_like(tables.counts),
        n_samples,
        sought.n_low,
        sought.n_high,
        downwards,
    )
    best = kernels.nothing_yet()
    certified = False
    limit = UNIT
    try:
        seeds = _up_to_two(problem, best, length, _Clock(None, watch))
        if length > 2:
            best.score[3] = best.score[2]
            certified, limit = _of_three(problem, best, seeds, clock)
        else:
            certified = True
    except _TimeIsUpError:
        pass
    found = tuple(
        _formula(best, at, problem) for at in range(1, length + 1) if best.key[at] != kernels.ABSENT
    )
    score = found[-1].score if found else -math.inf
    bound = score
    if not certified:
        area = min(limit, UNIT) / UNIT
        bound = max(score, area - 1.0 if downwards else area)
    return Certificate(found, certified, bound, int(best.n_scored[0]))


def _up_to_two(problem: Problem, best: Best, length: int, clock: _Clock) -> np.ndarray:
    """Score the formulas of one and two literals, and return the best pairs of concepts.

    A pair (a, b), given as a * C + b, has the best formula of two literals among all pairs with
    this a.
    """
    n_concepts = problem.counts.shape[0]
    share = 0.2 if length > 2 else 1.0
    _add_all_pairs(problem, problem.ranks, problem.sums, clock, 0.0, share / 2)
    kernels.score_literals(problem, best)
    best.score[2] = best.score[1]
    if length == 1:
        return np.empty(0, np.int64)
    score_of = np.full(n_concepts, -np.inf)
    partner_of = np.zeros(n_concepts, np.int64)
    for start, stop in clock.steps(n_concepts, share / 2, share):
        kernels.score_pairs(problem, start, stop, best, score_of, partner_of)
    chosen = np.argsort(-score_of, kind="stable")[:N_SEEDS]
    chosen = chosen[score_of[chosen] > -np.inf]
    return chosen * n_concepts + partner_of[chosen]


def _of_three(problem: Problem, best: Best, seeds: np.ndarray, clock: _Clock) -> tuple[bool, int]:
    """Score the formulas of three literals until none that is left can be better.

    Return whether it got so far and, if not, a fixed-point bound on the AUC of all formulas.
    """
    mirror(problem.sums)
    perfect = np.full(1, UNIT + 1)
    levels = np.zeros(seeds.size, np.uint8)
    wanted = np.full(seeds.size, kinds.EVERY)
    for start, stop in clock.steps(seeds.size, 0.2, 0.3):
        score_triples(problem, Nodes(seeds, wanted, levels), perfect, True, start, stop, best)

    pairs = Pairs(
        problem.counts,
        problem.sums,
        np.zeros_like(problem.counts),
        np.zeros(problem.counts.shape, np.uint8),
    )
    thresholds = _bound(problem, pairs, best, clock)

    nodes = np.flatnonzero(pairs.levels)
    levels = pairs.levels.ravel()[nodes]
    nodes = nodes[np.argsort(-levels.astype(np.int64), kind="stable")]
    levels = pairs.levels.ravel()[nodes]
    ordered = Nodes(nodes, pairs.kinds.ravel()[nodes], levels)
    done = 0
    try:
        for start, stop in clock.steps(nodes.size, 0.6, 1.0):
            done = score_triples(problem, ordered, thresholds, False, start, stop, best)
            if done < stop:
                break
    except _TimeIsUpError:
        return False, int(thresholds[levels[done]])
    return True, 0


def _bound(problem: Problem, pairs: Pairs, best: Best, clock: _Clock) -> np.ndarray:
    """Set each pair's level, the number of thresholds its formulas may reach; return all these."""
    n = problem.n_samples
    lowest = int(kernels.threshold_of(best.score[3], problem.downwards))
    thresholds = [lowest + (UNIT - lowest) * k // N_LEVELS for k in range(N_LEVELS)]
    ranges = buckets(problem.n_low, problem.n_high, BUCKET)
    positive = np.empty_like(problem.counts)
    for k, (low, high) in enumerate(ranges):
        slope = slope_of(lowest, low, high, n)
        needed = np.array([needed_for(t, slope, low, high, n) for t in thresholds])
        sizes = SizeRange(low, high, slope, needed)
        above = np.maximum(problem.ranks - slope * problem.sizes, 0)
        begin, middle, end = (0.3 + 0.3 * (k + part) / len(ranges) for part in (0.0, 0.5, 1.0))
        positive[:] = 0
        _add_all_pairs(problem, above, positive, clock, begin, middle)
        for start, stop in clock.steps(len(positive), middle, end):
            mark_pairs(pairs, positive, above.sum(), n, start, stop, sizes)
    return np.array([*thresholds, UNIT + 1])


def _add_all_pairs(
    problem: Problem,
    weights: np.ndarray,
    table: np.ndarray,
    clock: _Clock,
    begin: float,
    end: float,
) -> None:
    for start, stop in clock.steps(weights.size, begin, end):
        add_pairs(problem.first, problem.concept, weights, start, stop, table)


def _formula(best: Best, length: int, problem: Problem) -> BestFormula:
    literals, connectives = kernels.formula_of(int(best.key[length]), length, problem.n_literals)
    n_positive = int(best.n_positive[length])
    rank_sum = int(best.rank_sum[length])
    if problem.downwards:
        rank_sum = 2 * (problem.n_samples + 1) * n_positive - rank_sum
    return BestFormula(literals, connectives, n_positive, rank_sum, float(best.score[length]))
