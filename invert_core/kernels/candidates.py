"""The candidates of one step: a formula joined to every literal, and their scores.

If rank sum and size of a formula F, of a concept c and of F & c are known, those of F & ~c, F | c
and F | ~c follow by inclusion-exclusion: one pass over F scores four candidates for every concept.
"""

from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import kernel
from invert_core.kernels.formulas import N_POSITIVE, RANK_SUM
from invert_core.kernels.planes import sum_below
from invert_core.kernels.sums import Sums

CONCEPTS_AT_ONCE = 128
"""The number of candidates that are scored at once, before any of them is offered."""


class Passes(NamedTuple):
    """P extents that are joined to literals, one pass each; pass 0 is the set of all atoms.

    `words` uint64 [P, W] are the extents, `n_positive` and `rank_sum` int64 [P] their sizes and
    rank sums. `sums` and `counts` int64 [P, C] belong to the intersections with every concept; the
    exact sum lies between `sums` and `sums` + `slack`, int64 [P, C]. `scores` float32
    [P, 4, G, CONCEPTS_AT_ONCE] are the rounded scores of the candidates of each kind, inf if the
    sum has slack; `best` float32 [P, 4, G] is an upper bound on the scores of each group.
    """

    words: np.ndarray
    n_positive: np.ndarray
    rank_sum: np.ndarray
    sums: np.ndarray
    counts: np.ndarray
    slack: np.ndarray
    scores: np.ndarray
    best: np.ndarray


class Limits(NamedTuple):
    """The settings of a beam search.

    A formula has at most `length` literals, and each step keeps `beam` formulas. An extent has
    from `n_low` to `n_high` samples, both included, with n_low >= 1 and n_high < N. `sign` is 1.0
    to find the largest AUC, -1.0 to find the smallest. From step 2 on, only the `n_searched`
    concepts with the largest abs(AUC - 0.5) are joined.
    """

    length: int
    beam: int
    n_low: int
    n_high: int
    sign: float
    n_searched: int


@kernel
def doubled_u(n_positive, rank_sum):
    """Return twice the Mann-Whitney U of an extent."""
    return rank_sum - n_positive * (n_positive + 1)


@kernel
def auc_of(n_positive, rank_sum, n_samples):
    """Return the AUC of an extent that holds some of the samples, but not all."""
    # Both integers are at most N**2 / 2, which float64 holds exactly up to N = 2**27. Only the
    # division rounds, so equal extents get equal scores, however they were found.
    return doubled_u(n_positive, rank_sum) / (2 * n_positive * (n_samples - n_positive))


@kernel
def of_kind(kind, everything, formula, concept, both):
    """Return the size or rank sum of one of the four candidates of a formula and a concept.

    `kind` is connective * 2 + negated; the other arguments are the sizes, or the sums, of all
    samples, of the formula, of the concept, and of their intersection.
    """
    if kind == 0:
        return both
    if kind == 1:
        return formula - both
    if kind == 2:
        return formula + concept - both
    return everything - concept + both


@kernel
def score_candidates(kind, p, start, step, passes, limits, scores):
    """Score the candidates of one kind and pass for the concepts from `start` on; return the best.

    If a sum has slack, the score is an upper bound. The score is -inf for candidates outside the
    limits, and for candidates whose extent is that of their formula or of their literal alone:
    these are shorter and already scored.
    """
    n_samples = passes.n_positive[0]
    n_formula, sum_formula = passes.n_positive[p], passes.rank_sum[p]
    everything = passes.rank_sum[0]
    of_concept, sum_concept = passes.counts[0, start:], passes.sums[0, start:]
    of_both, sum_both = passes.counts[p, start:], passes.sums[p, start:]
    slack = passes.slack[p, start:]
    # The score rises with the sum of the intersection for F & c and F | ~c, and falls for the
    # other two kinds.
    of_slack = 1 if (kind == 0 or kind == 3) == (limits.sign > 0) else 0
    n_concepts = min(CONCEPTS_AT_ONCE, of_concept.size)
    # No branch depends on the candidate, so the loop runs in vector instructions: candidates that
    # are not allowed are scored too, even if that divides by zero, and then dropped.
    for c in range(n_concepts):
        n = of_kind(kind, n_samples, n_formula, of_concept[c], of_both[c])
        both = sum_both[c] + of_slack * slack[c]
        rank_sum = of_kind(kind, everything, sum_formula, sum_concept[c], both)
        n_literal = n_samples - of_concept[c] if kind & 1 else of_concept[c]
        # Each candidate lies inside or around its formula and its literal. So equal sizes mean
        # equal extents, and no words need comparing.
        says_more = (step == 1) | ((n != n_formula) & (n != n_literal))
        allowed = (n >= limits.n_low) & (n <= limits.n_high) & says_more
        scores[c] = limits.sign * auc_of(n, rank_sum, n_samples) if allowed else -np.inf
    # The last group is filled up, because `largest` and `is_new` read whole groups.
    for c in range(n_concepts, CONCEPTS_AT_ONCE):
        scores[c] = -np.inf
    return largest(scores)


