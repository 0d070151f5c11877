"""Compiles kernels before threads start, in one process at a time."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from invert_core.kernels import atoms, beam, candidates, codes, ranks, sums
from invert_core.kernels._cache import announce, config, is_cached, one_process_at_a_time

_OF_A_SEARCH = (
    atoms.find_atoms,
    atoms.bits_of_atoms,
    sums.label_index,
    codes.shorten,
    codes.number_values,
    ranks.rank_units,
    beam.search_units,
)


def compile_search() -> None:
    """Compile all kernels that a beam search calls, or load them from the cache."""
    compile_kernels(_OF_A_SEARCH, _search)


def compile_kernels(kernels: Sequence[Any], call: Callable[[], object]) -> None:
    """Compile kernels, or load them from the cache; `call` must call all of them.

    If several processes start at once, one compiles and the others wait for it.
    """
    if config.DISABLE_JIT:
        return
    if _are_cached(kernels):
        call()
        return
    with one_process_at_a_time():
        # When Numba's own cache is used, nothing else says that kernels are being compiled.
        if not _are_cached(kernels):
            announce()
        call()


def is_warm() -> bool:
    """Return whether the machine code of all kernels of a beam search is on disk."""
    return _are_cached(_OF_A_SEARCH)


def _are_cached(kernels: Sequence[Any]) -> bool:
    return all(is_cached(kernel) for kernel in kernels)


def _search() -> None:
    bits = np.ones((1, 1), np.uint64)
    bits.setflags(write=False)
    merged = atoms.find_atoms(bits, 2)
    index = sums.label_index(atoms.bits_of_atoms(bits, merged), merged.sizes, sums.BY_COST)
    for float_type in (np.float32, np.float64):
        # In float64 these values leave more bits than a code holds.
        weights, _, _ = ranks.rank_sums(np.array([[0.1, 1e9]], float_type), merged)
    beam.search_units(weights, 2, index, candidates.Limits(1, 1, 1, 1, 1.0, 1))
