"""Atoms: groups of samples with equal marks of all concepts, over which every sum can run.

No extent divides an atom, so the ranks of a unit are added over each atom once. If no two samples
have equal marks, each sample is an atom, in the order of the samples.
"""

from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import kernel
from invert_core.kernels.bits import lowest_bit

_ONE = np.uint64(1)


class Atoms(NamedTuple):
    """S atoms of N samples.

    `of_sample` int32 [N] is the atom of each sample, `sizes` int64 [S] the number of samples of
    each atom.
    """

    of_sample: np.ndarray
    sizes: np.ndarray


@kernel
def find_atoms(bits, n_samples):
    """Find the atoms of concepts uint64 [C, W]; the first sample of each gives their order.

    This is partition refinement: each concept splits the groups that it cuts, so the cost grows
    with the number of marks, not with samples times concepts.
    """
    group = np.zeros(n_samples, np.int32)
    size = np.zeros(n_samples + 1, np.int32)
    size[0] = n_samples
    free = np.arange(n_samples, -1, -1).astype(np.int32)
    # A stack of unused numbers of groups; 0, at its top, is taken.
    n_free = n_samples
    n_groups = 1
    split_by = np.full(n_samples + 1, -1, np.int32)
    split_to = np.empty(n_samples + 1, np.int32)
    for concept in range(bits.shape[0]):
        # Groups of one sample cannot be split any further.
        if n_groups == n_samples:
            break
        for word in range(bits.shape[1]):
            left = bits[concept, word]
            while left != np.uint64(0):
                sample = word * 64 + lowest_bit(left)
                left &= left - _ONE
                old = group[sample]
                # A group of one stays as it is, unless it is what is left of a group being split.
                if size[old] == 1 and split_by[old] != concept:
                    continue
                # The first mark within a group opens the group that all its marks move to.
                if split_by[old] != concept:
                    split_by[old] = concept
                    n_free -= 1
                    split_to[old] = free[n_free]
                    n_groups += 1
                new = split_to[old]
                group[sample] = new
                size[new] += 1
                size[old] -= 1
                # The concept holds on the whole group, so the group only changed its number.
                if size[old] == 0:
                    free[n_free] = old
                    n_free += 1
                    n_groups -= 1
    # Numbering atoms by their first sample makes the order of the concepts irrelevant.
    number = np.full(n_samples + 1, -1, np.int32)
    sizes = np.zeros(n_groups, np.int64)
    n_atoms = 0
    for sample in range(n_samples):
        old = group[sample]
        if number[old] < 0:
            number[old] = n_atoms
            n_atoms += 1
        group[sample] = number[old]
        sizes[number[old]] += 1
    return Atoms(group, sizes)


@kernel
def bits_of_atoms(bits, atoms):
    """Return the concepts uint64 [C, W] as sets of atoms: uint64 [C, ceil(S / 64)]."""
    merged = np.zeros((bits.shape[0], (atoms.sizes.size + 63) // 64), np.uint64)
    for concept in range(bits.shape[0]):
        for word in range(bits.shape[1]):
            left = bits[concept, word]
            while left != np.uint64(0):
                atom = atoms.of_sample[word * 64 + lowest_bit(left)]
                left &= left - _ONE
                merged[concept, atom >> 6] |= _ONE << np.uint64(atom & 63)
    return merged


def merged(bits: np.ndarray, n_samples: int) -> tuple[Atoms, np.ndarray]:
    """Merge samples with equal marks, and write the concepts as sets of atoms.

    Parameters
    ----------
    bits : uint64 [C, ceil(N / 64)]
        Concepts as sets of samples.
    n_samples : int
        N.

    Returns
    -------
    atoms : Atoms
        The S atoms.
    bits : uint64 [C, ceil(S / 64)]
        The concepts as sets of atoms.
    """
    # Kernels are compiled for one type of array: contiguous and read-only.
    bits = np.ascontiguousarray(bits).view()
    bits.setflags(write=False)
    atoms = find_atoms(bits, n_samples)
    return atoms, bits_of_atoms(bits, atoms)
