"""Compiles kernels; only this file names Numba's options."""

from collections.abc import Callable
from typing import Any

import numba
from numba.extending import register_jitable

from invert_core.kernels._cache import KernelCache, config, in_numbas_own, tell_numbas_own
from invert_core.kernels._internals import MISSING, fewer_wrappers, uncounted_references

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
    return _compiled(function, _OPTIONS)


def frugal_kernel(function: Callable[..., Any]) -> Any:
    """Do what `kernel` does for a `function` that makes no arrays, and take less time for it.

    Of the functions that it calls, none may return an array.
    """
    return _compiled(function, _OPTIONS | uncounted_references())


def inner(function: Callable[..., Any]) -> Any:
    """Let kernels call `function` in compiled form; called from Python, it stays as it is.

    Numba would also write code by which Python and C call it. For arguments of many arrays, that
    takes longer to compile than the function itself.
    """
    return _callable_by_kernels(function)


def frugal_inner(function: Callable[..., Any]) -> Any:
    """Do what `inner` does for a `function` that neither makes nor returns arrays."""
    return _callable_by_kernels(function, **uncounted_references())


def inlined(function: Callable[..., Any]) -> Any:
    """Put `function` into the one kernel that calls it, before that is compiled.

    A function that calls many others takes less time to compile in this way: otherwise the code of
    all of them is optimised within it first, and again within every function that calls it in turn.
    A small function takes less time as `inner`, because Numba copies the whole kernel to put
    anything into it.
    """
    return function if config.DISABLE_JIT else numba.njit(inline="always", **_OPTIONS)(function)


def _callable_by_kernels(function: Callable[..., Any], **options: bool) -> Any:
    if config.DISABLE_JIT:
        return function
    options |= {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return register_jitable(error_model=_OPTIONS["error_model"], **options)(function)


def _compiled(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    if config.DISABLE_JIT:
        return function
    if MISSING:
        tell_numbas_own()
        return _kept_by_numba(function, options)
    compiled: Any = numba.njit(**options)(function)
    compiled._cache = KernelCache(
        function, compiled._cache, lambda: _kept_by_numba(function, options)._cache
    )
    return compiled


def _kept_by_numba(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    with in_numbas_own() as can_be_kept:
        return numba.njit(cache=can_be_kept, **options)(function)
