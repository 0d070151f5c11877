"""Beam search for blocks of units.

Step l joins the formulas of l - 1 literals to every literal (`candidates`). Step 1 joins literals
to the formula that is true everywhere; with it, `|` makes nothing new.
"""

from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import kernel
from invert_core.kernels.bits import whole_set
from invert_core.kernels.candidates import (
    CONCEPTS_AT_ONCE,
    begin_pass,
    exact_score,
    is_alike,
    most_separated,
    of_kind,
    remember,
    remove_slack,
    room_for_passes,
    score_candidates,
    sums_of_pass,
)
from invert_core.kernels.formulas import (
    AS_IS,
    CONNECTIVE,
    LENGTH,
    LITERAL,
    LITERALS,
    N_POSITIVE,
    PARENT,
    RANK_SUM,
    Extent,
    Formulas,
    copy_row,
    join,
    no_formulas,
    precedes,
    same_extent,
    write_extent,
)
from invert_core.kernels.sums import ranked_over, sums_within


class Beams(NamedTuple):
    """The formulas of one step of a search.

    `before` is the beam of the previous step, with extents `words` uint64 [B, W]; `kept` becomes
    the next beam; formula l - 1 of `by_length` is the best new formula of length l so far; `trial`
    is room for one formula.
    """

    before: Formulas
    words: np.ndarray
    kept: Formulas
    by_length: Formulas
    trial: Formulas


class Pass(NamedTuple):
    """Pass `number`: it joins formula `row` of the previous beam to every literal.

    `n_before` passes belong to earlier steps. The sums with slack leave out the lowest `n_left_out`
    planes.
    """

    number: int
    row: int
    step: int
    n_before: int
    n_left_out: int


class Candidate(NamedTuple):
    """The formula of a pass joined to `concept`; `kind` is connective * 2 + negated."""

    concept: int
    kind: int
    score: float


class Results(NamedTuple):
    """The results of the searches of K units.

    For each unit, `codes` int64 [K, B + L, 6 + 2L] holds the formulas of the best distinct extents,
    best first, then the best new formula of each length, with LENGTH 0 if there is none. `scores`
    float64 [K, B + L] are sign * AUC; `n_scored` int64 [K] counts the candidates that were scored.
    """

    codes: np.ndarray
    scores: np.ndarray
    n_scored: np.ndarray


@kernel
def insert(beams, bits, whole):
    """Put the formula on trial into the next beam, if it is good enough.

    Of the formulas with the same extent, only the first in order stays.
    """
    # Taken out once: every access to a tuple of arrays counts a reference, atomically.
    trial, kept, before_words = beams.trial, beams.kept, beams.words
    size = kept.size[0]
    # Most candidates end here, before any extents are compared.
    if size == kept.score.size and not precedes(trial, 0, kept, size - 1):
        return
    new = trial.codes[0]
    for row in range(size):
        old = kept.codes[row]
        # Equal extents have equal sizes and sums, so words are compared only if these are equal.
        if (
            old[N_POSITIVE] == new[N_POSITIVE]
            and old[RANK_SUM] == new[RANK_SUM]
            and same_extent(
                Extent(before_words[new[PARENT]], new[LITERAL], new[CONNECTIVE]),
                Extent(before_words[old[PARENT]], old[LITERAL], old[CONNECTIVE]),
                bits,
                whole,
            )
        ):
            if not precedes(trial, 0, kept, row):
                return
            # The later of the two leaves; the beam never holds a third formula with this extent.
            for after in range(row, size - 1):
                copy_row(kept, after + 1, kept, after)
            size -= 1
            break
    # If no formula has left a full beam, its last one does.
    if size == kept.score.size:
        size -= 1
    place = size
    while place > 0 and precedes(trial, 0, kept, place - 1):
        copy_row(kept, place - 1, kept, place)
        place -= 1
    copy_row(trial, 0, kept, place)
    kept.size[0] = size + 1


