"""Atoms: groups of samples that carry the same concepts, over which every sum can run.

An extent never divides an atom, so ranks are added up per atom once for each unit. Where no two
samples carry the same concepts each is an atom of its own, in the order of the samples.
"""

from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import kernel
from invert_core.kernels.bits import lowest_bit

_ONE = np.uint64(1)


class Atoms(NamedTuple):
    """S atoms of N samples: `of_sample` int32 [N] and `sizes` int64 [S]."""

    of_sample: np.ndarray
    sizes: np.ndarray


@kernel
def find_atoms(bits, n_samples):
    """Merge samples by their concepts, uint64 [C, W]; numbered by the first sample of each.

    Partition refinement: each concept splits the groups that it cuts, so the cost follows the
    labels.
    """
    group = np.zeros(n_samples, np.int32)
    size = np.zeros(n_samples + 1, np.int32)
    size[0] = n_samples
    free = np.arange(n_samples, -1, -1).astype(np.int32)
    n_free = n_samples  # group 0, the last of the list, is taken
    n_groups = 1
    split_by = np.full(n_samples + 1, -1, np.int32)
    split_to = np.empty(n_samples + 1, np.int32)
    for concept in range(bits.shape[0]):
        if n_groups == n_samples:
            break
        for word in range(bits.shape[1]):
            left = bits[concept, word]
            while left != np.uint64(0):
                sample = word * 64 + lowest_bit(left)
                left &= left - _ONE
                old = group[sample]
                if size[old] == 1 and split_by[old] != concept:
                    continue
                if split_by[old] != concept:
                    split_by[old] = concept
                    n_free -= 1
                    split_to[old] = free[n_free]
                    n_groups += 1
                new = split_to[old]
                group[sample] = new
                size[new] += 1
                size[old] -= 1
                if size[old] == 0:
                    free[n_free] = old
                    n_free += 1
                    n_groups -= 1
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
    """The concepts uint64 [C, W] as sets of atoms: uint64 [C, ceil(S / 64)]."""
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
    """Merge samples with equal labels: concepts uint64 [C, ceil(N / 64)] as sets of atoms."""
    # Of one type whoever made it, so that what is compiled fits: contiguous and read-only.
    bits = np.ascontiguousarray(bits).view()
    bits.setflags(write=False)
    atoms = find_atoms(bits, n_samples)
    return atoms, bits_of_atoms(bits, atoms)
