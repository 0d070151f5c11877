"""The one place that names Numba's options."""

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba

config: Any = numba.config  # its names are made when it is imported
_HERE = Path(__file__).parent


def kernel(function: Callable[..., Any]) -> Any:
    """Compile `function` when it is first called.

    - ``nogil``: units run in Python threads, which must not wait for one another.
    - ``cache``: the machine code is kept in `CACHE`; where nothing can be written, the kernel is
      compiled again in every process.
    - ``error_model="numpy"``: no test for zero before each division; the callers exclude it.
    - No ``fastmath``: comparisons must be exact, and integer sums need no licence to reorder.
    """
    usual = config.CACHE_DIR
    config.CACHE_DIR = "" if CACHE is None else str(CACHE)
    try:
        return numba.njit(nogil=True, cache=CACHE is not None, error_model="numpy")(function)
    finally:
        config.CACHE_DIR = usual


def is_cached(compiled: Any) -> bool:
    """Whether machine code of a kernel lies on disk."""
    if CACHE is None:
        return False
    function = compiled.py_func
    python = f"py{sys.version_info.major}{sys.version_info.minor}"
    source = Path(function.__code__.co_filename).stem
    pattern = f"{source}.{function.__qualname__}-*.{python}*.nbi"
    return any(CACHE.rglob(pattern))


def _find_cache() -> Path | None:
    """A folder for machine code of just these sources, None where none can be written.

    Numba itself looks only at the age of the file that a kernel stands in, and would go on using
    what an older version of another file was compiled into.
    """
    digest = hashlib.sha256()
    for source in sorted(_HERE.glob("*.py")):
        digest.update(source.read_bytes())
    for folder in _places():
        cache = folder / f"invert-{digest.hexdigest()[:16]}"
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=cache):
                return cache
        except OSError:
            continue
    return None


def _places() -> Iterator[Path]:
    if config.CACHE_DIR:
        yield Path(config.CACHE_DIR)
    yield _HERE / "__pycache__"
    users = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    place = Path(users or os.path.expanduser("~/.cache"))
    if place.is_absolute():
        yield place


CACHE = _find_cache()
"""Where machine code is kept."""
