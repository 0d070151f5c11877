"""Sums over the intersections of all pairs of concepts.

The sums over every extent of two concepts follow from these by inclusion-exclusion; for three
concepts, the intersection of all three is needed too.
"""

import numpy as np

from invert_core.kernels._jit import kernel
from invert_core.kernels.bits import lowest_bit

_ONE = np.uint64(1)


@kernel
def concept_lists(bits, n_atoms):
    """Return the concepts of each atom as `first` int64 [S + 1] and `concept` int64.

    Atom a carries ``concept[first[a]:first[a + 1]]``, ascending; `bits` is uint64 [C, W].
    """
    # Counted first, so that the lists of all atoms share one array of the right size.
    first = np.zeros(n_atoms + 1, np.int64)
    for c in range(bits.shape[0]):
        for word in range(bits.shape[1]):
            left = bits[c, word]
            while left != np.uint64(0):
                first[word * 64 + lowest_bit(left) + 1] += 1
                left &= left - _ONE
    for atom in range(n_atoms):
        first[atom + 1] += first[atom]
    concept = np.empty(first[n_atoms], np.int64)
    # A copy: it moves to the end of each list, but `first` must stay at the start.
    filled = first[:-1].copy()
    for c in range(bits.shape[0]):
        for word in range(bits.shape[1]):
            left = bits[c, word]
            while left != np.uint64(0):
                atom = word * 64 + lowest_bit(left)
                concept[filled[atom]] = c
                filled[atom] += 1
                left &= left - _ONE
    return first, concept


@kernel
def add_pairs(first, concept, weights, start, stop, table):
    """Add the weights of atoms start..stop to the pairs of concepts that each carries.

    `weights` is int64 [S]; `table` int64 [C, C] is added to on and above the diagonal.
    """
    for atom in range(start, stop):
        weight = weights[atom]
        # Bounds add positive parts, which are 0 for many atoms.
        if weight == 0:
            continue
        carried = concept[first[atom] : first[atom + 1]]
        for x in range(carried.size):
            # The list ascends, so later concepts lie above the diagonal.
            of_x = table[carried[x]]
            for y in range(x, carried.size):
                of_x[carried[y]] += weight


@kernel
def mirror(table):
    """Copy the entries above the diagonal of int64 [C, C] below it."""
    # In blocks, so that the cache still holds the lines that a column crosses when the next column
    # comes.
    size = table.shape[0]
    block = 64
    for top in range(0, size, block):
        for left in range(top, size, block):
            for row in range(top, min(top + block, size)):
                for column in range(max(left, row + 1), min(left + block, size)):
                    table[column, row] = table[row, column]


@kernel
def diagonal(table):
    """Return a copy of the diagonal of int64 [C, C], whose entries lie far apart in the table."""
    values = np.empty(table.shape[0], np.int64)
    for c in range(values.size):
        values[c] = table[c, c]
    return values


@kernel
def fill_unions(everything, a, b, both, unions):
    """Fill in the sums over all sets that can be made of a and b, for several b.

    The number of a set has bit 0 for a & b, bit 1 for a & ~b, bit 2 for ~a & b, bit 3 for ~a & ~b.

    Parameters
    ----------
    everything, a : int
        Sums over all samples and over a.
    b, both : int64 [J]
        Sums over each b and each a & b; only the first J of `b` count.
    unions : int64 [16, J]
        Overwritten with the sums, by the number of the set.
    """
    # One loop over all b for each set: each becomes a plain loop of vector instructions.
    for j in range(both.size):
        unions[0, j] = 0
    for j in range(both.size):
        unions[1, j] = both[j]
    for j in range(both.size):
        unions[2, j] = a - both[j]
    for j in range(both.size):
        unions[4, j] = b[j] - both[j]
    for j in range(both.size):
        unions[8, j] = everything - a - b[j] + both[j]
    for cells in range(3, 16):
        # Without its lowest cell a set has a smaller number, so that sum is known already.
        rest = cells & (cells - 1)
        if rest:
            for j in range(both.size):
                unions[cells, j] = unions[rest, j] + unions[cells ^ rest, j]
