"""Formulas of three concepts: chosen kinds of chosen pairs, each with all third concepts."""

import numpy as np

from invert_core.kernels import kinds
from invert_core.kernels._jit import kernel
from invert_core.kernels.exhaustive import (
    AND,
    OR,
    consider,
    key_of,
    needed_score,
    score_of,
    threshold_of,
)
from invert_core.kernels.pairs import add_common, fill_unions


@kernel
def key_of_kind(kind, a, b, k, problem):
    """The key of a formula of concepts a, b and k."""
    turned = kinds.COMPLEMENT[kind]
    not_a = (kinds.CELL[kind] >> 1) ^ turned
    not_b = (kinds.CELL[kind] & 1) ^ turned
    z = problem.literal[k, kinds.NEGATED[kind] ^ turned]
    inner, outer = (AND, OR) if turned else (OR, AND)
    if kinds.SHAPE[kind] == kinds.BOTH:
        x = problem.literal[a, not_a]
        y = problem.literal[b, not_b]
        return key_of(x, y, z, outer, outer, 3, problem.n_literals)
    if kinds.SHAPE[kind] == kinds.SHARES_A:
        x = problem.literal[a, not_a]
        y = problem.literal[b, 1 - not_b]
    else:
        x = problem.literal[b, not_b]
        y = problem.literal[a, 1 - not_a]
    return key_of(y, z, x, inner, outer, 3, problem.n_literals)


@kernel
def _some_reach(n_without, s_without, step, n_free, s_free, problem, needed):
    """Whether any of these formulas is allowed and has the score that is needed."""
    n_samples, n_low, n_high = problem.n_samples, problem.n_low, problem.n_high
    downwards = problem.downwards
    hits = 0
    for k in range(n_free.size):
        n = n_without + step * n_free[k]
        score = score_of(n, s_without + step * s_free[k], n_samples, downwards)
        hits += (n >= n_low) & (n <= n_high) & (score >= needed)
    return hits > 0


@kernel
def range_of(kind, a, b, size):
    """The concepts k from which a kind is examined: from the first to before the second."""
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
    """Numbers of one cell of two concepts within each concept c."""
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
def score_triples(problem, nodes, wanted, levels, thresholds, everywhere, start, stop, best):
    """Find the best formula of three literals among some kinds of some pairs of concepts.

    Parameters
    ----------
    problem : Problem
    nodes, wanted : int64 [P]
        Pairs as a * C + b, and their kinds as bits.
    levels : uint8 [P]
        No formula of pair p reaches the AUC ``thresholds[levels[p]]``; descending.
    thresholds : int64
        Fixed point, ascending.
    everywhere : bool
        Let k be any concept, not only those from which a kind is examined.
    start, stop : int
        Pairs to look at.
    best : Best

    Returns
    -------
    int
        Where it ended: before `stop` if no later pair can hold a formula as good as the best.
    """
    size = problem.counts.shape[0]
    n_samples = problem.n_samples
    everything = n_samples * (n_samples + 1)
    n_of = np.diag(problem.counts).copy()
    s_of = np.diag(problem.sums).copy()
    n_all = np.empty(size, np.int64)
    s_all = np.empty(size, np.int64)
    n_free = np.empty(size, np.int64)
    s_free = np.empty(size, np.int64)
    n_pair = np.empty((16, 1), np.int64)
    s_pair = np.empty((16, 1), np.int64)
    for node in range(start, stop):
        if thresholds[levels[node]] <= threshold_of(best.score[3], problem.downwards):
            return node
        a = nodes[node] // size
        b = nodes[node] % size
        add_common(
            problem.bits[a],
            problem.bits[b],
            problem.first,
            problem.concept,
            problem.ranks,
            problem.sizes,
            s_all,
            n_all,
        )
        fill_unions(n_samples, n_of[a], n_of[b:], problem.counts[a, b : b + 1], n_pair)
        fill_unions(everything, s_of[a], s_of[b:], problem.sums[a, b : b + 1], s_pair)
        filled = -1
        for kind in range(kinds.N_KINDS):
            if not wanted[node] >> kind & 1:
                continue
            first, behind = 0, size
            if not everywhere:
                first, behind = range_of(kind, a, b, size)
            if first >= behind:
                continue
            cell = kinds.CELL[kind]
            if filled != cell:
                _within(cell, n_of, problem.counts[a], problem.counts[b], n_all, n_free)
                _within(cell, s_of, problem.sums[a], problem.sums[b], s_all, s_free)
                filled = cell
            n_without = n_pair[kinds.WITHOUT[kind], 0]
            s_without = s_pair[kinds.WITHOUT[kind], 0]
            step = -1 if kinds.FALLS[kind] else 1
            best.n_scored[0] += behind - first
            if _some_reach(
                n_without,
                s_without,
                step,
                n_free[first:behind],
                s_free[first:behind],
                problem,
                needed_score(best, 3),
            ):
                for k in range(first, behind):
                    n = n_without + step * n_free[k]
                    rank_sum = s_without + step * s_free[k]
                    consider(best, 3, key_of_kind(kind, a, b, k, problem), n, rank_sum, problem)
    return stop
