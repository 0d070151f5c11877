"""The candidates of one step: a formula joined to every literal; the good ones enter a beam.

If rank sum and size of a formula F, of a concept c and of F & c are known, those of F & ~c, F | c
and F | ~c follow by inclusion-exclusion: one pass over F serves four candidates of every concept.
Most concepts do not touch F, or hold on all of it. Then one candidate remains, and its rank sum is
that of F plus or minus that of c, so a few operations on floats rule it out.
"""

from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import inlined, inner
from invert_core.kernels.beam import Beam, enters, insert, last_score, place_of, write
from invert_core.kernels.bits import popcount
from invert_core.kernels.formulas import (
    AND_IT,
    AND_NOT,
    N_POSITIVE,
    OR_IT,
    OR_NOT,
    RANK_SUM,
    join,
    of_kind,
    write_extent,
)
from invert_core.kernels.known import is_known
from invert_core.kernels.planes import sum_below
from invert_core.kernels.scores import least_sum, score_of, total_of
from invert_core.kernels.sums import LabelIndex, Ranked, Within, add_within, forget

_AT_ONCE = 64
"""Number of concepts that are ruled out at once."""


class Limits(NamedTuple):
    """The settings of a beam search over N samples.

    A formula has at most `length` literals, and each step keeps `beam` formulas. An extent has
    from `n_low` to `n_high` samples, both included, with n_low >= 1 and n_high < N. `sign` is 1.0
    to find the largest AUC, -1.0 to find the smallest. From step 2 on, `n_searched` concepts are
    joined.
    """

    length: int
    beam: int
    n_samples: int
    n_low: int
    n_high: int
    sign: float
    n_searched: int


class Unit(NamedTuple):
    """What stays the same during one step of the search for one unit.

    `sums` int64 [C] are the weights of whole concepts; `float_sums` and `float_counts` are these
    and the sizes as float64. Only the concepts in `searched` bool [C] are joined. `whole` uint64
    [W] is the set of all atoms.
    """

    limits: Limits
    concepts: LabelIndex
    ranked: Ranked
    sums: np.ndarray
    float_sums: np.ndarray
    float_counts: np.ndarray
    searched: np.ndarray
    whole: np.ndarray


class Formula(NamedTuple):
    """A formula to join: its columns int64 [3 + 2L] (see `formulas`), and its extent uint64 [W]."""

    code: np.ndarray
    words: np.ndarray


class Candidate(NamedTuple):
    """A formula joined to a concept, of one of the kinds in `formulas`."""

    concept: int
    kind: int
    n_positive: int
    rank_sum: int


class Goal(NamedTuple):
    """Where candidates go: the best go to `beam`.

    Candidates with an extent in the beam `old` are left out, and so are those that are known from
    the extents `past` uint64 [P, W], of which there may be none; see `known.is_known`. `known`
    holds some extents that were found to be so.
    """

    beam: Beam
    old: Beam
    known: Beam
    past: np.ndarray


class Room(NamedTuple):
    """Room to work in: for a formula, its extent, and the intersections of concepts with a set."""

    code: np.ndarray
    words: np.ndarray
    within: Within


@inner
def offer(formula, candidate, goal, unit, dense, room, measure):
    """Put one candidate into the beam, if it is good enough."""
    n, rank_sum = candidate.n_positive, candidate.rank_sum
    limits = unit.limits
    score = score_of(n, rank_sum, limits.sign, limits.n_samples, measure)
    # Scores decide most cases, so formula and extent are written only if they do not.
    if score < last_score(goal.beam):
        return
    code, words = room.code, room.words
    join(formula.code, candidate.concept, candidate.kind, code)
    code[N_POSITIVE] = n
    code[RANK_SUM] = rank_sum
    if not enters(goal.beam, code, score):
        return
    concept_words = unit.concepts.bits[candidate.concept]
    write_extent(candidate.kind, formula.words, concept_words, unit.whole, words)
    if place_of(goal.old, code, words) >= 0:
        return
    # Only where a formula must say more than all shorter ones, as this takes the longest.
    if goal.past.shape[0] > 0 and _was_scored(code, words, goal, unit, dense):
        return
    insert(goal.beam, code, score, words)


@inner
def _was_scored(code, words, goal, unit, dense):
    """Return whether a shorter formula has the extent `words`, and note it if so."""
    known = goal.known
    if place_of(known, code, words) >= 0:
        return True
    if not is_known(words, goal.past, unit, dense):
        return False
    # A full memory begins anew: which extents it holds only matters for speed.
    if known.size[0] == known.scores.size:
        known.size[0] = 0
    write(known, known.order[known.size[0]], code, 0.0, words)
    known.size[0] += 1
    return True


@inner
def offer_literals(formula, goal, unit, dense, room, measure):
    """Offer every literal; `formula` is room, and no concept is in ``room.within``."""
    n_samples = unit.limits.n_samples
    everything = total_of(measure, n_samples)
    code, words = formula.code, formula.words
    for column in range(code.size):
        code[column] = 0
    # No concept touches the empty set, so each of them joins it, and leaves the set of all atoms.
    for way in (1, -1):
        for word in range(words.size):
            words[word] = np.uint64(0) if way > 0 else unit.whole[word]
        code[N_POSITIVE] = 0 if way > 0 else n_samples
        code[RANK_SUM] = 0 if way > 0 else everything
        _offer_others(formula, way < 0, goal, unit, dense, room, measure)


