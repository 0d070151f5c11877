"""Scores every formula of one and of two concepts, and keeps the best formula of each length.

Literal 2c is concept c and 2c + 1 its negation. The key of a formula is its normal form as one
number; if two formulas have equal length and score, the one with the smaller key comes first.
"""

from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import kernel
from invert_core.kernels.pairs import diagonal, fill_unions

AND = 0
OR = 1
ABSENT = -1

_ONE, _TWO, THREE = np.arange(1, 4)
"""Lengths of formulas.

Not literals: for each literal number that it is given, Numba compiles a kernel once more.
"""

UNIT = 2**50
"""The number 1 in the fixed-point format of thresholds on the AUC."""
SLACK = 16
"""How far the threshold of a score lies below it, in fixed point.

A score is a quotient of two integers, each rounded to float64; in a search for the smallest AUC,
minus the score is subtracted from 1. The error is below 4 * 2**-53, and the slack is 2**-46.
"""


class Problem(NamedTuple):
    """One unit over S atoms and C concepts that are numbered by size, ascending.

    `bits` uint64 [C, W] hold the concepts by concept; `first` int64 [S + 1] and `concept` int64
    hold them by atom. `literal` int64 [C, 2] are the numbers that concept c and its negation have
    among the caller's `n_literals` literals. `sizes` int64 [S] are the samples of each atom,
    `ranks` int64 [S] the sums of their doubled midranks. If `downwards`, ranks run downwards, so
    that the best formula always has the largest AUC. `counts` and `sums` int64 [C, C] belong to
    the intersections.
    """

    bits: np.ndarray
    first: np.ndarray
    concept: np.ndarray
    literal: np.ndarray
    n_literals: int
    sizes: np.ndarray
    ranks: np.ndarray
    counts: np.ndarray
    sums: np.ndarray
    n_samples: int
    n_low: int
    n_high: int
    downwards: bool


class Best(NamedTuple):
    """The best formula of each length 0 to 3; its key is ABSENT if none beats all shorter ones.

    `score` float64 [4] is then the score of the best shorter one. `rank_sum` adds the ranks in the
    direction of the problem. `n_scored` int64 [1] counts the formulas that were scored.
    """

    score: np.ndarray
    key: np.ndarray
    n_positive: np.ndarray
    rank_sum: np.ndarray
    n_scored: np.ndarray


def nothing_yet() -> Best:
    """Return a `Best` before any formula was scored."""
    return Best(
        np.full(4, -np.inf),
        np.full(4, ABSENT),
        np.zeros(4, np.int64),
        np.zeros(4, np.int64),
        np.zeros(1, np.int64),
    )


@kernel
def score_of(n, rank_sum, n_samples, downwards):
    """Return the AUC or, if the ranks run downwards, minus the AUC of the upward ranks."""
    # Both fit into 64 bits and into float64: see `scores.auc_of`.
    pairs = 2 * n * (n_samples - n)
    doubled_u = rank_sum - n * (n + 1)
    # Turned back as an integer, so that it rounds as the AUC of upward ranks does.
    if downwards:
        return -((pairs - doubled_u) / pairs)
    return doubled_u / pairs


@kernel
def needed_score(best, length):
    """Return the least score with which a formula can become the best of its length."""
    # A formula must beat the best shorter formula, not only equal it.
    if best.key[length] == ABSENT:
        return np.nextafter(best.score[length], np.inf)
    return best.score[length]


@kernel
def threshold_of(score, downwards):
    """Return the AUC, in fixed point, that every formula with at least this score exceeds."""
    if score == -np.inf:
        return 0
    # Rounded down, minus the slack: a bound may let too much through, but never too little.
    area = 1.0 + score if downwards else score
    return max(np.int64(area * UNIT) - SLACK, 0)


@kernel
def key_of(x, y, z, before_y, before_z, length, n_literals):
    """Return the key of (x before_y y) before_z z; only the first `length` literals count.

    The literals of a run of one connective are sorted; the first belongs to the first run.
    """
    if length == 1:
        return x
    if x > y:
        x, y = y, x
    if length == 2:
        return (x * n_literals + y) * 2 + before_y
    # One run of three: z sinks to its place among the other two, which are sorted.
    if before_y == before_z:
        if y > z:
            y, z = z, y
        if x > y:
            x, y = y, x
    return ((x * n_literals + y) * n_literals + z) * 4 + before_y * 2 + before_z