@kernel
def is_new(beams, passes, n_passes, searched, bits):
    """Return whether no shorter formula that was scored has the extent of the one on trial.

    The previous beam holds the extents of all scored formulas that score above its last one, or of
    all of them if it is not full. Only for other scores are all candidates of the first
    `n_passes` passes searched.
    """
    trial, before, before_words = beams.trial, beams.before, beams.words
    whole = passes.words[0]
    new = trial.codes[0]
    extent = Extent(before_words[new[PARENT]], new[LITERAL], new[CONNECTIVE])
    for row in range(before.size[0]):
        old = before.codes[row]
        if (
            old[N_POSITIVE] == new[N_POSITIVE]
            and old[RANK_SUM] == new[RANK_SUM]
            and same_extent(extent, Extent(before_words[row], 0, AS_IS), bits, whole)
        ):
            return False
    last = before.size[0] - 1
    if last + 1 < before.score.size or trial.score[0] > before.score[last]:
        return True
    # Scores are stored in float32; rounding keeps their order, so none is missed.
    rounded = np.float32(trial.score[0])
    for p in range(n_passes):
        for kind in range(2 if p == 0 else 4):
            for group in range(passes.best.shape[2]):
                # One comparison rules out most groups.
                if passes.best[p, kind, group] < rounded:
                    continue
                # Counted without a branch in the loop: hardly any group has an equal score.
                n_alike = 0
                for score in passes.scores[p, kind, group]:
                    n_alike += (score == rounded) | (score == np.inf)
                if n_alike == 0:
                    continue
                start = group * CONCEPTS_AT_ONCE
                for c in range(start, min(start + CONCEPTS_AT_ONCE, bits.shape[0])):
                    # Concepts that are no longer searched were candidates at step 1 alone.
                    if (
                        (p == 0 or searched[c])
                        and is_alike(new[N_POSITIVE], new[RANK_SUM], kind, passes, p, c)
                        and same_extent(
                            extent,
                            Extent(passes.words[p], 2 * c + (kind & 1), kind >> 1),
                            bits,
                            whole,
                        )
                    ):
                        return False
    return True


@kernel
def least_score(beams, step):
    """Return the score below which a candidate enters neither the beam nor `by_length`."""
    kept, by_length = beams.kept, beams.by_length
    if kept.size[0] < kept.score.size or by_length.codes[step - 1, LENGTH] == 0:
        return -np.inf
    return min(kept.score[-1], by_length.score[step - 1])


@kernel
def offer(candidate, current, beams, passes, searched, bits):
    """Put one candidate into the beam and into `by_length`, if it is good enough."""
    trial, by_length = beams.trial, beams.by_length
    p, step = current.number, current.step
    c, kind = candidate.concept, candidate.kind
    join(beams.before, current.row, 2 * c + (kind & 1), kind >> 1, trial)
    trial.codes[0, N_POSITIVE] = of_kind(
        kind,
        passes.n_positive[0],
        passes.n_positive[p],
        passes.counts[0, c],
        passes.counts[p, c],
    )
    trial.codes[0, RANK_SUM] = of_kind(
        kind, passes.rank_sum[0], passes.rank_sum[p], passes.sums[0, c], passes.sums[p, c]
    )
    trial.score[0] = candidate.score
    # `is_new` takes the longest, so it comes last.
    if (by_length.codes[step - 1, LENGTH] == 0 or precedes(trial, 0, by_length, step - 1)) and (
        step == 1 or is_new(beams, passes, current.n_before, searched, bits)
    ):
        copy_row(trial, 0, by_length, step - 1)
    insert(beams, bits, passes.words[0])


@kernel
def search_pass(current, beams, passes, planes, searched, bits, limits):
    """Offer all candidates of one pass."""
    p, step = current.number, current.step
    scores = np.empty(CONCEPTS_AT_ONCE, np.float64)
    for group in range(passes.best.shape[2]):
        start = group * CONCEPTS_AT_ONCE
        n_touching = 0
        for count in passes.counts[p, start : start + CONCEPTS_AT_ONCE]:
            n_touching += count > 0
        for kind in range(2 if step == 1 else 4):
            if n_touching == 0 and kind != 2:
                # Apart from c, F & c is empty, F & ~c is F and F | ~c is ~c: only F | c is new.
                passes.best[p, kind, group] = -np.inf
                continue
            best = score_candidates(kind, p, start, step, passes, limits, scores)
            # No step after the last one can ask for its scores.
            if step < limits.length:
                remember(kind, p, group, best, passes, scores)
            # The best score bounds the whole group, and most groups end here.
            if best < least_score(beams, step):
                continue
            for place in range(scores.size):
                c = start + place
                # Every offer can raise the least score, so it is computed again for each candidate.
                if scores[place] == -np.inf or scores[place] < least_score(beams, step):
                    continue
                if not searched[c]:
                    continue
                # A score with slack is only an upper bound; few candidates come this far.
                if passes.slack[p, c] > 0:
                    remove_slack(p, c, planes, current.n_left_out, bits, passes)
                score = exact_score(kind, p, c, passes, limits)
                if score >= least_score(beams, step):
                    candidate = Candidate(c, kind, score)
                    offer(candidate, current, beams, passes, searched, bits)


