"""Beam search for one unit.

With S and n of a formula F, of a concept c and of F & c known, those of F & ~c, F | c and F | ~c
follow by inclusion-exclusion: one pass over F scores four candidates of every concept. Step 1 is
the same with F true everywhere, where only `&` says something new.
"""

from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import kernel
from invert_core.kernels.bits import whole_set
from invert_core.kernels.formulas import (
    AS_IS,
    copy_row,
    extent_of,
    join,
    no_formulas,
    precedes,
    same_extent,
)
from invert_core.kernels.sums import sums_within


class Passes(NamedTuple):
    """P sets that were joined to literals; row 0 is the set of all samples.

    `words` is [P, W], `n_positive` and `rank_sum` [P]; `sums` and `counts` [P, C] belong to the
    intersections with every concept.
    """

    words: np.ndarray
    n_positive: np.ndarray
    rank_sum: np.ndarray
    sums: np.ndarray
    counts: np.ndarray


@kernel
def doubled_u(n_positive, rank_sum):
    """Twice the Mann-Whitney U of an extent."""
    return rank_sum - n_positive * (n_positive + 1)


@kernel
def auc_of(n_positive, rank_sum, n_samples):
    """AUC of an extent that is neither empty nor everything: one division of exact integers."""
    return doubled_u(n_positive, rank_sum) / (2 * n_positive * (n_samples - n_positive))


@kernel
def of_kind(kind, everything, formula, concept, both):
    """Size or rank sum of one of the four candidates made of a formula and a concept.

    `kind` is connective * 2 + negated; the others are the size (or sum) of all samples, of the
    formula, of the concept, and of their intersection.
    """
    if kind == 0:
        return both
    if kind == 1:
        return formula - both
    if kind == 2:
        return formula + concept - both
    return everything - concept + both


@kernel
def most_separated(sums, counts, n_samples, n_kept):
    """The concepts with the largest abs(AUC - 0.5); ties keep the first."""
    distance = np.zeros(counts.size, np.float64)
    for c in range(counts.size):
        if 0 < counts[c] < n_samples:
            distance[c] = -abs(auc_of(counts[c], sums[c], n_samples) - 0.5)
    return np.argsort(distance, kind="mergesort")[:n_kept]


@kernel
def insert(trial, kept, before_words, bits, whole):
    """Let the formula in row 0 of `trial` take its place among `kept`, if it has one.

    Of formulas with one extent the first in order stays.
    """
    size = kept.size[0]
    for row in range(size):
        if (
            kept.n_positive[row] == trial.n_positive[0]
            and kept.rank_sum[row] == trial.rank_sum[0]
            and same_extent(
                before_words[trial.parent[0]],
                trial.literal[0],
                trial.connective[0],
                before_words[kept.parent[row]],
                kept.literal[row],
                kept.connective[row],
                bits,
                whole,
            )
        ):
            if not precedes(trial, 0, kept, row):
                return
            for after in range(row, size - 1):
                copy_row(kept, after + 1, kept, after)
            size -= 1
            break
    if size == kept.length.size:
        if not precedes(trial, 0, kept, size - 1):
            return
        size -= 1
    place = size
    while place > 0 and precedes(trial, 0, kept, place - 1):
        copy_row(kept, place - 1, kept, place)
        place -= 1
    copy_row(trial, 0, kept, place)
    kept.size[0] = size + 1


@kernel
def is_new(trial, before, before_words, passes, n_passes, searched, bits):
    """Whether no shorter formula that was scored has the extent of row 0 of `trial`.

    `before` is the beam of the shorter ones. Whatever was scored and ends above the beam's last
    row, or finds room in the beam, is in the beam; only below must all that was scored be searched.
    """
    whole = passes.words[0]
    n = trial.n_positive[0]
    rank_sum = trial.rank_sum[0]
    words = before_words[trial.parent[0]]
    literal = trial.literal[0]
    connective = trial.connective[0]
    for row in range(before.size[0]):
        if (
            before.n_positive[row] == n
            and before.rank_sum[row] == rank_sum
            and same_extent(words, literal, connective, before_words[row], 0, AS_IS, bits, whole)
        ):
            return False
    last = before.size[0] - 1
    if last + 1 < before.length.size or trial.score[0] > before.score[last]:
        return True
    for p in range(n_passes):
        n_searched = bits.shape[0] if p == 0 else searched.size
        for i in range(n_searched):
            c = i if p == 0 else searched[i]
            for kind in range(2 if p == 0 else 4):
                if n == of_kind(
                    kind,
                    passes.n_positive[0],
                    passes.n_positive[p],
                    passes.counts[0, c],
                    passes.counts[p, c],
                ) and rank_sum == of_kind(
                    kind,
                    passes.rank_sum[0],
                    passes.rank_sum[p],
                    passes.sums[0, c],
                    passes.sums[p, c],
                ):
                    other = 2 * c + (kind & 1)
                    if same_extent(
                        words, literal, connective, passes.words[p], other, kind >> 1, bits, whole
                    ):
                        return False
    return True


