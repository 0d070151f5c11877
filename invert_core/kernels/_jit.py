"""Compiles kernels; only this file names Numba's options."""

from collections.abc import Callable
from typing import Any

import numba

from invert_core.kernels._cache import KernelCache, config, in_numbas_own, tell_numbas_own
from invert_core.kernels._internals import MISSING, fewer_wrappers

_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", **fewer_wrappers()}


def kernel(function: Callable[..., Any]) -> Any:
    """Compile `function` when it is first called, or load its machine code from the cache.

    - ``nogil``: units run in Python threads, which must not wait for one another.
    - ``error_model="numpy"``: no test for zero before each division; the callers exclude zero.
    - ``no_cfunc_wrapper``: kernels are called from Python and from each other only.
    - No ``fastmath``: comparisons must be exact, and integer sums can be reordered without it.
    - No ``cache``: `KernelCache` replaces Numba's own cache, unless the installed Numba lacks an
      internal that it needs.
    """
    if config.DISABLE_JIT:
        return function
    if MISSING:
        tell_numbas_own()
        return _kept_by_numba(function)
    compiled: Any = numba.njit(**_OPTIONS)(function)
    compiled._cache = KernelCache(
        function, compiled._cache, lambda: _kept_by_numba(function)._cache
    )
    return compiled


def _kept_by_numba(function: Callable[..., Any]) -> Any:
    with in_numbas_own() as can_be_kept:
        return numba.njit(cache=can_be_kept, **_OPTIONS)(function)
