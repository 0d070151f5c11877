"""AUC and beam search as products of matrices over atoms, as one would write them with NumPy.

A way of multiplying holds `sizes` [C], the number of samples of each concept, and has two methods.
`of_all` takes rank sums of atoms [K, S] and sums them over every concept: [K, C]. `within` takes
sets of atoms, bool [R, S], and rank sums [R, S]; it counts the samples that the sets share with
every concept and sums their ranks, both [R, C]. All sums are exact in float64, all counts in
float32.
"""

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from bench.atoms import auc_of, rank_sums
from invert_core.parallel import available_cores

_AT_ONCE = 128
"""Number of concepts that are combined with all others at once."""


class Blas:
    """Dense products, sums in float64 and counts in float32."""

    def __init__(self, atoms):
        self.atoms = atoms
        self.sizes = atoms.sizes @ atoms.labels
        self._exact = atoms.labels.astype(np.float64)
        self._counting = (atoms.labels * atoms.sizes[:, None]).astype(np.float32)

    def extent(self, concept):
        return self.atoms.labels[:, concept]

    def of_all(self, sums):
        return sums @ self._exact

    def within(self, sets, sums):
        return sets.astype(np.float32) @ self._counting, (sets * sums) @ self._exact


class Sparse:
    """Sparse products: the cost follows the labels of the members of a set."""

    def __init__(self, atoms):
        self.atoms = atoms
        self._labels = sparse.csr_array(atoms.labels, dtype=np.float64)
        self._by_concept = sparse.csc_array(self._labels)
        self._transposed = sparse.csr_array(self._labels.T)
        self.sizes = self._transposed @ atoms.sizes

    def extent(self, concept):
        found = np.zeros(len(self.atoms.sizes), np.bool_)
        first, last = self._by_concept.indptr[concept : concept + 2]
        found[self._by_concept.indices[first:last]] = True
        return found

    def of_all(self, sums):
        return (self._transposed @ sums.T).T

    def within(self, sets, sums):
        set_of, members = np.nonzero(sets)
        first = np.searchsorted(set_of, np.arange(len(sets) + 1))
        counts, found = (
            sparse.csr_array((values, members, first), sets.shape) @ self._labels
            for values in (self.atoms.sizes[members], sums[set_of, members])
        )
        return counts.toarray(), found.toarray()


class Kept(NamedTuple):
    """One extent of a beam, as a set of atoms."""

    auc: float
    n_positive: float
    rank_sum: float
    extent: np.ndarray


def beam_search(activations, way, settings, block):
    """Return the last beam of every unit, best first; all cores work on blocks of units."""
    blocks = np.split(activations, range(block, activations.shape[1], block), axis=1)
    with threadpool_limits(1), ThreadPoolExecutor(available_cores()) as pool:
        beams = pool.map(lambda units: _search_block(units, way, settings), blocks)
        return [beam for of_block in beams for beam in of_block]


def best_pairs(activations, way, settings):
    """Return the largest AUC [K] of all formulas of one and two literals."""
    sums = rank_sums(activations, way.atoms)
    with threadpool_limits(1), ThreadPoolExecutor(available_cores()) as pool:
        return list(pool.map(lambda of_unit: _best_pair(of_unit, way, settings), sums))


def _best_pair(sums, way, settings):
    """Score all pairs of concepts and the complements of the results: all pairs of literals."""
    n_samples, n_concepts = len(way.atoms.of_sample), way.sizes.size
    everything = n_samples * (n_samples + 1) / 2
    sum_alone = way.of_all(sums[None])[0]
    allowed = _allowed_sizes(settings, n_samples)
    best = 0.0
    for start in range(0, n_concepts, _AT_ONCE):
        some = slice(start, min(start + _AT_ONCE, n_concepts))
        sets = np.array([way.extent(concept) for concept in range(some.start, some.stop)])
        both = way.within(sets, np.broadcast_to(sums, sets.shape))
        sizes = _four_ways(way.sizes[some, None], way.sizes, both[0], n_samples)
        found = _four_ways(sum_alone[some, None], sum_alone, both[1], everything)
        for kind in ((sizes, found), (n_samples - sizes, everything - found)):
            best = max(best, _scores(*kind, n_samples, allowed).max())
    return best


