"""Rank sums of concepts within a set of atoms; only this file knows how they are computed.

Two ways lead to the same integers. Walking adds each atom of the set to the concepts that it
carries; its cost grows with the number of marks. Planes write the weights of the atoms in binary,
one set of atoms per bit, and count the bits of plane & set & concept; their cost grows with atoms x
concepts and pays off for dense concepts. If no concept is dense, the code for planes is not even
compiled: functions that take `dense` are compiled for None, too.
"""

from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import inner, kernel
from invert_core.kernels.atoms import Atoms, merged
from invert_core.kernels.bits import lowest_bit, popcount, whole_set
from invert_core.kernels.planes import ALL_PLANES, add_planes, planes_of

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


class Dense(NamedTuple):
    """The concepts for which planes can be cheaper than walking, `concept` uint32 [D].

    Atom a carries those that are set in ``rows[a]``, uint64 [S, ceil(D / 64)]; walking them takes
    `row_cost` nanoseconds per atom. `size_planes` uint64 [Q, W] are the sizes of the atoms in
    binary, and `whole` uint64 [W] is the set of all atoms. If `always`, for tests and benchmarks,
    planes are used for every set.
    """

    concept: np.ndarray
    rows: np.ndarray
    row_cost: float
    size_planes: np.ndarray
    whole: np.ndarray
    always: bool


class LabelIndex(NamedTuple):
    """Concepts over S atoms, by concept and by atom.

    `bits` uint64 [C, W] holds all concepts, `counts` int64 [C] their samples and `sizes` int64 [S]
    the samples of each atom. Atom a carries the concepts
    ``concept[first[a]:first[a + 1]]``, uint32, and some of `dense`, which is None if no concept is
    dense.
    """

    bits: np.ndarray
    counts: np.ndarray
    sizes: np.ndarray
    first: np.ndarray
    concept: np.ndarray
    dense: Dense | None


class Ranked(NamedTuple):
    """The ranks of one unit, added over each atom: `weights` int64 [S], and in binary.

    `planes` uint64 [P, W] is empty if there are no dense concepts.
    """

    weights: np.ndarray
    planes: np.ndarray


class Within(NamedTuple):
    """The intersections of all concepts with one set of atoms, `words` uint64 [W].

    `counts` int64 [C] are their samples; the weights lie between `sums` int64 [C] and `sums` +
    `slack`, int64 [C], or [0] if there are no dense concepts. The first ``n_touched[0]`` entries of
    `touched` int64 [C + 1] are the concepts with a count; of all others, `counts`, `sums` and
    `slack` are 0.
    """

    words: np.ndarray
    counts: np.ndarray
    sums: np.ndarray
    slack: np.ndarray
    touched: np.ndarray
    n_touched: np.ndarray


def label_index(bits: np.ndarray, sizes: np.ndarray, how: int) -> LabelIndex:
    """Make the index of concepts uint64 [C, W] over atoms of `sizes` int64 [S].

    `how` is WALK for all concepts sparse, PLANES for all dense, or BY_COST for the cheaper way.
    """
    is_dense = _dense_concepts(bits, sizes, how)
    counts, first, concept = list_by_atom(bits, sizes, is_dense)
    if not is_dense.any():
        return LabelIndex(bits, counts, sizes, first, concept, None)
    number = np.flatnonzero(is_dense).astype(np.uint32)
    rows = rows_by_atom(bits, number, sizes.size)
    per_atom = int(np.bitwise_count(rows).sum()) / sizes.size
    row_cost = rows.shape[1] * ROW_COST + per_atom * BIT_COST
    whole = whole_set(sizes.size)
    dense = Dense(number, rows, row_cost, planes_of(sizes), whole, how == PLANES)
    return LabelIndex(bits, counts, sizes, first, concept, dense)


def _dense_concepts(bits: np.ndarray, sizes: np.ndarray, how: int) -> np.ndarray:
    """Return for which concepts planes are made: bool [C]."""
    if how != BY_COST:
        return np.full(len(bits), how == PLANES)
    n_entries = np.bitwise_count(bits).sum(axis=1, dtype=np.int64)
    # No doubled rank exceeds 2 N, and a weight adds up the ranks of one atom.
    rank_bits = (2 * int(sizes.sum()) * int(sizes.max())).bit_length()
    by_planes = bits.shape[1] * (rank_bits + int(sizes.max()).bit_length()) * PLANE_COST
    saved = n_entries * ENTRY_COST - by_planes
    # Planes are made for each unit, so the cost of making them reduces what they save.
    if saved[saved > 0].sum() <= rank_bits * sizes.size * MAKING_COST:
        return np.zeros(len(bits), np.bool_)
    return saved > 0


@kernel
def list_by_atom(bits, sizes, is_dense):
    """List the concepts of each atom that are not dense: counts, first, concept of `LabelIndex`."""
    n_concepts, n_words = bits.shape
    n_atoms = sizes.size
    counts = np.zeros(n_concepts, np.int64)
    first = np.zeros(n_atoms + 1, np.int64)
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
    filled = first.copy()
    for c in range(n_concepts):
        for word in range(0 if is_dense[c] else n_words):
            left = bits[c, word]
            while left != np.uint64(0):
                atom = word * 64 + lowest_bit(left)
                left &= left - _ONE
                concept[filled[atom]] = c
                filled[atom] += 1
    return counts, first, concept


