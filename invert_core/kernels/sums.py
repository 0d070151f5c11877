"""Rank sums of all concepts within a set of atoms: how they are made is known here alone.

Two ways lead to the same integers. Walking adds each atom of the set to the concepts it carries;
its cost follows the labels. Planes write the weights of the atoms in binary, one set of atoms per
bit, and count the bits of plane & set & concept; that cost follows atoms x concepts and pays for
dense labels. Of a set and its complement the smaller one is walked.
"""

from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import kernel
from invert_core.kernels.bits import lowest_bit, popcount, popcounts, whole_set

_ONE = np.uint64(1)

ENTRY_COST = 1.2
"""Nanoseconds to add an atom to one of its concepts, out of a list."""
BIT_COST = 2.5
"""Nanoseconds to add an atom to one of its dense concepts, out of a row of bits."""
ROW_COST = 1.0
"""Nanoseconds per word of such a row."""
PLANE_COST = 0.2
"""Nanoseconds per word of a plane and concept."""
WORDS_AT_ONCE = 1024
"""Words of a plane that are used for all concepts before the next ones: they stay in the cache."""
WALK, PLANES, BY_COST = 0, 1, 2
"""How the dense concepts are summed; the first two are for tests and benchmarks."""


class LabelIndex(NamedTuple):
    """Concepts over S atoms, by concept and by atom.

    `bits` uint64 [C, W] holds all concepts, `counts` int64 [C] their samples and `sizes`
    int64 [S] the samples of each atom. Atom a carries the sparse concepts
    ``concept[first[a]:first[a + 1]]`` and those of the concepts `dense` int64 [D] that are set in
    ``rows[a]``, uint64 [S, ceil(D / 64)]; to walk these takes `row_cost` nanoseconds an atom.
    `size_planes` uint64 [Q, W] are the sizes in binary.
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


@kernel
def label_index(bits, sizes, how):
    """Make the index of concepts uint64 [C, W] over atoms of `sizes` int64 [S].

    `how` is WALK for all concepts sparse, PLANES for all dense, or BY_COST.
    """
    n_concepts, n_words = bits.shape
    n_atoms = sizes.size
    n_samples = sizes.sum()
    size_planes = planes_of(sizes)
    rank_bits = bit_length(2 * n_samples * sizes.max())
    by_planes = n_words * (rank_bits + size_planes.shape[0]) * PLANE_COST
    counts = np.zeros(n_concepts, np.int64)
    first = np.zeros(n_atoms + 1, np.int64)
    is_dense = np.zeros(n_concepts, np.bool_)
    n_entries = popcounts(bits)
    for row in range(n_concepts):
        is_dense[row] = how == PLANES or (
            how == BY_COST and n_entries[row] * ENTRY_COST > by_planes
        )
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
    return LabelIndex(bits, counts, sizes, first, concept, dense, rows, row_cost, size_planes)


@kernel
def sums_within(words, weights, planes, index, all_sums, sums, counts, how):
    """For each concept: weights and samples of its intersection with a set of atoms.

    Parameters
    ----------
    words : uint64 [W]
        The set.
    weights : int64 [S]
        Ranks added over each atom; they add up to N(N + 1), which fits for N up to 2**31.
    planes : uint64 [P, W]
        The weights in binary; no rows where there are no dense concepts.
    index : LabelIndex
    all_sums : int64 [C]
        The weights of each whole concept; of no size where they are not known yet.
    sums, counts : int64 [C]
        Are overwritten.
    how : int
        How the dense concepts are summed: WALK, PLANES, or BY_COST for the cheaper one.
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
    walk_rows = how == WALK or (how == BY_COST and n_walked * index.row_cost < by_planes)
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
    if n_dense > 0 and not walk_rows:
        for concept in index.dense:
            sums[concept] = 0
            counts[concept] = 0
        count_planes(words, planes, index, sums)
        count_planes(words, index.size_planes, index, counts)


@kernel
def count_planes(words, planes, index, sums):
    """Add to each dense concept the weights, given as planes, of its intersection with a set.

    Two concepts and two planes at once, so that each word that is loaded is used twice.
    """
    n_planes, n_words = planes.shape
    n_dense = index.dense.size
    masked = np.zeros((n_planes + n_planes % 2, WORDS_AT_ONCE), np.uint64)
    for start in range(0, n_words, WORDS_AT_ONCE):
        size = min(WORDS_AT_ONCE, n_words - start)
        for plane in range(n_planes):
            for word in range(size):
                masked[plane, word] = planes[plane, start + word] & words[start + word]
        for this in range(0, n_dense, 2):
            one, two = index.dense[this], index.dense[min(this + 1, n_dense - 1)]
            bits_one = index.bits[one, start : start + size]
            bits_two = index.bits[two, start : start + size]
            of_one = np.int64(0)
            of_two = np.int64(0)
            for plane in range(0, n_planes, 2):
                low, high = masked[plane], masked[plane + 1]
                low_one, high_one, low_two, high_two = 0, 0, 0, 0
                for word in range(size):
                    low_one += popcount(low[word] & bits_one[word])
                    high_one += popcount(high[word] & bits_one[word])
                    low_two += popcount(low[word] & bits_two[word])
                    high_two += popcount(high[word] & bits_two[word])
                of_one += (low_one + 2 * high_one) << plane
                of_two += (low_two + 2 * high_two) << plane
            sums[one] += of_one
            if two != one:
                sums[two] += of_two


@kernel
def bit_length(value):
    """Bits of a number that is not negative."""
    n_bits = 0
    while value >> n_bits > 0:
        n_bits += 1
    return n_bits


@kernel
def no_planes():
    """What stands for planes where no concept is dense."""
    return np.empty((0, 0), np.uint64)


@kernel
def planes_of(weights):
    """Weights int64 [S], none negative, in binary: uint64 [P, W], bit i % 64 of word i // 64."""
    n_planes = bit_length(weights.max())
    planes = np.zeros((n_planes, (weights.size + 63) // 64), np.uint64)
    for word in range(planes.shape[1]):
        start = word * 64
        stop = min(start + 64, weights.size)
        for plane in range(n_planes):
            packed = np.uint64(0)
            for atom in range(start, stop):
                bit = np.uint64(weights[atom] >> plane) & _ONE
                packed |= bit << np.uint64(atom - start)
            planes[plane, word] = packed
    return planes


@kernel
def concept_sums(weights, index):
    """The weights int64 [K, S] of K units, added over each concept: int64 [K, C]."""
    n_units, n_atoms = weights.shape
    sums = np.empty((n_units, index.bits.shape[0]), np.int64)
    counts = np.empty(index.bits.shape[0], np.int64)
    unknown = np.empty(0, np.int64)
    whole = whole_set(n_atoms)
    for unit in range(n_units):
        planes = planes_of(weights[unit]) if index.dense.size > 0 else no_planes()
        sums_within(whole, weights[unit], planes, index, unknown, sums[unit], counts, BY_COST)
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