def _search_block(activations, way, settings):
    by_unit = rank_sums(activations, way.atoms)
    n_units, n = activations.shape[1], len(activations)
    sums_alone = way.of_all(by_unit)
    allowed = _allowed_sizes(settings, n)
    whole = Kept(0.5, n, n * (n + 1) / 2, np.ones(by_unit.shape[1], np.bool_))
    beams, parents = [[] for _ in range(n_units)], [[whole] for _ in range(n_units)]
    for length in range(1, settings.length + 1):
        formulas = [formula for of_unit in parents for formula in of_unit]
        first = np.cumsum([0] + [len(of_unit) for of_unit in parents])
        unit = np.repeat(np.arange(n_units), np.diff(first))
        size = np.array([formula.n_positive for formula in formulas])[:, None]
        rank_sum = np.array([formula.rank_sum for formula in formulas])[:, None]
        if length == 1:
            shared = np.broadcast_to(way.sizes, sums_alone.shape), sums_alone
        else:
            shared = way.within(np.array([of.extent for of in formulas]), by_unit[unit])
        sizes = _four_ways(size, way.sizes, shared[0], n)
        sums = _four_ways(rank_sum, sums_alone[unit], shared[1], n * (n + 1) / 2)
        scores = _scores(sizes, sums, n, allowed)
        scores[sizes == size] = -1.0  # the extent of the formula itself
        for k, (start, stop) in enumerate(itertools.pairwise(first)):
            measured = [of[:, start:stop] for of in (scores, sizes, sums)]
            beams[k] = _best(beams[k], parents[k], measured, way.extent, settings.beam)
        parents = list(beams)
    return beams


def _four_ways(of_formula, of_concept, of_both, of_all):
    """Return values of F & c, F & ~c, F | c and F | ~c by inclusion-exclusion: [4, R, C]."""
    found = np.empty((4, *of_both.shape))
    found[0] = of_both
    np.subtract(of_formula, of_both, out=found[1])
    np.add(found[1], of_concept, out=found[2])
    np.subtract(of_both + of_all, of_concept, out=found[3])
    return found


def _allowed_sizes(settings, n):
    """Return the least and largest size within the fraction limits."""
    sizes = np.arange(1, n)
    fractions = sizes / n
    allowed = sizes[(fractions >= settings.min_fraction) & (fractions <= settings.max_fraction)]
    return allowed[0], allowed[-1]


def _scores(sizes, sums, n, allowed):
    """Return the AUC of candidates, or -1 where the size is not allowed."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = auc_of(sizes, sums, n)
    scores[(sizes < allowed[0]) | (sizes > allowed[1])] = -1.0
    return scores


def _best(beam, parents, measured, extent_of, width):
    """Return the best distinct extents among a beam and its candidates.

    `measured` holds AUC, size and rank sum of the candidates [4, P, C]; candidates with a negative
    AUC do not count.
    """
    scores = measured[0].ravel()
    better = np.flatnonzero(scores > (beam[-1].auc if len(beam) == width else -0.5))
    better = better[np.argsort(-scores[better], kind="stable")]
    places = zip(*(of.tolist() for of in np.unravel_index(better, measured[0].shape)), strict=True)
    values = zip(*(of.ravel()[better].tolist() for of in measured), strict=True)
    known = {kept.extent.tobytes() for kept in beam}
    new = []
    for (kind, parent, concept), of_candidate in zip(places, values, strict=True):
        if len(new) == width:
            break
        literal = extent_of(concept) ^ bool(kind % 2)
        extent = parents[parent].extent
        extent = extent & literal if kind < 2 else extent | literal
        if (content := extent.tobytes()) not in known:
            known.add(content)
            new.append(Kept(*of_candidate, extent))
    return sorted([*beam, *new], key=lambda kept: -kept.auc)[:width]
