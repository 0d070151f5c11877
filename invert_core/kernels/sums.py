"""Rank sums of all concepts within a set of atoms: how they are made is known here alone.

Two ways lead to the same integers. Walking adds each atom of the set to the concepts it carries;
its cost follows the labels. Planes write the weights of the atoms in binary, one set of atoms per
bit, and count the bits of plane & set & concept; that cost follows atoms x concepts and pays for
dense labels. Of a set and its complement the smaller one is walked.
"""

from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import kernel
from invert_core.kernels.atoms import Atoms, merged
from invert_core.kernels.bits import lowest_bit, popcount, popcounts, whole_set
from invert_core.kernels.planes import add_planes, bit_length, no_planes, planes_of

_ONE = np.uint64(1)

ENTRY_COST = 1.0
"""Nanoseconds to add an atom to one of its concepts, out of a list."""
BIT_COST = 1.9
"""Nanoseconds to add an atom to one of its dense concepts, out of a row of bits."""
ROW_COST = 1.0
"""Nanoseconds per word of such a row."""
PLANE_COST = 0.19
"""Nanoseconds per word of a plane and concept."""
MAKING_COST = 0.6
"""Nanoseconds per atom and plane to write the weights of a unit in binary."""
WALK, PLANES, BY_COST = 0, 1, 2