@kernel
def remember(kind, p, group, best, passes, scores):
    """Store the scores of one kind and group of concepts for later steps."""
    # In float32 they take half the memory, and equal scores still round to equal scores.
    passes.best[p, kind, group] = best
    rounded = passes.scores[p, kind, group]
    for c in range(CONCEPTS_AT_ONCE):
        rounded[c] = scores[c]
    # A score with slack is only an upper bound, so it cannot show that two scores differ: inf makes
    # `is_new` look closer.
    slack = passes.slack[p, group * CONCEPTS_AT_ONCE :]
    for c in range(min(CONCEPTS_AT_ONCE, slack.size)):
        if slack[c] > 0:
            rounded[c] = np.inf


@kernel
def largest(scores):
    """Return the maximum of CONCEPTS_AT_ONCE floats without NaN."""
    # Four maxima do not wait for one another; a single one would wait for each comparison.
    one, two, three, four = scores[0], scores[1], scores[2], scores[3]
    for at in range(4, CONCEPTS_AT_ONCE, 4):
        one = scores[at] if scores[at] > one else one
        two = scores[at + 1] if scores[at + 1] > two else two
        three = scores[at + 2] if scores[at + 2] > three else three
        four = scores[at + 3] if scores[at + 3] > four else four
    return max(max(one, two), max(three, four))


@kernel
def remove_slack(p, c, planes, n_left_out, bits, passes):
    """Make the sum of one concept exact by adding the planes that were left out."""
    # Stored, because the other kinds of candidates of this concept use the same sum.
    passes.sums[p, c] += sum_below(passes.words[p], planes, n_left_out, bits[c])
    passes.slack[p, c] = 0


@kernel
def exact_score(kind, p, c, passes, limits):
    """Return the score of one candidate, whose sum must have no slack."""
    n_samples = passes.n_positive[0]
    n = of_kind(kind, n_samples, passes.n_positive[p], passes.counts[0, c], passes.counts[p, c])
    rank_sum = of_kind(
        kind, passes.rank_sum[0], passes.rank_sum[p], passes.sums[0, c], passes.sums[p, c]
    )
    return limits.sign * auc_of(n, rank_sum, n_samples)


@kernel
def is_alike(n, rank_sum, kind, passes, p, c):
    """Return whether a candidate has this size and may have this rank sum."""
    of_all, of_formula = passes.n_positive[0], passes.n_positive[p]
    if n != of_kind(kind, of_all, of_formula, passes.counts[0, c], passes.counts[p, c]):
        return False
    sum_all, sum_formula = passes.rank_sum[0], passes.rank_sum[p]
    found = of_kind(kind, sum_all, sum_formula, passes.sums[0, c], passes.sums[p, c])
    return abs(rank_sum - found) <= passes.slack[p, c]


@kernel
def most_separated(sums, counts, n_samples, n_kept, kept):
    """Fill in `kept` bool [C]: the concepts with the largest abs(AUC - 0.5), the first in a tie.

    Floats that are not negative sort as their bits do, so the smallest distance to keep is found
    bit by bit.
    """
    distance = np.zeros(counts.size, np.float64)
    for c in range(counts.size):
        if 0 < counts[c] < n_samples:
            distance[c] = abs(auc_of(counts[c], sums[c], n_samples) - 0.5)
    bits = distance.view(np.int64)
    # The largest number that at least `n_kept` distances reach: a bit stays if enough still reach
    # it. Bit 63 is the sign, and no distance is negative.
    least = np.int64(0)
    for shift in range(62, -1, -1):
        trial = least | (np.int64(1) << shift)
        n_above = 0
        for c in range(bits.size):
            n_above += bits[c] >= trial
        if n_above >= n_kept:
            least = trial
    # Fewer than `n_kept` distances are above it; the first ones equal to it fill up.
    n_more = n_kept
    for c in range(bits.size):
        kept[c] = bits[c] > least
        n_more -= kept[c]
    for c in range(bits.size):
        if n_more > 0 and bits[c] == least:
            kept[c] = True
            n_more -= 1


@kernel
def room_for_passes(index, limits):
    """Return room for all passes of one unit."""
    n_concepts, n_words = index.bits.shape
    n_groups = (n_concepts + CONCEPTS_AT_ONCE - 1) // CONCEPTS_AT_ONCE
    # Step 1 takes one pass; each later step takes at most one pass per formula of the beam.
    capacity = 1 + (limits.length - 1) * limits.beam
    return Passes(
        np.empty((capacity, n_words), np.uint64),
        np.empty(capacity, np.int64),
        np.empty(capacity, np.int64),
        np.empty((capacity, n_concepts), np.int64),
        np.empty((capacity, n_concepts), np.int64),
        np.empty((capacity, n_concepts), np.int64),
        np.empty((capacity, 4, n_groups, CONCEPTS_AT_ONCE), np.float32),
        np.empty((capacity, 4, n_groups), np.float32),
    )


@kernel
def begin_pass(p, before, words, row, passes):
    """Begin pass `p`, over formula `row` of `before` with the extent ``words[row]``."""
    for word in range(words.shape[1]):
        passes.words[p, word] = words[row, word]
    passes.n_positive[p] = before.codes[row, N_POSITIVE]
    passes.rank_sum[p] = before.codes[row, RANK_SUM]


@kernel
def sums_of_pass(passes, p):
    """Return views of the sums of pass `p`, to be filled in."""
    return Sums(passes.sums[p], passes.counts[p], passes.slack[p])