def formula_of(key: int, length: int, n_literals: int) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Return the literals and the connectives of a key."""
    connectives = []
    for _ in range(length - 1):
        key, connective = divmod(key, 2)
        connectives.append("&|"[connective])
    literals = []
    for _ in range(length):
        key, literal = divmod(key, n_literals)
        literals.append(literal)
    return tuple(reversed(literals)), tuple(reversed(connectives))


@kernel
def consider(best, length, key, n, rank_sum, problem):
    """Store a formula if it is the best of its length so far."""
    if n < problem.n_low or n > problem.n_high:
        return
    score = score_of(n, rank_sum, problem.n_samples, problem.downwards)
    if score < needed_score(best, length):
        return
    # The smaller key wins a tie, so the order in which formulas come does not matter.
    if score > best.score[length] or key < best.key[length]:
        best.score[length] = score
        best.key[length] = key
        best.n_positive[length] = n
        best.rank_sum[length] = rank_sum


@kernel
def score_literals(problem, best):
    """Find the best formula of one literal."""
    n_samples = problem.n_samples
    everything = n_samples * (n_samples + 1)
    for c in range(problem.counts.shape[0]):
        n = problem.counts[c, c]
        rank_sum = problem.sums[c, c]
        consider(best, _ONE, problem.literal[c, 0], n, rank_sum, problem)
        consider(best, _ONE, problem.literal[c, 1], n_samples - n, everything - rank_sum, problem)
        best.n_scored[0] += 2


@kernel
def _raise_scores(n, rank_sum, problem, scores):
    """Raise each score to the score of the set with this size and rank sum, if allowed."""
    # No branch depends on the pair, so the loop runs in vector instructions: sets that are not
    # allowed are scored too, even if that divides by zero, and then dropped.
    n_samples = problem.n_samples
    for j in range(scores.size):
        score = score_of(n[j], rank_sum[j], n_samples, problem.downwards)
        allowed = (n[j] >= problem.n_low) & (n[j] <= problem.n_high)
        scores[j] = score if allowed & (score > scores[j]) else scores[j]


@kernel
def score_pairs(problem, start, stop, best, row_score, row_partner):
    """Find the best formula of two literals among pairs (a, b) with start <= a < stop and a < b.

    `row_score` float64 [C] and `row_partner` int64 [C] receive the best score with each a, and
    its b.
    """
    counts, sums = problem.counts, problem.sums
    size = counts.shape[0]
    n_samples = problem.n_samples
    everything = n_samples * (n_samples + 1)
    n_of, s_of = diagonal(counts), diagonal(sums)
    n = np.empty((16, size), np.int64)
    rank_sum = np.empty((16, size), np.int64)
    scores = np.empty(size, np.float64)
    for a in range(start, stop):
        first = a + 1
        width = size - first
        fill_unions(n_samples, n_of[a], n_of[first:], counts[a, first:], n)
        fill_unions(everything, s_of[a], s_of[first:], sums[a, first:], rank_sum)
        # For each literal of a and of b: & is one cell, | is all cells but one.
        for j in range(width):
            scores[j] = -np.inf
        for cell in range(4):
            for cells in (1 << cell, 15 ^ (1 << cell)):
                _raise_scores(n[cells], rank_sum[cells], problem, scores[:width])
        best.n_scored[0] += 8 * width
        for j in range(width):
            if scores[j] > row_score[a]:
                row_score[a] = scores[j]
                row_partner[a] = first + j
            # Only the few pairs that matter need to know which of the eight formulas it was.
            if scores[j] >= needed_score(best, _TWO):
                for cell in range(4):
                    for connective in (AND, OR):
                        x = problem.literal[a, (cell >> 1) ^ connective]
                        y = problem.literal[first + j, (cell & 1) ^ connective]
                        key = key_of(x, y, x, connective, connective, _TWO, problem.n_literals)
                        cells = (1 << cell) if connective == AND else 15 ^ (1 << cell)
                        consider(best, _TWO, key, n[cells, j], rank_sum[cells, j], problem)
