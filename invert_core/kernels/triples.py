"""Scores formulas of three concepts: chosen kinds of chosen pairs with all third concepts."""

from typing import NamedTuple

import numpy as np

from invert_core.kernels import kinds
from invert_core.kernels._jit import kernel
from invert_core.kernels.bits import lowest_bit
from invert_core.kernels.exhaustive import (
    AND,
    OR,
    THREE,
    consider,
    key_of,
    needed_score,
    score_of,
    threshold_of,
)
from invert_core.kernels.pairs import diagonal, fill_unions

_ONE = np.uint64(1)


class Nodes(NamedTuple):
    """P pairs of concepts to join to third concepts.

    `pairs` int64 [P] are a * C + b, `kinds` int64 [P] the kinds to examine, as bits. No formula of
    pair p reaches the AUC ``thresholds[levels[p]]``; `levels` uint8 [P] descend.
    """

    pairs: np.ndarray
    kinds: np.ndarray
    levels: np.ndarray


@kernel
def key_of_kind(kind, a, b, k, problem):
    """Return the key of the formula of this kind of concepts a, b and k."""
    # A complement is the formula with all literals and connectives inverted.
    turned = kinds.COMPLEMENT[kind]
    not_a = (kinds.CELL[kind] >> 1) ^ turned
    not_b = (kinds.CELL[kind] & 1) ^ turned
    z = problem.literal[k, kinds.NEGATED[kind] ^ turned]
    inner, outer = (AND, OR) if turned else (OR, AND)
    if kinds.SHAPE[kind] == kinds.BOTH:
        x = problem.literal[a, not_a]
        y = problem.literal[b, not_b]
        return key_of(x, y, z, outer, outer, THREE, problem.n_literals)
    if kinds.SHAPE[kind] == kinds.SHARES_A:
        x = problem.literal[a, not_a]
        y = problem.literal[b, 1 - not_b]
    else:
        x = problem.literal[b, not_b]
        y = problem.literal[a, 1 - not_a]
    return key_of(y, z, x, inner, outer, THREE, problem.n_literals)


@kernel
def _some_reach(n_without, s_without, step, n_free, s_free, problem, needed):
    """Return whether any of these formulas is allowed and has the needed score."""
    n_samples, n_low, n_high = problem.n_samples, problem.n_low, problem.n_high
    downwards = problem.downwards
    # Counted without a branch or an early end, so that the loop runs in vector instructions.
    hits = 0
    for k in range(n_free.size):
        n = n_without + step * n_free[k]
        score = score_of(n, s_without + step * s_free[k], n_samples, downwards)
        hits += (n >= n_low) & (n <= n_high) & (score >= needed)
    return hits > 0


@kernel
def range_of(kind, a, b, size):
    """Return the range of concepts k from which a kind is examined: its start, and its stop."""
    first, behind = 0, size
    if kinds.START[kind] == kinds.AT_A:
        first = a + 1
    elif kinds.START[kind] == kinds.AT_B:
        first = b + 1
    if kinds.END[kind] == kinds.AT_A:
        behind = a
    elif kinds.END[kind] == kinds.AT_B:
        behind = b
    elif kinds.END[kind] == kinds.NOWHERE:
        behind = 0
    return first, behind


@kernel
def _within(cell, c, with_a, with_b, with_both, out):
    """Fill in the part of each concept that lies in one cell of a and b, by inclusion-exclusion."""
    for k in range(out.size):
        if cell == 0:
            out[k] = with_both[k]
        elif cell == 1:
            out[k] = with_a[k] - with_both[k]
        elif cell == 2:
            out[k] = with_b[k] - with_both[k]
        else:
            out[k] = c[k] - with_a[k] - with_b[k] + with_both[k]


@kernel
def add_common(problem, a, b, sums, counts):
    """Add up rank sum and size of the intersection of each concept with concepts a and b.

    `sums` and `counts` int64 [C] are overwritten.
    """
    words, other = problem.bits[a], problem.bits[b]
    for c in range(sums.size):
        sums[c] = 0
        counts[c] = 0
    # One pass over the atoms of a & b serves every third concept: atoms list their concepts.
    for word in range(words.size):
        left = words[word] & other[word]
        while left != np.uint64(0):
            atom = word * 64 + lowest_bit(left)
            left &= left - _ONE
            weight = problem.ranks[atom]
            size = problem.sizes[atom]
            for entry in range(problem.first[atom], problem.first[atom + 1]):
                sums[problem.concept[entry]] += weight
                counts[problem.concept[entry]] += size


@kernel
def score_triples(problem, nodes, thresholds, everywhere, start, stop, best):
    """Find the best formula of three literals among some kinds of some pairs of concepts.

    Parameters
    ----------
    problem : Problem
    nodes : Nodes
    thresholds : int64
        Thresholds on the AUC in fixed point, ascending.
    everywhere : bool
        Whether k may be any concept, not only one from which a kind is examined.
    start, stop : int
        The range of pairs to examine.
    best : Best

    Returns
    -------
    int
        The pair at which it ended: before `stop` if no later pair can hold a formula as good as
        the best.
    """
    size = problem.counts.shape[0]
    n_samples = problem.n_samples
    everything = n_samples * (n_samples + 1)
    n_of, s_of = diagonal(problem.counts), diagonal(problem.sums)
    n_all = np.empty(size, np.int64)
    s_all = np.empty(size, np.int64)
    n_free = np.empty(size, np.int64)
    s_free = np.empty(size, np.int64)
    n_pair = np.empty((16, 1), np.int64)
    s_pair = np.empty((16, 1), np.int64)
    for node in range(start, stop):
        # Levels descend, and this pair reaches too little, so no later pair reaches enough.
        if thresholds[nodes.levels[node]] <= threshold_of(best.score[3], problem.downwards):
            return node
        a = nodes.pairs[node] // size
        b = nodes.pairs[node] % size
        add_common(problem, a, b, s_all, n_all)
        fill_unions(n_samples, n_of[a], n_of[b:], problem.counts[a, b : b + 1], n_pair)
        fill_unions(everything, s_of[a], s_of[b:], problem.sums[a, b : b + 1], s_pair)
        filled = -1
        for kind in range(kinds.N_KINDS):
            if not nodes.kinds[node] >> kind & 1:
                continue
            first, behind = 0, size
            if not everywhere:
                first, behind = range_of(kind, a, b, size)
            if first >= behind:
                continue
            cell = kinds.CELL[kind]
            # Kinds are numbered by cell, so kinds of the same cell share these arrays.
            if filled != cell:
                _within(cell, n_of, problem.counts[a], problem.counts[b], n_all, n_free)
                _within(cell, s_of, problem.sums[a], problem.sums[b], s_all, s_free)
                filled = cell
            n_without = n_pair[kinds.WITHOUT[kind], 0]
            s_without = s_pair[kinds.WITHOUT[kind], 0]
            step = -1 if kinds.FALLS[kind] else 1
            best.n_scored[0] += behind - first
            # Few kinds hold a formula that needs a key, and this quick check finds them.
            if _some_reach(
                n_without,
                s_without,
                step,
                n_free[first:behind],
                s_free[first:behind],
                problem,
                needed_score(best, THREE),
            ):
                for k in range(first, behind):
                    n = n_without + step * n_free[k]
                    rank_sum = s_without + step * s_free[k]
                    consider(best, THREE, key_of_kind(kind, a, b, k, problem), n, rank_sum, problem)
    return stop
