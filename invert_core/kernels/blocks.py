"""Rank sums of blocks of samples, added over the atoms whose marks the blocks are given."""

import numpy as np

from invert_core.kernels._jit import kernel
from invert_core.kernels.atoms import Atoms
from invert_core.kernels.planes import planes_of
from invert_core.kernels.sums import LabelIndex, concept_sums


def with_sizes(index: LabelIndex, sizes: np.ndarray) -> LabelIndex:
    """Return the index of the same concepts over atoms of other sizes, int64 [S]."""
    if np.array_equal(sizes, index.sizes):
        return index
    counts = concept_sums(sizes[None], index, index.dense)[0]
    dense = index.dense
    if dense is not None:
        dense = dense._replace(size_planes=planes_of(sizes))
    return index._replace(counts=counts, sizes=sizes, dense=dense)


def add_blocks(block_sums: np.ndarray, of_block: np.ndarray, n_atoms: int) -> np.ndarray:
    """Add the rank sums int64 [K, B] of blocks over atoms: int64 [K, S].

    `of_block` int32 [B] is the atom whose marks the samples of each block carry.
    """
    sums = np.zeros((len(block_sums), n_atoms), np.int64)
    add_to_atoms(block_sums, of_block, sums)
    return sums


@kernel
def add_to_atoms(block_sums, of_block, sums):
    """Add the rank sums of each unit's blocks to those of its atoms, int64 [K, S]."""
    for unit in range(block_sums.shape[0]):
        for block in range(of_block.size):
            sums[unit, of_block[block]] += block_sums[unit, block]


def atoms_of_blocks(blocks: Atoms, of_block: np.ndarray, n_atoms: int) -> Atoms:
    """Return the atoms of all samples, given the atom of each block, int32 [B]."""
    sizes = np.zeros((1, n_atoms), np.int64)
    add_to_atoms(blocks.sizes[None], of_block, sizes)
    return Atoms(of_block[blocks.of_sample], sizes[0])