@inner
def offer_joined(formula, goal, unit, dense, room, measure):
    """Offer a formula joined to every literal; `dense` is that of the index."""
    within = room.within
    words = within.words
    n_atoms = 0
    for word in formula.words:
        n_atoms += popcount(word)
    # Of a set and its complement, the smaller one is walked; the other follows by subtraction.
    outside = 2 * n_atoms > unit.concepts.sizes.size
    for word in range(words.size):
        words[word] = formula.words[word] ^ (unit.whole[word] if outside else np.uint64(0))
    # The upper planes bound every candidate, and few candidates need the lower ones.
    add_within(unit.ranked, n_left_out(unit.ranked), unit.concepts, dense, within)
    _offer_touched(formula, outside, goal, unit, dense, room, measure)
    _offer_others(formula, outside, goal, unit, dense, room, measure)
    forget(within)


@inner
def n_left_out(ranked):
    """Return the number of planes that are left out until a candidate needs them."""
    return ranked.planes.shape[0] // 2


@inlined
def _offer_touched(formula, outside, goal, unit, dense, room, measure):
    """Offer the candidates of the concepts that touch the set that was walked."""
    limits, within = unit.limits, room.within
    n_samples, sign, n_low, n_high = limits.n_samples, limits.sign, limits.n_low, limits.n_high
    everything = total_of(measure, n_samples)
    n_formula, sum_formula = formula.code[N_POSITIVE], formula.code[RANK_SUM]
    counts, sums, slack, touched = within.counts, within.sums, within.slack, within.touched
    all_counts, all_sums, searched = unit.concepts.counts, unit.sums, unit.searched
    threshold = last_score(goal.beam)
    for place in range(within.n_touched[0]):
        c = touched[place]
        if not searched[c]:
            continue
        n_concept = all_counts[c]
        n_both = n_concept - counts[c] if outside else counts[c]
        for kind in range(AND_IT, OR_NOT + 1):
            n = of_kind(kind, n_samples, n_formula, n_concept, n_both)
            n_literal = n_samples - n_concept if kind & 1 else n_concept
            # Each candidate lies inside or around its formula and its literal. So equal sizes mean
            # equal extents, and the candidate says no more than a shorter formula.
            if n < n_low or n > n_high or n == n_formula or n == n_literal:
                continue
            least = least_sum(float(n), threshold, sign, float(n_samples), measure)
            sum_both = all_sums[c] - sums[c] if outside else sums[c]
            rank_sum = of_kind(kind, everything, sum_formula, all_sums[c], sum_both)
            if dense is not None and slack[c] > 0:
                # The slack counts only where a larger sum within the set raises the score.
                rises = (kind == AND_IT or kind == OR_NOT) != outside
                most = sign * rank_sum + (slack[c] if rises == (sign > 0) else 0)
                if most < least:
                    continue
                _remove_slack(c, unit, within)
                sum_both = all_sums[c] - sums[c] if outside else sums[c]
                rank_sum = of_kind(kind, everything, sum_formula, all_sums[c], sum_both)
            if sign * rank_sum >= least:
                offer(formula, Candidate(c, kind, n, rank_sum), goal, unit, dense, room, measure)
                # Each formula that enters raises what the next ones must reach.
                threshold = last_score(goal.beam)


@inner
def _remove_slack(c, unit, within):
    """Make the sum of one concept exact by adding the planes that were left out."""
    # Stored, because the other kinds of candidates of this concept use the same sum.
    planes, n_planes = unit.ranked.planes, n_left_out(unit.ranked)
    within.sums[c] += sum_below(within.words, planes, n_planes, unit.concepts.bits[c])
    within.slack[c] = 0


@inner
def _offer_others(formula, outside, goal, unit, dense, room, measure):
    """Offer the candidates of the concepts that do not touch the set that was walked.

    They lie outside of the formula F, and only F | c is new; or within it, and only F & ~c is.
    """
    kind, way = (AND_NOT, -1) if outside else (OR_IT, 1)
    limits = unit.limits
    n_samples, sign, n_low, n_high = limits.n_samples, limits.sign, limits.n_low, limits.n_high
    n_formula, sum_formula = formula.code[N_POSITIVE], formula.code[RANK_SUM]
    all_counts, all_sums, searched = unit.concepts.counts, unit.sums, unit.searched
    counts = room.within.counts
    threshold = last_score(goal.beam)
    for start in range(0, all_counts.size, _AT_ONCE):
        stop = min(start + _AT_ONCE, all_counts.size)
        # Everything reaches the threshold of a beam that is not full.
        if threshold > -np.inf and not _some_reach(
            start, stop, way, formula.code, threshold, unit, measure
        ):
            continue
        for c in range(start, stop):
            n = n_formula + way * all_counts[c]
            # Those that touch the set were offered already.
            if counts[c] > 0 or n == n_formula or n < n_low or n > n_high or not searched[c]:
                continue
            rank_sum = sum_formula + way * all_sums[c]
            least = least_sum(float(n), threshold, sign, float(n_samples), measure)
            if sign * rank_sum >= least:
                offer(formula, Candidate(c, kind, n, rank_sum), goal, unit, dense, room, measure)
                threshold = last_score(goal.beam)


@inner
def _some_reach(start, stop, way, code, threshold, unit, measure):
    """Return whether a concept in a range may reach the threshold, if it touches nothing."""
    sign, n_samples, step = unit.limits.sign, float(unit.limits.n_samples), float(way)
    n_formula, sum_formula = float(code[N_POSITIVE]), float(code[RANK_SUM])
    counts, sums = unit.float_counts, unit.float_sums
    # Floats, and no branch on a concept, so that the loop runs in vector instructions.
    n_reach = 0
    for c in range(start, stop):
        n = n_formula + step * counts[c]
        rank_sum = sum_formula + step * sums[c]
        n_reach += sign * rank_sum >= least_sum(n, threshold, sign, n_samples, measure)
    return n_reach > 0
