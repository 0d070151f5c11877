"""AUC and beam search as products of matrices, as one would write them without `invert`.

A way of multiplying has two methods. `of_all` takes ranks [N, K] and sums them over every concept:
[C, K]. `within` takes sets, bool [R, N], and ranks [R, N]; it counts the samples that the sets
share with every concept and sums their ranks, both [R, C]. All sums are exact in float64, all
counts in float32.
"""

import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from scipy import sparse, special, stats
from threadpoolctl import threadpool_limits

_AT_ONCE = 128
"""Number of concepts that are combined with all others at once."""


class Blas:
    """Dense products, sums in float64 and counts in float32."""

    def __init__(self, labels):
        self.extents = np.ascontiguousarray(labels.T)
        self._exact = labels.astype(np.float64)
        self._counting = labels.astype(np.float32)

    def of_all(self, ranks):
        return self._exact.T @ ranks

    def within(self, sets, ranks):
        return sets.astype(np.float32) @ self._counting, (sets * ranks) @ self._exact


class Sparse:
    """Sparse products: the cost follows the labels of the members of a set."""

    def __init__(self, labels):
        self.extents = np.ascontiguousarray(labels.T)
        self._of_sample = sparse.csr_array(labels, dtype=np.float64)
        self._of_concept = sparse.csr_array(labels.T, dtype=np.float64)

    def of_all(self, ranks):
        return self._of_concept @ ranks

    def within(self, sets, ranks):
        members = np.flatnonzero(sets)
        first = np.concatenate([[0], np.cumsum(sets.sum(axis=1))])
        counts, sums = (
            sparse.csr_array((values, members % sets.shape[1], first), sets.shape) @ self._of_sample
            for values in (np.ones(members.size), ranks.ravel()[members])
        )
        return counts.toarray(), sums.toarray()


class Kept(NamedTuple):
    """One extent of a beam."""

    auc: float
    n_positive: int
    rank_sum: float
    extent: np.ndarray


def auc_of(n_positive, rank_sum, n_samples):
    return (rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * (n_samples - n_positive))


def mann_whitney(activations, way):
    """Return AUC and two-sided p-values [K, C] by the normal approximation."""
    ranks = stats.rankdata(activations, axis=0)
    n, n_positive = len(ranks), way.extents.sum(axis=1)
    auc = auc_of(n_positive, way.of_all(ranks).T, n)
    pairs = n_positive * (n - n_positive)
    sigma = np.sqrt(ranks.var(axis=0)[:, None] / (n - 1) * pairs)
    distance = np.abs(auc - 0.5) * pairs - 0.5
    return auc, np.minimum(1, 2 * special.ndtr(-distance / sigma))


def beam_search(activations, way, settings, block):
    """Return the last beam of every unit, best first; all cores work on blocks of units."""
    blocks = np.split(activations, range(block, activations.shape[1], block), axis=1)
    with threadpool_limits(1), ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        beams = pool.map(lambda units: _search_block(units, way, settings), blocks)
        return [beam for of_block in beams for beam in of_block]


def best_pairs(activations, way, settings):
    """Return the largest AUC [K] of all formulas of one and two literals."""
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(lambda unit: _best_pair(unit, way, settings), activations.T))


def _best_pair(values, way, settings):
    """Score all pairs of concepts and the complements of the results: all pairs of literals."""
    ranks = stats.rankdata(values)
    n, size_alone, sum_alone = len(ranks), way.extents.sum(axis=1), way.of_all(ranks)
    best = 0.0
    for k in range(0, len(way.extents), _AT_ONCE):
        some = slice(k, k + _AT_ONCE)
        sets = way.extents[some]
        size_both, sum_both = way.within(sets, np.broadcast_to(ranks, sets.shape))
        sizes = _four_ways(size_alone[some, None], size_alone, size_both, n)
        sums = _four_ways(sum_alone[some, None], sum_alone, sum_both, n * (n + 1) / 2)
        sizes = np.stack([sizes, n - sizes])
        sums = np.stack([sums, n * (n + 1) / 2 - sums])
        best = max(best, _scores(sizes, sums, n, settings).max())
    return best


def _search_block(activations, way, settings):
    ranks = stats.rankdata(activations, axis=0)
    by_unit = np.ascontiguousarray(ranks.T)
    n_units, n = by_unit.shape
    sums_alone = way.of_all(ranks).T
    sizes_alone = np.broadcast_to(way.extents.sum(axis=1), sums_alone.shape)
    beams = [[] for _ in range(n_units)]
    parents = [[Kept(0.5, n, n * (n + 1) / 2, np.ones(n, np.bool_))] for _ in range(n_units)]
    for length in range(1, settings.length + 1):
        formulas = [formula for of_unit in parents for formula in of_unit]
        unit = np.repeat(np.arange(n_units), [len(of_unit) for of_unit in parents])
        size = np.array([formula.n_positive for formula in formulas])[:, None]
        rank_sum = np.array([formula.rank_sum for formula in formulas])[:, None]
        if length == 1:
            shared = sizes_alone, sums_alone
        else:
            shared = way.within(np.array([f.extent for f in formulas]), by_unit[unit])
        sizes = _four_ways(size, sizes_alone[unit], shared[0], n)
        sums = _four_ways(rank_sum, sums_alone[unit], shared[1], n * (n + 1) / 2)
        scores = _scores(sizes, sums, n, settings)
        scores[sizes == size[:, :, None]] = -1.0  # the extent of the formula itself
        beams = [
            _best(
                beams[k],
                parents[k],
                [of[unit == k] for of in (scores, sizes, sums)],
                way.extents,
                settings.beam,
            )
            for k in range(n_units)
        ]
        parents = beams
    return beams


def _four_ways(of_formula, of_concept, of_both, of_all):
    """Return values of F & c, F & ~c, F | c and F | ~c by inclusion-exclusion: [R, C, 4]."""
    without = of_formula - of_both
    return np.stack([of_both, without, without + of_concept, of_all - of_concept + of_both], -1)


def _scores(sizes, sums, n, settings):
    """Return the AUC of candidates, or -1 outside the fraction limits."""
    allowed = (sizes / n >= settings.min_fraction) & (sizes / n <= settings.max_fraction)
    allowed &= (sizes > 0) & (sizes < n)
    return np.where(allowed, auc_of(np.where(allowed, sizes, 1), sums, n), -1.0)


def _best(beam, parents, measured, extents, width):
    """Return the best distinct extents among a beam and its candidates.

    `measured` holds AUC, size and rank sum of the candidates [P, C, 4]; candidates with a negative
    AUC do not count.
    """
    scores = measured[0].ravel()
    better = np.flatnonzero(scores > (beam[-1].auc if len(beam) == width else -0.5))
    known = defaultdict(list)
    for kept in beam:
        known[kept[:3]].append(kept.extent)
    new = []
    for index in better[np.argsort(-scores[better], kind="stable")]:
        if len(new) == width:
            break
        parent, concept, kind = np.unravel_index(index, measured[0].shape)
        literal = extents[concept] ^ bool(kind % 2)
        extent = parents[parent].extent
        extent = extent & literal if kind < 2 else extent | literal
        found = Kept(*(float(of.flat[index]) for of in measured), extent)
        if not any(np.array_equal(extent, other) for other in known[found[:3]]):
            known[found[:3]].append(extent)
            new.append(found)
    return sorted([*beam, *new], key=lambda kept: -kept.auc)[:width]
