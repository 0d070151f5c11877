"""Compiles kernels; only this file names Numba's options."""

from collections.abc import Callable
from typing import Any

import numba
from numba.extending import register_jitable

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


def inner(function: Callable[..., Any]) -> Any:
    """Let kernels call `function` in compiled form; called from Python, it stays as it is.

    Numba would also write code by which Python and C call it. For arguments of many arrays, that
    takes longer to compile than the function itself.
    """
    if config.DISABLE_JIT:
        return function
    options = {"error_model": _OPTIONS["error_model"], "no_cfunc_wrapper": True}
    return register_jitable(no_cpython_wrapper=True, **options)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Put `function` into the kernels that call it, before they are compiled.

    A function that is called once takes less time to compile in this way: otherwise its code is
    optimised on its own first, and again within every function that calls it in turn.
    """
    return function if config.DISABLE_JIT else numba.njit(inline="always", **_OPTIONS)(function)


def _kept_by_numba(function: Callable[..., Any]) -> Any:
    with in_numbas_own() as can_be_kept:
        return numba.njit(cache=can_be_kept, **_OPTIONS)(function)
