"""Ranks and rank sums within a subset of the samples, such as those on which a formula is defined.

A unit is sorted once. Ranking it within any set of atoms then takes one pass over its runs.
"""

from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import kernel
from invert_core.kernels.bits import lowest_bit, popcount
from invert_core.kernels.planes import ALL_PLANES, add_planes, bit_length, planes_of
from invert_core.kernels.radix import HALF, LOW_HALF
from invert_core.kernels.ranks import Noted, note_ties
from invert_core.kernels.sums import (
    BY_COST,
    ENTRY_COST,
    MAKING_COST,
    PLANE_COST,
    PLANES,
    Ranked,
)
from invert_core.kernels.ties import least_large

_ONE = np.uint64(1)


class Runs(NamedTuple):
    """The samples of one unit by ascending value; samples with one atom and value form a run.

    Run r holds `size[r]` samples of `atom[r]`, both int32 [R]; the runs ``first[v]:first[v + 1]``,
    int64 [V + 1], share value v. Samples in no run have value 0 and rank before value `n_negative`.
    """

    atom: np.ndarray
    size: np.ndarray
    first: np.ndarray
    n_negative: int


class ConceptLists(NamedTuple):
    """Concepts uint64 [C, W] over S atoms, each as a list of atoms or as bits.

    A sparse concept is the list ``atom[first[c]:first[c + 1]]``, int32; if `inverted[c]`, the list
    is its complement among the samples on which it is defined. If `is_dense[c]`, its bits are
    counted instead. `sizes` int64 [S] are the numbers of samples of the atoms, `size_planes`
    uint64 [Q, W] the same numbers in binary.
    """

    bits: np.ndarray
    atom: np.ndarray
    first: np.ndarray
    inverted: np.ndarray
    is_dense: np.ndarray
    sizes: np.ndarray
    size_planes: np.ndarray


class Chosen(NamedTuple):
    """Concepts to add: `sparse` int64 [D] by their lists, `dense` uint32 [E] by their bits."""

    sparse: np.ndarray
    dense: np.ndarray


@kernel
def runs_of_keys(keys, n_negative):
    """Return the runs of one unit from its sorted keys, as `ranks.sorted_keys` returns them."""
    atom = np.empty(keys.size, np.int32)
    size = np.empty(keys.size, np.int32)
    first = np.empty(keys.size + 1, np.int64)
    n_runs = 0
    n_values = 0
    n_values_negative = 0
    for position in range(keys.size):
        key = keys[position]
        # Samples with equal value and atom have equal keys, so they are neighbours.
        if position > 0 and key == keys[position - 1]:
            size[n_runs - 1] += 1
            continue
        # The high half orders the values, so a change in it begins a new value.
        if position == 0 or key >> HALF != keys[position - 1] >> HALF:
            first[n_values] = n_runs
            n_values += 1
            n_values_negative += position < n_negative
        atom[n_runs] = key & LOW_HALF
        size[n_runs] = 1
        n_runs += 1
    first[n_values] = n_runs
    return Runs(atom[:n_runs], size[:n_runs], first[: n_values + 1], n_values_negative)


@kernel
def is_in(words, atom):
    """Return 1 if an atom is in a set, 0 if not."""
    return np.int64((words[atom >> 6] >> np.uint64(atom & 63)) & _ONE)


@kernel
def size_of(words, sizes):
    """Return the number of samples in a set of atoms uint64 [W] of `sizes` int64 [S]."""
    n_samples = 0
    # Multiplied, not branched on: a processor cannot predict whether an atom is in the set.
    for atom in range(sizes.size):
        n_samples += sizes[atom] * is_in(words, atom)
    return n_samples