class LabelIndex(NamedTuple):
    """Concepts over S atoms, by concept and by atom.

    `bits` uint64 [C, W] holds all concepts, `counts` int64 [C] their samples and `sizes`
    int64 [S] the samples of each atom. Atom a carries the sparse concepts
    ``concept[first[a]:first[a + 1]]`` and those of the concepts `dense` uint32 [D] that are set in
    ``rows[a]``, uint64 [S, ceil(D / 64)]; to walk these takes `row_cost` nanoseconds an atom.
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


@kernel
def label_index(bits, sizes, how):
    """Make the index of concepts uint64 [C, W] over atoms of `sizes` int64 [S].

    `how` is WALK for all concepts sparse, PLANES for all dense, or BY_COST for the cheaper way.
    """
    n_concepts, n_words = bits.shape
    n_atoms = sizes.size
    n_samples = sizes.sum()
    size_planes = planes_of(sizes)
    rank_bits = bit_length(2 * n_samples * sizes.max())
    by_planes = n_words * (rank_bits + size_planes.shape[0]) * PLANE_COST
    counts = np.zeros(n_concepts, np.int64)
    first = np.zeros(n_atoms + 1, np.int64)
    is_dense = np.full(n_concepts, how == PLANES)
    n_entries = popcounts(bits)
    if how == BY_COST:
        # Planes have to be made for each unit, and pay only for what they save.
        saved = -rank_bits * n_atoms * MAKING_COST
        for row in range(n_concepts):
            is_dense[row] = n_entries[row] * ENTRY_COST > by_planes
            if is_dense[row]:
                saved += n_entries[row] * ENTRY_COST - by_planes
        if saved <= 0:
            is_dense[:] = False
    for row in range(n_concepts):
        for word in range(n_words):
            left = bits[row, word]
            while left != np.uint64(0):
                atom = word * 64 + lowest_bit(left)
                left &= left - _ONE
                counts[row] += sizes[atom]
                first[atom + 1] += not is_dense[row]
    for atom in range(n_atoms):
        first[atom + 1] += first[atom]
    concept = np.empty(first[n_atoms], np.uint32)
    filled = first[:-1].copy()
    dense = np.empty(is_dense.sum(), np.uint32)
    rows = np.zeros((n_atoms, (dense.size + 63) // 64), np.uint64)
    n_dense = 0
    n_dense_entries = 0
    for row in range(n_concepts):
        for word in range(n_words):
            left = bits[row, word]
            while left != np.uint64(0):
                atom = word * 64 + lowest_bit(left)
                left &= left - _ONE
                if is_dense[row]:
                    rows[atom, n_dense >> 6] |= _ONE << np.uint64(n_dense & 63)
                    n_dense_entries += 1
                else:
                    concept[filled[atom]] = row
                    filled[atom] += 1
        if is_dense[row]:
            dense[n_dense] = row
            n_dense += 1
    row_cost = rows.shape[1] * ROW_COST + n_dense_entries / n_atoms * BIT_COST
    return LabelIndex(bits, counts, sizes, first, concept, dense, rows, row_cost, size_planes, how)


@kernel
def sums_within(words, weights, planes, n_left_out, index, all_sums, sums, counts, slack):
    """For each concept: weights and samples of its intersection with a set of atoms.

    Parameters
    ----------
    words : uint64 [W]
        The set.
    weights : int64 [S]
        Ranks added over each atom; they add up to N(N + 1), with N up to 2**27.
    planes : uint64 [P, W]
        The weights in binary; no rows where there are no dense concepts.
    n_left_out : int
        Lowest planes that need not be counted; at most half of them, so that the slack fits.
    index : LabelIndex
    all_sums : int64 [C]
        The weights of each whole concept; of no size where they are not known yet.
    sums, counts, slack : int64 [C]
        Are overwritten. A sum is between `sums` and `sums` + `slack`, which is 0 unless planes were
        left out.
    """
    n_atoms = weights.size
    n_inside = 0
    for word in words:
        n_inside += popcount(word)
    outside = 2 * n_inside > n_atoms and all_sums.size > 0
    n_walked = n_atoms - n_inside if outside else n_inside
    n_dense = index.dense.size
    n_planes = planes.shape[0] + index.size_planes.shape[0]
    by_planes = n_dense * n_planes * words.size * PLANE_COST
    walk_rows = index.how == WALK or (
        index.how == BY_COST and n_walked * index.row_cost < by_planes
    )
    n_row_words = index.rows.shape[1] if walk_rows else 0
    whole = whole_set(n_atoms) if outside else words
    sums[:] = 0
    counts[:] = 0
    for word in range(words.size):
        left = words[word] ^ whole[word] if outside else words[word]
        while left != np.uint64(0):
            atom = word * 64 + lowest_bit(left)
            left &= left - _ONE
            weight = weights[atom]
            size = index.sizes[atom]
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
        for concept in index.dense:
            sums[concept] = 0
            counts[concept] = 0
        add_planes(words, index.size_planes, 0, index.dense, index.bits, counts)
        add_planes(words, planes, n_left_out, index.dense, index.bits, sums)
        for concept in index.dense:
            slack[concept] = counts[concept] * ((1 << n_left_out) - 1)


@kernel
def concept_sums(weights, index):
    """The weights int64 [K, S] of K units, added over each concept: int64 [K, C]."""
    n_units, n_atoms = weights.shape
    sums = np.empty((n_units, index.bits.shape[0]), np.int64)
    counts = np.empty(index.bits.shape[0], np.int64)
    slack = np.empty(index.bits.shape[0], np.int64)
    unknown = np.empty(0, np.int64)
    whole = whole_set(n_atoms)
    for unit in range(n_units):
        planes = planes_of(weights[unit]) if index.dense.size > 0 else no_planes()
        sums_within(whole, weights[unit], planes, 0, index, unknown, sums[unit], counts, slack)
    return sums


@kernel
def sum_of_set(words, weights):
    """Weights int64 [S] of one set of atoms uint64 [W]."""
    total = np.int64(0)
    for word in range(words.size):
        left = words[word]
        while left != np.uint64(0):
            total += weights[word * 64 + lowest_bit(left)]
            left &= left - _ONE
    return total


def index_by_atoms(bits: np.ndarray, n_samples: int) -> tuple[Atoms, LabelIndex]:
    """Merge samples with equal labels, and index what is left."""
    atoms, of_atoms = merged(bits, n_samples)
    return atoms, label_index(of_atoms, atoms.sizes, BY_COST)
