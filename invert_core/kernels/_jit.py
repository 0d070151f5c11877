"""The one place that names Numba's options."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba


def kernel(function: Callable[..., Any]) -> Any:
    """Compile `function` when it is first called.

    - ``nogil``: units run in Python threads, which must not wait for one another.
    - ``cache``: the machine code is kept on disk. Where nothing can be written, neither beside
      the source nor in the user's cache folder, Numba refuses at this point, and the kernel is
      compiled again in every process.
    - ``error_model="numpy"``: no test for zero before each division; the callers exclude it.
    - No ``fastmath``: comparisons must be exact, and integer sums need no licence to reorder.
    """
    try:
        return numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        return numba.njit(nogil=True, error_model="numpy")(function)


def is_cached(compiled: Any) -> bool:
    """Whether machine code of a kernel lies on disk."""
    folder = cache_folder(compiled)
    if folder is None:
        return False
    function = compiled.py_func
    line = function.__code__.co_firstlineno
    pattern = f"*{Path(function.__code__.co_filename).stem}.{function.__qualname__}-{line}.*.nbi"
    return any(folder.glob(pattern))


def cache_folder(compiled: Any) -> Path | None:
    """Where the machine code of a kernel is kept; None where nothing can be written."""
    path = compiled.stats.cache_path
    return None if path is None else Path(path)