@kernel
def first_beam(n_samples, whole, limits):
    """Return the first beam: the formula of no literals, true everywhere; and its extent."""
    before = no_formulas(limits.beam, limits.length)
    before.size[0] = 1
    before.codes[0, N_POSITIVE] = n_samples
    before.codes[0, RANK_SUM] = n_samples * (n_samples + 1)
    words = np.empty((limits.beam, whole.size), np.uint64)
    for word in range(whole.size):
        words[0, word] = whole[word]
    return before, words


@kernel
def carried_over(before, step):
    """Return a new beam that begins with the formulas of the old one."""
    kept = no_formulas(before.score.size, (before.codes.shape[1] - LITERALS) // 2)
    # The formula of no literals is not a result, so step 1 begins with an empty beam.
    if step > 1:
        for row in range(before.size[0]):
            copy_row(before, row, kept, row)
            kept.codes[row, PARENT] = row
            kept.codes[row, CONNECTIVE] = AS_IS
        kept.size[0] = before.size[0]
    return kept


@kernel
def extents_of(kept, words, bits, whole):
    """Return the extents of a new beam whose parents have the extents `words`."""
    # Not in place: several formulas can have one parent.
    of_kept = np.empty(words.shape, np.uint64)
    for row in range(kept.size[0]):
        code = kept.codes[row]
        extent = Extent(words[code[PARENT]], code[LITERAL], code[CONNECTIVE])
        write_extent(extent, bits, whole, of_kept[row])
    return of_kept


@kernel
def search_units(weights, n_samples, index, limits):
    """Search for the formulas that each unit separates best.

    Parameters
    ----------
    weights : int64 [K, S]
        Doubled midranks, added over each atom.
    n_samples : int
        Number N of samples.
    index : LabelIndex
        The concepts.
    limits : Limits

    Returns
    -------
    Results
    """
    bits = index.bits
    length = limits.length
    whole = whole_set(index.sizes.size)
    # This is most of the memory, so it is allocated once and all units use it in turn.
    passes = room_for_passes(index, limits)
    results = no_results(weights.shape[0], limits)
    searched = np.empty(bits.shape[0], np.bool_)
    unknown = np.empty(0, np.int64)
    for unit in range(weights.shape[0]):
        ranked = ranked_over(weights[unit], index.dense.size > 0)
        before, words = first_beam(n_samples, whole, limits)
        by_length = no_formulas(length, length)
        trial = no_formulas(1, length)
        searched[:] = True
        n_passes = 0
        for step in range(1, length + 1):
            beams = Beams(before, words, carried_over(before, step), by_length, trial)
            n_before = n_passes
            # Step 1 is exact, because all later sums build on its sums. Later steps begin with the
            # upper planes: they bound every candidate, and few candidates need the lower ones.
            n_left_out = 0 if step == 1 else ranked.planes.shape[0] // 2
            for row in range(before.size[0]):
                # Shorter formulas were joined to every literal in an earlier step.
                if before.codes[row, LENGTH] != step - 1:
                    continue
                current = Pass(n_passes, row, step, n_before, n_left_out)
                n_passes += 1
                results.n_scored[unit] += 2 * bits.shape[0] if step == 1 else 4 * limits.n_searched
                begin_pass(current.number, before, words, row, passes)
                all_sums = unknown if step == 1 else passes.sums[0]
                sums_within(
                    words[row],
                    ranked,
                    n_left_out,
                    index,
                    all_sums,
                    sums_of_pass(passes, current.number),
                )
                search_pass(current, beams, passes, ranked.planes, searched, bits, limits)
            # No formula was left to join, so there are no longer ones.
            if n_passes == n_before:
                break
            words = extents_of(beams.kept, words, bits, whole)
            before = beams.kept
            if step == 1 and limits.n_searched < bits.shape[0]:
                most_separated(
                    passes.sums[0], passes.counts[0], n_samples, limits.n_searched, searched
                )
        write_results(before, by_length, unit, results)
    return results


@kernel
def no_results(n_units, limits):
    """Return room for the results of `n_units` units."""
    n_rows = limits.beam + limits.length
    return Results(
        np.zeros((n_units, n_rows, LITERALS + 2 * limits.length), np.int64),
        np.zeros((n_units, n_rows), np.float64),
        np.zeros(n_units, np.int64),
    )


@kernel
def write_results(found, by_length, unit, results):
    """Copy the results of one unit: its beam, then the best formula of each length."""
    beam = found.score.size
    to = Formulas(results.codes[unit], results.scores[unit], found.size)
    for row in range(found.size[0]):
        copy_row(found, row, to, row)
    for row in range(by_length.score.size):
        copy_row(by_length, row, to, beam + row)
