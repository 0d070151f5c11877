"""Rank sums of all concepts within a set of atoms; only this file knows how they are computed.

Two ways lead to the same integers. Walking adds each atom of the set to the concepts it carries;
its cost grows with the number of marks. Planes write the weights of the atoms in binary, one set of
atoms per bit, and count the bits of plane & set & concept; their cost grows with atoms x concepts
and pays off for dense concepts. Walking takes the set or its complement, whichever is smaller.
"""

from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import kernel
from invert_core.kernels.atoms import Atoms, merged
from invert_core.kernels.bits import lowest_bit, popcount, popcounts, whole_set
from invert_core.kernels.planes import add_planes, bit_length, no_planes, planes_of

_ONE = np.uint64(1)

ENTRY_COST = 1.0
"""Nanoseconds to add an atom to one of the concepts in its list."""
BIT_COST = 1.9
"""Nanoseconds to add an atom to one of its dense concepts, which are the bits of words."""
ROW_COST = 1.0
"""Nanoseconds per such word."""
PLANE_COST = 0.19
"""Nanoseconds per word of a plane and concept."""
MAKING_COST = 0.6
"""Nanoseconds per atom and plane to write the weights of a unit in binary."""
WALK, PLANES, BY_COST = 0, 1, 2
"""How concepts are summed: always by one way, or by the cheaper one."""


class LabelIndex(NamedTuple):
    """Concepts over S atoms, by concept and by atom.

    `bits` uint64 [C, W] holds all concepts, `counts` int64 [C] their samples and `sizes`
    int64 [S] the samples of each atom. Atom a carries the sparse concepts
    ``concept[first[a]:first[a + 1]]`` and those of the concepts `dense` uint32 [D] that are set in
    ``rows[a]``, uint64 [S, ceil(D / 64)]; walking the latter takes `row_cost` nanoseconds per atom.
    `size_planes` uint64 [Q, W] are the sizes in binary. `how` says how the dense concepts are
    summed: BY_COST, or for tests and benchmarks always WALK or PLANES.
    """

    bits: np.ndarray
    counts: np.ndarray
    sizes: np.ndarray
    first: np.ndarray
    concept: np.ndarray
    dense: np.ndarray
    rows: np.ndarray
    row_cost: float
    size_planes: np.ndarray
    how: int


class Ranked(NamedTuple):
    """The ranks of one unit, added over each atom: `weights` int64 [S], and in binary.

    `planes` uint64 [P, W] is empty if there are no dense concepts.
    """

    weights: np.ndarray
    planes: np.ndarray


class Sums(NamedTuple):
    """The weight and the size of the intersection of each concept with one set.

    All are int64 [C]. The exact weight lies between `sums` and `sums` + `slack`.
    """

    sums: np.ndarray
    counts: np.ndarray
    slack: np.ndarray