@kernel
def rows_by_atom(bits, dense, n_atoms):
    """Return which of some concepts, `dense` uint32 [D], each atom carries: [S, ceil(D / 64)]."""
    rows = np.zeros((n_atoms, (dense.size + 63) // 64), np.uint64)
    for number in range(dense.size):
        c = dense[number]
        for word in range(bits.shape[1]):
            left = bits[c, word]
            while left != np.uint64(0):
                atom = word * 64 + lowest_bit(left)
                left &= left - _ONE
                rows[atom, number >> 6] |= _ONE << np.uint64(number & 63)
    return rows


@inner
def ranked_over(weights, index, dense):
    """Return the ranks of one unit, also in binary if some concepts are dense."""
    if dense is None:
        # A view without rows, because an array of its own would take long to compile.
        return Ranked(weights, index.bits[:0])
    return Ranked(weights, planes_of(weights))


@inner
def add_whole(ranked, index, dense, sums):
    """Fill in the weights of each whole concept, int64 [C]; `dense` is that of the index."""
    weights, first, concept = ranked.weights, index.first, index.concept
    for c in range(sums.size):
        sums[c] = 0
    for atom in range(weights.size):
        weight = weights[atom]
        for entry in range(first[atom], first[atom + 1]):
            sums[concept[entry]] += weight
    if dense is not None:
        add_planes(dense.whole, ranked.planes, ALL_PLANES, dense.concept, index.bits, sums)


@kernel
def concept_sums(weights, index, dense):
    """Return the weights int64 [K, S] of K units, added over each concept: int64 [K, C]."""
    sums = np.empty((weights.shape[0], index.bits.shape[0]), np.int64)
    for unit in range(weights.shape[0]):
        add_whole(ranked_over(weights[unit], index, dense), index, dense, sums[unit])
    return sums


def nothing_within(index: LabelIndex) -> Within:
    """Return room for the intersections of all concepts with a set, as those of an empty set."""
    n_concepts, n_words = index.bits.shape
    return Within(
        np.zeros(n_words, np.uint64),
        np.zeros(n_concepts, np.int64),
        np.zeros(n_concepts, np.int64),
        np.zeros(0 if index.dense is None else n_concepts, np.int64),
        np.zeros(n_concepts + 1, np.int64),
        np.zeros(1, np.int64),
    )


@inner
def add_within(ranked, n_left_out, index, dense, within):
    """Fill in the intersections of all concepts with ``within.words``.

    Parameters
    ----------
    ranked : Ranked
        The weights add up to N(N + 1), with N up to 2**27.
    n_left_out : int
        Number of lowest planes to leave out; at most half of them, so that the slack fits.
    index : LabelIndex
    dense : Dense or None
        That of the index.
    within : Within
        Empty but for its words.
    """
    words, counts, sums, touched = within.words, within.counts, within.sums, within.touched
    weights, sizes = ranked.weights, index.sizes
    first, concept = index.first, index.concept
    n_touched = 0
    n_atoms = 0
    for word in range(words.size):
        left = words[word]
        n_atoms += popcount(left)
        while left != np.uint64(0):
            atom = word * 64 + lowest_bit(left)
            left &= left - _ONE
            weight, size = weights[atom], sizes[atom]
            # Sums and counts in one go: the list of concepts is read once.
            for entry in range(first[atom], first[atom + 1]):
                c = concept[entry]
                # Always written, but only kept if the concept is new: there is no branch.
                touched[n_touched] = c
                n_touched += counts[c] == 0
                counts[c] += size
                sums[c] += weight
    if dense is not None:
        n_planes = ranked.planes.shape[0] + dense.size_planes.shape[0]
        # Planes count both sizes and ranks, so both kinds of planes cost time.
        by_planes = dense.concept.size * n_planes * words.size * PLANE_COST
        # Both ways count exactly; only planes leave a slack in the sums.
        if dense.always or n_atoms * dense.row_cost >= by_planes:
            _add_by_planes(ranked, n_left_out, index, dense, within)
        else:
            _add_rows(ranked, index, dense, within)
        for c in dense.concept:
            touched[n_touched] = c
            n_touched += counts[c] > 0
    within.n_touched[0] = n_touched


@inner
def _add_rows(ranked, index, dense, within):
    """Add the dense concepts by walking."""
    words, counts, sums = within.words, within.counts, within.sums
    weights, sizes, rows, concept = ranked.weights, index.sizes, dense.rows, dense.concept
    for word in range(words.size):
        left = words[word]
        while left != np.uint64(0):
            atom = word * 64 + lowest_bit(left)
            left &= left - _ONE
            # Rows are bits, not lists: dense concepts would make lists long.
            for part in range(rows.shape[1]):
                carried = rows[atom, part]
                while carried != np.uint64(0):
                    c = concept[part * 64 + lowest_bit(carried)]
                    carried &= carried - _ONE
                    counts[c] += sizes[atom]
                    sums[c] += weights[atom]


@inner
def _add_by_planes(ranked, n_left_out, index, dense, within):
    """Add the dense concepts by counting bits, but for the lowest planes."""
    words, counts, slack = within.words, within.counts, within.slack
    # Counts are always exact: the limits on sizes and the test for equal extents rely on them.
    add_planes(words, dense.size_planes, ALL_PLANES, dense.concept, index.bits, counts)
    add_planes(words, ranked.planes, n_left_out, dense.concept, index.bits, within.sums)
    # Each atom lacks up to 2**n_left_out - 1, and there are no more atoms than samples. With at
    # most 2**27 samples and 27 planes left out, the slack is below 2**54.
    for c in dense.concept:
        slack[c] = counts[c] * ((1 << n_left_out) - 1)


@inner
def forget(within):
    """Make the intersections those of an empty set again."""
    counts, sums, slack, touched = within.counts, within.sums, within.slack, within.touched
    # A set touches few of many concepts, so only these are cleared.
    for place in range(within.n_touched[0]):
        c = touched[place]
        counts[c] = 0
        sums[c] = 0
        if slack.size > 0:
            slack[c] = 0
    within.n_touched[0] = 0


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