@kernel
def rank_within(runs, words, sizes, weights, tie_sums, large):
    """Rank the samples of a set of atoms among themselves.

    Parameters
    ----------
    runs : Runs
    words : uint64 [W]
        The set.
    sizes : int64 [S]
        Samples of each atom.
    weights : int64 [S]
        Becomes the doubled midranks, added over each atom; 0 outside the set.
    tie_sums : int64 [2]
        Becomes the sum of t**3 - t over tie groups, see `ranks.note_ties`.
    large : Large
        Becomes the large tie groups.
    """
    n_samples = size_of(words, sizes)
    # Samples in no run are zero: they remain when the runs are subtracted.
    n_zeros, n_negative = n_samples, 0
    inside = np.empty(runs.atom.size, np.int64)
    for run in range(inside.size):
        inside[run] = runs.size[run] * is_in(words, runs.atom[run])
        n_zeros -= inside[run]
    for run in range(runs.first[runs.n_negative]):
        n_negative += inside[run]
    # Twice the mean of the ranks that the zeros share, as in `ranks.rank_units`.
    of_zero = 2 * n_negative + n_zeros + 1
    for atom in range(sizes.size):
        weights[atom] = sizes[atom] * of_zero * is_in(words, atom)
    tie_sums[0] = tie_sums[1] = large.n[0] = 0
    noted = Noted(tie_sums, least_large(n_samples), large)
    if n_zeros > 1:
        note_ties(n_negative, n_zeros, noted)
    # Minus the rank of zero, which all samples in the set have already.
    rank = 1 - of_zero
    for value in range(runs.first.size - 1):
        # The zeros come after the negative values.
        if value == runs.n_negative:
            rank += 2 * n_zeros
        start, stop = runs.first[value], runs.first[value + 1]
        # Most values have one run, and a run outside the set adds 0 without a branch.
        tied = inside[start]
        if stop == start + 1:
            weights[runs.atom[start]] += tied * (rank + tied)
        else:
            for run in range(start + 1, stop):
                tied += inside[run]
            for run in range(start, stop):
                weights[runs.atom[run]] += inside[run] * (rank + tied)
        if tied > 1:
            # Without the rank of zero, twice the samples below plus 1.
            note_ties((rank + of_zero - 1) // 2, tied, noted)
        rank += 2 * tied


def ranks_in_binary(weights: np.ndarray, lists: ConceptLists) -> Ranked:
    """Return the ranks of a set in the form that `add_within` needs."""
    some_are_dense = bool(lists.is_dense.any())
    planes = planes_of(weights) if some_are_dense else np.empty((0, 0), np.uint64)
    return Ranked(weights, planes)


@kernel
def add_within(words, ranked, lists, chosen, table, counts, sums):
    """Fill in the sizes and rank sums of some concepts within a set of atoms.

    Parameters
    ----------
    words : uint64 [W]
        The set; its samples must be ranked, and the concepts defined on them.
    ranked : Ranked
    lists : ConceptLists
    chosen : Chosen
        The concepts.
    table : int64 [S, 2]
        Room to work in.
    counts, sums : int64 [C]
        The entries of the chosen concepts are overwritten.

    Returns
    -------
    n_samples, rank_sum : int
        Size and rank sum of the set.
    """
    sizes, sparse, dense = lists.sizes, chosen.sparse, chosen.dense
    n_samples, rank_sum = 0, 0
    # Zero outside the set, so that lists need no test. Size and rank of an atom lie side by side,
    # so that one cache line holds both.
    for atom in range(sizes.size):
        inside = is_in(words, atom)
        table[atom, 0] = inside * sizes[atom]
        table[atom, 1] = inside * ranked.weights[atom]
        n_samples += table[atom, 0]
        rank_sum += table[atom, 1]
    for c in sparse:
        count, total = 0, 0
        for atom in lists.atom[lists.first[c] : lists.first[c + 1]]:
            count += table[atom, 0]
            total += table[atom, 1]
        # The concept is defined on the whole set, so its complement is subtracted from the set.
        counts[c] = n_samples - count if lists.inverted[c] else count
        sums[c] = rank_sum - total if lists.inverted[c] else total
    if dense.size > 0:
        for c in dense:
            counts[c] = 0
            sums[c] = 0
        add_planes(words, lists.size_planes, ALL_PLANES, dense, lists.bits, counts)
        add_planes(words, ranked.planes, ALL_PLANES, dense, lists.bits, sums)
    return n_samples, rank_sum


@kernel
def concept_lists(bits, defined, of_concept, sizes, how):
    """Return the concepts, each in the form that costs least to add.

    Parameters
    ----------
    bits : uint64 [C, W]
        The concepts.
    defined : uint64 [G, W]
        Sets of atoms.
    of_concept : int64 [C]
        Number of the set in `defined` on which each concept is defined.
    sizes : int64 [S]
        Samples of each atom.
    how : int
        `sums.WALK` for all concepts sparse, PLANES for all dense, or BY_COST for the cheaper way.

    Returns
    -------
    ConceptLists
    """
    n_concepts, n_words = bits.shape
    size_planes = planes_of(sizes)
    n_samples, largest = 0, 0
    for size in sizes:
        n_samples += size
        largest = max(largest, size)
    # No doubled rank exceeds 2 N, and a weight adds up the ranks of one atom.
    rank_bits = bit_length(2 * n_samples * largest)
    by_planes = n_words * (rank_bits + size_planes.shape[0]) * PLANE_COST
    inverted = np.zeros(n_concepts, np.bool_)
    n_listed = np.zeros(n_concepts, np.int64)
    for c in range(n_concepts):
        where = defined[of_concept[c]]
        n_true, n_defined = 0, 0
        for word in range(n_words):
            n_true += popcount(bits[c, word])
            n_defined += popcount(where[word])
        # The shorter of two lists: the atoms of the concept, or the atoms of its complement.
        inverted[c] = 2 * n_true > n_defined
        n_listed[c] = min(n_true, n_defined - n_true)
    # Planes are made for each set, and save time twice: in the domain and in the formula in it.
    saved = -defined.shape[0] * rank_bits * sizes.size * MAKING_COST
    for c in range(n_concepts):
        saved += max(0.0, 2.0 * (n_listed[c] * ENTRY_COST - by_planes))
    pays = how == BY_COST and saved > 0.0
    is_dense = np.empty(n_concepts, np.bool_)
    for c in range(n_concepts):
        is_dense[c] = n_listed[c] * ENTRY_COST > by_planes if pays else how == PLANES
    first = np.zeros(n_concepts + 1, np.int64)
    for c in range(n_concepts):
        first[c + 1] = first[c] + (0 if is_dense[c] else n_listed[c])
    atom = np.empty(first[n_concepts], np.int32)
    for c in range(n_concepts):
        place = first[c]
        where = defined[of_concept[c]]
        for word in range(n_words if not is_dense[c] else 0):
            left = where[word] & ~bits[c, word] if inverted[c] else bits[c, word]
            while left != np.uint64(0):
                atom[place] = word * 64 + lowest_bit(left)
                left &= left - _ONE
                place += 1
    return ConceptLists(bits, atom, first, inverted, is_dense, sizes, size_planes)