@kernel
def label_index(bits, sizes, how):
    """Make the index of concepts uint64 [C, W] over atoms of `sizes` int64 [S].

    `how` is WALK for all concepts sparse, PLANES for all dense, or BY_COST for the cheaper way.
    """
    n_concepts, n_words = bits.shape
    n_atoms = sizes.size
    n_samples = sizes.sum()
    size_planes = planes_of(sizes)
    # No doubled rank exceeds 2 N, and a weight adds up the ranks of one atom.
    rank_bits = bit_length(2 * n_samples * sizes.max())
    by_planes = n_words * (rank_bits + size_planes.shape[0]) * PLANE_COST
    counts = np.zeros(n_concepts, np.int64)
    first = np.zeros(n_atoms + 1, np.int64)
    is_dense = np.full(n_concepts, how == PLANES)
    n_entries = popcounts(bits)
    if how == BY_COST:
        # Planes are made for each unit, so the cost of making them reduces what they save.
        saved = -rank_bits * n_atoms * MAKING_COST
        for c in range(n_concepts):
            is_dense[c] = n_entries[c] * ENTRY_COST > by_planes
            if is_dense[c]:
                saved += n_entries[c] * ENTRY_COST - by_planes
        if saved <= 0:
            is_dense[:] = False
    for c in range(n_concepts):
        for word in range(n_words):
            left = bits[c, word]
            while left != np.uint64(0):
                atom = word * 64 + lowest_bit(left)
                left &= left - _ONE
                counts[c] += sizes[atom]
                first[atom + 1] += not is_dense[c]
    # Lists of all atoms share one array, of the size that was just counted.
    for atom in range(n_atoms):
        first[atom + 1] += first[atom]
    concept = np.empty(first[n_atoms], np.uint32)
    # A copy: it moves to the end of each list, but `first` must stay at the start.
    filled = first[:-1].copy()
    dense = np.empty(is_dense.sum(), np.uint32)
    rows = np.zeros((n_atoms, (dense.size + 63) // 64), np.uint64)
    n_dense = 0
    n_dense_entries = 0
    for c in range(n_concepts):
        for word in range(n_words):
            left = bits[c, word]
            while left != np.uint64(0):
                atom = word * 64 + lowest_bit(left)
                left &= left - _ONE
                if is_dense[c]:
                    rows[atom, n_dense >> 6] |= _ONE << np.uint64(n_dense & 63)
                    n_dense_entries += 1
                else:
                    concept[filled[atom]] = c
                    filled[atom] += 1
        if is_dense[c]:
            dense[n_dense] = c
            n_dense += 1
    row_cost = rows.shape[1] * ROW_COST + n_dense_entries / n_atoms * BIT_COST
    return LabelIndex(bits, counts, sizes, first, concept, dense, rows, row_cost, size_planes, how)


@kernel
def ranked_over(weights, some_are_dense):
    """Return the ranks of one unit, also in binary if some concepts are dense."""
    return Ranked(weights, planes_of(weights) if some_are_dense else no_planes())


@kernel
def sums_within(words, ranked, n_left_out, index, all_sums, within):
    """Fill in the weight and size of the intersection of each concept with a set of atoms.

    Parameters
    ----------
    words : uint64 [W]
        The set.
    ranked : Ranked
        The weights add up to N(N + 1), with N up to 2**27.
    n_left_out : int
        Number of lowest planes to leave out; at most half of them, so that the slack fits.
    index : LabelIndex
    all_sums : int64 [C]
        The weights of each whole concept; empty if they are not known yet.
    within : Sums
        Overwritten; the slack is 0 unless planes were left out.
    """
    weights, planes = ranked.weights, ranked.planes
    sums, counts, slack = within.sums, within.counts, within.slack
    n_atoms = weights.size
    n_inside = 0
    for word in words:
        n_inside += popcount(word)
    # What lies outside is subtracted from the whole concept, once that is known.
    outside = 2 * n_inside > n_atoms and all_sums.size > 0
    n_walked = n_atoms - n_inside if outside else n_inside
    n_dense = index.dense.size
    n_planes = planes.shape[0] + index.size_planes.shape[0]
    # Planes count both sizes and ranks, so both kinds of planes cost time.
    by_planes = n_dense * n_planes * words.size * PLANE_COST
    walk_rows = index.how == WALK or (
        index.how == BY_COST and n_walked * index.row_cost < by_planes
    )
    n_row_words = index.rows.shape[1] if walk_rows else 0
    whole = whole_set(n_atoms) if outside else words
    sums[:] = 0
    counts[:] = 0
    for word in range(words.size):
        # Not ~, which would set bits after the last atom.
        left = words[word] ^ whole[word] if outside else words[word]
        while left != np.uint64(0):
            atom = word * 64 + lowest_bit(left)
            left &= left - _ONE
            weight = weights[atom]
            size = index.sizes[atom]
            # Sums and counts in one go: the list of concepts is read once.
            for concept in index.concept[index.first[atom] : index.first[atom + 1]]:
                sums[concept] += weight
                counts[concept] += size
            for part in range(n_row_words):
                carried = index.rows[atom, part]
                while carried != np.uint64(0):
                    concept = index.dense[part * 64 + lowest_bit(carried)]
                    carried &= carried - _ONE
                    sums[concept] += weight
                    counts[concept] += size
    if outside:
        for concept in range(sums.size):
            sums[concept] = all_sums[concept] - sums[concept]
            counts[concept] = index.counts[concept] - counts[concept]
    slack[:] = 0
    if n_dense > 0 and not walk_rows:
        # The walk left out the dense concepts, and the subtraction changed their entries.
        for concept in index.dense:
            sums[concept] = 0
            counts[concept] = 0
        # Counts are always exact: the limits on sizes and the test for equal extents rely on them.
        add_planes(words, index.size_planes, 0, index.dense, index.bits, counts)
        add_planes(words, planes, n_left_out, index.dense, index.bits, sums)
        # Each atom lacks up to 2**n_left_out - 1, and there are no more atoms than samples. With
        # at most 2**27 samples and 27 planes left out, the slack is below 2**54.
        for concept in index.dense:
            slack[concept] = counts[concept] * ((1 << n_left_out) - 1)


@kernel
def concept_sums(weights, index):
    """Return the weights int64 [K, S] of K units, added over each concept: int64 [K, C]."""
    n_units, n_atoms = weights.shape
    sums = np.empty((n_units, index.bits.shape[0]), np.int64)
    counts = np.empty(index.bits.shape[0], np.int64)
    slack = np.empty(index.bits.shape[0], np.int64)
    # The sums of whole concepts are not known yet, so no complement can be subtracted from them.
    unknown = np.empty(0, np.int64)
    whole = whole_set(n_atoms)
    for unit in range(n_units):
        ranked = ranked_over(weights[unit], index.dense.size > 0)
        sums_within(whole, ranked, 0, index, unknown, Sums(sums[unit], counts, slack))
    return sums


@kernel
def sum_of_set(words, weights):
    """Return the sum of the weights int64 [S] of one set of atoms uint64 [W]."""
    total = np.int64(0)
    for word in range(words.size):
        left = words[word]
        while left != np.uint64(0):
            total += weights[word * 64 + lowest_bit(left)]
            left &= left - _ONE
    return total


def index_by_atoms(bits: np.ndarray, n_samples: int) -> tuple[Atoms, LabelIndex]:
    """Merge samples with equal marks, and index the concepts over the atoms.

    `bits` uint64 [C, ceil(N / 64)] are the concepts as sets of samples.
    """
    atoms, of_atoms = merged(bits, n_samples)
    return atoms, label_index(of_atoms, atoms.sizes, BY_COST)
