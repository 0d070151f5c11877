"""Beam search for blocks of units.

Step 1 offers all literals. Step l joins the formulas of l - 1 literals to every literal
(`candidates`); the old beam and these candidates compete for the next beam.
"""

from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import inlined, inner, kernel
from invert_core.kernels.beam import Beam, copy, last_score, no_formulas
from invert_core.kernels.bits import whole_set
from invert_core.kernels.candidates import (
    Formula,
    Goal,
    Limits,
    Room,
    Unit,
    offer_joined,
    offer_literals,
)
from invert_core.kernels.formulas import LENGTH, width_of
from invert_core.kernels.known import is_known
from invert_core.kernels.scores import Measures, measure_of
from invert_core.kernels.sums import LabelIndex, add_whole, nothing_within, ranked_over

_KNOWN = 16
"""Number of known extents to keep, because formulas with one extent score alike and come often."""


class Results(NamedTuple):
    """The results of the searches of K units.

    For each unit, `codes` int64 [K, B + L, 3 + 2L] holds the formulas of the best distinct extents,
    best first, then the best new formula of each length, with LENGTH 0 if there is none; see
    `formulas` for the columns. `n_scored` int64 [K] counts the candidates. `sums` int64 [K, C] are
    the scores of each unit, added over each concept; where nobody asked for them, int64 [1, C], of
    which each unit takes the place of the one before.
    """

    codes: np.ndarray
    n_scored: np.ndarray
    sums: np.ndarray


class Space(NamedTuple):
    """The limits, and the arrays that the search of one unit works in; all use them in turn.

    `float_sums`, `float_counts` and `whole` are those of `candidates.Unit`, `every` bool [C] is
    all concepts. `before` is the beam of the previous step and `kept` becomes the next one;
    `below` is for the best new formula that is not good enough for it, and `known` is that of
    `candidates.Goal`. `parents` uint64 [P, W] are the extents of all formulas that were joined, and
    `literal` is room for a formula.
    """

    limits: Limits
    float_sums: np.ndarray
    float_counts: np.ndarray
    whole: np.ndarray
    every: np.ndarray
    before: Beam
    kept: Beam
    below: Beam
    known: Beam
    parents: np.ndarray
    literal: Formula
    room: Room


def search_units(
    weights: np.ndarray,
    index: LabelIndex,
    searched: np.ndarray,
    limits: Limits,
    measures: Measures | None = None,
    sums: np.ndarray | None = None,
) -> Results:
    """Search for the formulas whose extents score best.

    Parameters
    ----------
    weights : int64 [K, S]
        The scores of the samples, for the AUC doubled midranks, added over each atom.
    index : LabelIndex
        The concepts.
    searched : bool [K, C] or [1, C]
        The concepts that are joined from step 2 on, for each unit or for all.
    limits : Limits
    measures : Measures, optional
        The measures of the units; None stands for the AUC.
    sums : int64 [K, C], optional
        Becomes the scores, added over each concept.

    Returns
    -------
    Results
    """
    n_units, n_rows = len(weights), limits.beam + limits.length
    results = Results(
        np.zeros((n_units, n_rows, width_of(limits.length)), np.int64),
        np.zeros(n_units, np.int64),
        np.empty((1, len(index.bits)), np.int64) if sums is None else sums,
    )
    search_all(weights, measures, index, index.dense, searched, _space(index, limits), results)
    return results


def _space(index: LabelIndex, limits: Limits) -> Space:
    """Make the arrays here, because each of them would take long to compile in a kernel."""
    n_concepts, n_words = index.bits.shape
    beam, length, width = limits.beam, limits.length, width_of(limits.length)
    before, kept, below, known = (
        no_formulas(capacity, length, n_words) for capacity in (beam, beam, 1, _KNOWN)
    )
    return Space(
        limits=limits,
        float_sums=np.empty(n_concepts),
        float_counts=index.counts.astype(np.float64),
        whole=whole_set(index.sizes.size),
        every=np.ones(n_concepts, np.bool_),
        before=before,
        kept=kept,
        below=below,
        known=known,
        # Step 1 joins the set of all atoms; each later step at most one formula per beam place.
        parents=np.empty((1 + (length - 1) * beam, n_words), np.uint64),
        literal=Formula(np.empty(width, np.int64), np.empty(n_words, np.uint64)),
        room=Room(np.empty(width, np.int64), np.empty(n_words, np.uint64), nothing_within(index)),
    )


