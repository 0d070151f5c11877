"""The one place that names Numba's options."""

from collections.abc import Callable
from typing import Any

import numba

from invert_core.kernels._cache import KernelCache, config


def kernel(function: Callable[..., Any]) -> Any:
    """Compile `function` when it is first called, or load what it was compiled into before.

    - ``nogil``: units run in Python threads, which must not wait for one another.
    - ``error_model="numpy"``: no test for zero before each division; the callers exclude it.
    - No ``fastmath``: comparisons must be exact, and integer sums need no licence to reorder.
    - No ``cache``: `KernelCache` stands in for Numba's own.
    """
    compiled: Any = numba.njit(nogil=True, error_model="numpy")(function)
    if not config.DISABLE_JIT:
        compiled._cache = KernelCache(function)
    return compiled
