"""Compiles the kernels of a search before threads start."""

import logging

import numpy as np

from invert_core.kernels import _jit, atoms, beam, ranks, sums

_log = logging.getLogger("invert")

_OF_A_SEARCH = (
    atoms.find_atoms,
    atoms.bits_of_atoms,
    sums.label_index,
    ranks.add_ranks,
    beam.search_units,
)


def compile_search() -> None:
    """Compile, or load from the cache, all that a search calls."""
    if not hasattr(beam.search_units, "signatures"):  # NUMBA_DISABLE_JIT
        return
    if not is_warm():
        _log.info("Compiling kernels; this happens once and takes about 20 seconds.")
    bits = np.ones((1, 1), np.uint64)
    bits.setflags(write=False)
    merged = atoms.find_atoms(bits, 2)
    index = sums.label_index(atoms.bits_of_atoms(bits, merged), merged.sizes, sums.BY_COST)
    for float_type in (np.float32, np.float64):
        weights, _, _ = ranks.rank_sums(np.array([[0, 1]], float_type), merged)
    beam.search_units(weights, 2, index, beam.Limits(1, 1, 1, 1, 1.0, 1))


def is_warm() -> bool:
    """Whether machine code of these kernels lies on disk."""
    return all(_jit.is_cached(kernel) for kernel in _OF_A_SEARCH)
