"""Compiles the kernels of a search before threads start."""

import logging

import numpy as np

from invert_core.kernels import _jit, beam, ranks, sums

_log = logging.getLogger("invert")

_OF_A_SEARCH = (
    ranks.midranks,
    sums.label_index,
    beam.search_unit,
)


def compile_search() -> None:
    """Compile, or load from the cache, all that a search of one unit calls."""
    if not hasattr(beam.search_unit, "signatures"):  # NUMBA_DISABLE_JIT
        return
    if not is_warm():
        _log.info("Compiling kernels; this happens once and takes about 20 seconds.")
    words = np.ones((1, 1), np.uint64)
    words.setflags(write=False)
    index = sums.label_index(words, 2)
    for float_type in (np.float32, np.float64):
        ranked, _, _ = ranks.rank(np.array([0, 1], float_type))
    beam.search_unit(ranked, index, 1, 1, 1, 1, 1.0, 1)


def is_warm() -> bool:
    """Whether machine code of these kernels lies on disk."""
    return all(_jit.is_cached(kernel) for kernel in _OF_A_SEARCH)