@kernel
def search_all(weights, measures, index, dense, searched, space, results):
    """Fill in the results of all units; `dense` is that of the index (see `sums`)."""
    limits, float_sums = space.limits, space.float_sums
    for number in range(weights.shape[0]):
        ranked = ranked_over(weights[number], index, dense)
        sums = results.sums[min(number, results.sums.shape[0] - 1)]
        add_whole(ranked, index, dense, sums)
        # Converted once here, not for each formula that is joined.
        for c in range(sums.size):
            float_sums[c] = sums[c]
        of_unit = searched[min(number, searched.shape[0] - 1)]
        measure = measure_of(measures, number)
        unit = _unit(limits, index, ranked, sums, space, of_unit)
        _search_unit(unit, dense, space, results, number, measure)


@inlined
def _unit(limits, index, ranked, sums, space, searched):
    """Return the unit in `space`, for a search among some of the concepts."""
    return Unit(
        limits,
        index,
        ranked,
        sums,
        space.float_sums,
        space.float_counts,
        searched,
        space.whole,
    )


@inlined
def _search_unit(unit, dense, space, results, number, measure):
    """Search one unit and write its results."""
    limits, before, kept, parents = unit.limits, space.before, space.kept, space.parents
    codes = results.codes[number]
    goal = Goal(kept, before, space.known, parents[:0])
    # Both still hold the formulas of the unit before.
    before.size[0] = 0
    kept.size[0] = 0
    # From step 2 on, fewer concepts may be searched.
    of_all = _unit(limits, unit.concepts, unit.ranked, unit.sums, space, space.every)
    offer_literals(space.literal, goal, of_all, dense, space.room, measure)
    n_scored = 2 * unit.sums.size
    if kept.size[0] > 0:
        _report(kept, 0, codes, limits.beam)
    _note_parent(parents, 0, unit.whole)
    n_parents = 1
    for step in range(2, limits.length + 1):
        copy(kept, before)
        n_before = n_parents
        for place in range(before.size[0]):
            slot = before.order[place]
            # Shorter formulas were joined to every literal in an earlier step.
            if before.codes[slot, LENGTH] == step - 1:
                formula = Formula(before.codes[slot], before.words[slot])
                _note_parent(parents, n_parents, formula.words)
                n_parents += 1
                offer_joined(formula, goal, unit, dense, space.room, measure)
        # No formula was left to join, so there are no longer ones.
        if n_parents == n_before:
            break
        n_scored += 4 * limits.n_searched * (n_parents - n_before)
        past = parents[:n_before]
        row = limits.beam + step - 1
        place = _first_new(kept, step, before, past, unit, dense)
        # Only if none entered the beam must all others be looked through again.
        if place >= 0:
            _report(kept, place, codes, row)
        else:
            _search_below(step, past, unit, dense, space, measure)
            if space.below.size[0] > 0:
                _report(space.below, 0, codes, row)
    for place in range(kept.size[0]):
        _report(kept, place, codes, place)
    results.n_scored[number] = n_scored


@inner
def _note_parent(parents, number, words):
    """Note the extent of a formula that is joined."""
    for word in range(words.size):
        parents[number, word] = words[word]


@inner
def _report(beam, place, codes, row):
    """Copy a formula of a beam to a row of the results."""
    slot = beam.order[place]
    for column in range(codes.shape[1]):
        codes[row, column] = beam.codes[slot, column]


@inlined
def _search_below(step, past, unit, dense, space, measure):
    """Find the best new formula of one length among those that did not enter the beam."""
    before, below, known = space.before, space.below, space.known
    below.size[0] = 0
    known.size[0] = 0
    goal = Goal(below, before, known, past)
    for place in range(before.size[0]):
        slot = before.order[place]
        if before.codes[slot, LENGTH] == step - 1:
            formula = Formula(before.codes[slot], before.words[slot])
            offer_joined(formula, goal, unit, dense, space.room, measure)


@inner
def _first_new(beam, step, before, past, unit, dense):
    """Return the place of the first formula of a length that says more than all shorter ones.

    -1 stands for none. `past` uint64 [P, W] are the extents that were joined before `step`.
    """
    for place in range(beam.size[0]):
        slot = beam.order[place]
        # The beam before holds the extents of all scored formulas that score above its last one,
        # or of all of them if it is not full. Only for other scores they are looked through.
        if beam.codes[slot, LENGTH] == step and (
            beam.scores[slot] > last_score(before)
            or not is_known(beam.words[slot], past, unit, dense)
        ):
            return place
    return -1
