"""Where the machine code of kernels is kept between processes."""

import contextlib
import functools
import hashlib
import logging
import os
import pickle
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.registry import cpu_target
from numba.core.serialize import dumps

from invert_core.files.write_lock import try_lock

_log = logging.getLogger("invert")

config: Any = numba.config  # its names are made when it is imported
_HERE = Path(__file__).parent
_LOOK_AGAIN = 0.1
_DIGEST = hashlib.sha256().digest_size


class KernelCache(NullCache):
    """Machine code of one kernel: a file in `CACHE` for each signature, begun by its checksum.

    Numba's own cache keeps an index beside the code, which two processes that write at once can
    leave in disagreement with it; a damaged file or a full disk ends the program. Here such a file
    counts as missing, and the kernel is compiled again.
    """

    def __init__(self, function: Callable[..., Any]):
        self._function = function

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The machine code for a signature, None if there is none."""
        target_context.refresh()
        content = b""
        if CACHE is not None:
            with contextlib.suppress(OSError):
                content = self._file(CACHE, sig).read_bytes()
        code = content[_DIGEST:]
        if not code or hashlib.sha256(code).digest() != content[:_DIGEST]:
            _announce()
            return None
        return CompileResult._rebuild(target_context, *pickle.loads(code))

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep machine code, if it can be kept."""
        if CACHE is None or data.library.has_dynamic_globals:
            return
        code = dumps(data._reduce())
        file = self._file(CACHE, sig)
        unfinished = file.with_name(f".{os.getpid()}.{file.name}")
        try:
            unfinished.write_bytes(hashlib.sha256(code).digest() + code)
            unfinished.replace(file)
        except OSError:
            with contextlib.suppress(OSError):
                unfinished.unlink()

    def _file(self, cache: Path, sig: Any) -> Path:
        digest = hashlib.sha256(str(sig).encode()).hexdigest()
        return cache / f"{_name(self._function)}-{digest[:16]}"


def is_cached(compiled: Any) -> bool:
    """Whether machine code of a kernel lies on disk."""
    name = _name(getattr(compiled, "py_func", compiled))
    return CACHE is not None and any(CACHE.glob(f"{name}-*"))


@contextlib.contextmanager
def one_process_at_a_time() -> Iterator[None]:
    """Wait until no other process is in such a block; go on at once where locks do not work."""
    with contextlib.ExitStack() as stack:
        if CACHE is not None:
            with contextlib.suppress(OSError):
                file = stack.enter_context((CACHE / "lock").open("ab"))
                if not try_lock(file.fileno()):
                    _log.info("Another process is compiling kernels; waiting for it.")
                    while not try_lock(file.fileno()):
                        time.sleep(_LOOK_AGAIN)
        yield


@functools.cache
def _announce() -> None:
    _log.info(
        "Compiling kernels; this %s and takes half a minute or so.",
        "happens once" if CACHE else "happens in every run, as no folder for them can be written,",
    )


def _name(function: Callable[..., Any]) -> str:
    return f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}"


def _find_cache() -> Path | None:
    """A folder for machine code of just these sources, None where none can be written.

    Not only the file that a kernel stands in counts: what it calls is compiled into it.
    """
    cpu = cpu_target.target_context.codegen().magic_tuple()
    made_by = (numba.__version__, sys.implementation.cache_tag, cpu)
    digest = hashlib.sha256(repr(made_by).encode())
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