@kernel
def search_unit(ranks, index, length, beam, n_low, n_high, sign, n_searched):
    """Search the formulas that one unit separates best.

    Parameters
    ----------
    ranks : int64 [N]
        Doubled midranks.
    index : LabelIndex
        The concepts.
    length, beam : int
        The most literals of a formula, and the formulas kept at each step.
    n_low, n_high : int
        Sizes an extent may have, both included; n_low >= 1 and n_high < N.
    sign : float
        1.0 seeks the largest AUC, -1.0 the smallest.
    n_searched : int
        Concepts that stay from step 2 on: those with the largest abs(AUC - 0.5).

    Returns
    -------
    beam : Formulas
        The best distinct extents, best first; score is sign * AUC.
    by_length : Formulas
        Row l - 1 is the best new formula of length l; its length is 0 where there is none.
    n_scored : int
        How many candidates were scored.
    """
    n_samples = ranks.size
    bits = index.bits
    n_concepts = bits.shape[0]
    whole = whole_set(n_samples)
    searched = np.arange(n_concepts)
    capacity = 1 + (length - 1) * beam
    passes = Passes(
        np.empty((capacity, whole.size), np.uint64),
        np.empty(capacity, np.int64),
        np.empty(capacity, np.int64),
        np.empty((capacity, n_concepts), np.int64),
        np.empty((capacity, n_concepts), np.int64),
    )
    n_passes = 0
    n_scored = 0
    by_length = no_formulas(length, length)
    trial = no_formulas(1, length)

    # Before step 1 stands the formula of no literals, true everywhere.
    before = no_formulas(beam, length)
    before.size[0] = 1
    before.n_positive[0] = n_samples
    before.rank_sum[0] = n_samples * (n_samples + 1)
    before_words = np.empty((beam, whole.size), np.uint64)
    before_words[0] = whole

    for step in range(1, length + 1):
        n_kinds = 2 if step == 1 else 4
        kept = no_formulas(beam, length)
        if step > 1:
            for row in range(before.size[0]):
                copy_row(before, row, kept, row)
                kept.parent[row] = row
                kept.connective[row] = AS_IS
            kept.size[0] = before.size[0]
        n_passes_before = n_passes
        for row in range(before.size[0]):
            if before.length[row] != step - 1:
                continue
            p = n_passes
            n_passes += 1
            n_scored += searched.size * n_kinds
            passes.words[p] = before_words[row]
            passes.n_positive[p] = before.n_positive[row]
            passes.rank_sum[p] = before.rank_sum[row]
            sums_within(before_words[row], ranks, index, passes.sums[p], passes.counts[p])
            for c in searched:
                for kind in range(n_kinds):
                    n = of_kind(
                        kind,
                        n_samples,
                        passes.n_positive[p],
                        passes.counts[0, c],
                        passes.counts[p, c],
                    )
                    if n < n_low or n > n_high:
                        continue
                    # An extent inside or around another and of its size is that other: here the
                    # formula before or the literal alone, both shorter and scored already.
                    n_literal = passes.counts[0, c]
                    if kind & 1:
                        n_literal = n_samples - n_literal
                    if step > 1 and (n == passes.n_positive[p] or n == n_literal):
                        continue
                    rank_sum = of_kind(
                        kind,
                        passes.rank_sum[0],
                        passes.rank_sum[p],
                        passes.sums[0, c],
                        passes.sums[p, c],
                    )
                    score = sign * auc_of(n, rank_sum, n_samples)
                    enters = kept.size[0] < beam or score >= kept.score[beam - 1]
                    leads = by_length.length[step - 1] == 0 or score >= by_length.score[step - 1]
                    if not (enters or leads):
                        continue
                    join(before, row, 2 * c + (kind & 1), kind >> 1, trial)
                    trial.n_positive[0] = n
                    trial.rank_sum[0] = rank_sum
                    trial.score[0] = score
                    if (
                        leads
                        and (
                            by_length.length[step - 1] == 0
                            or precedes(trial, 0, by_length, step - 1)
                        )
                        and (
                            step == 1
                            or is_new(
                                trial, before, before_words, passes, n_passes_before, searched, bits
                            )
                        )
                    ):
                        copy_row(trial, 0, by_length, step - 1)
                    if enters:
                        insert(trial, kept, before_words, bits, whole)
        if n_passes == n_passes_before:
            break
        words = np.empty((beam, whole.size), np.uint64)
        for row in range(kept.size[0]):
            words[row] = extent_of(
                before_words[kept.parent[row]], bits, kept.literal[row], kept.connective[row], whole
            )
        before = kept
        before_words = words
        if step == 1 and n_searched < n_concepts:
            searched = most_separated(passes.sums[0], passes.counts[0], n_samples, n_searched)
    return before, by_length, n_scored
