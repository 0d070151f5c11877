"""Keeps the machine code of kernels on disk, for later processes."""

import contextlib
import functools
import hashlib
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba

from invert_core.files.write_lock import try_lock
from invert_core.kernels import _internals

_log = logging.getLogger("invert")
steps = logging.getLogger("invert.steps")
"""Says at level DEBUG which kernels are being compiled; an empty message ends this."""

config: Any = numba.config  # typed as Any: it defines its names at import time
_HERE = Path(__file__).parent
_DIGEST = hashlib.sha256().digest_size


class KernelCache:
    """The machine code of one kernel: a file in `CACHE` for each signature.

    A file begins with a checksum. A damaged file counts as missing, and the kernel is compiled
    again. Numba's own cache ends the program when a file is damaged or the disk is full, and two
    processes that write at once can leave its index in disagreement with the code.

    If this version of Numba writes or reads machine code in another way than expected, Numba's own
    cache takes over.

    Parameters
    ----------
    function : callable
        The function that Numba compiles.
    instead_of : object
        The cache that Numba gave the compiled function; it answers all other requests of Numba.
    make_numbas_own : callable
        Returns Numba's own cache of the function.
    """

    def __init__(
        self, function: Callable[..., Any], instead_of: Any, make_numbas_own: Callable[[], Any]
    ):
        self._function = function
        self._instead_of = instead_of
        self._make_numbas_own = make_numbas_own
        self._numbas_own: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._instead_of, name)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the machine code for a signature, or None if there is none."""
        code = self._read(sig)
        if code:
            try:
                return _internals.from_bytes(code, target_context)
            except Exception:
                self._give_up()
        if self._numbas_own is None and any(_files_of_numba(_name(self._function))):
            self._give_up()
        if self._numbas_own is not None:
            return self._numbas_own.load_overload(sig, target_context)
        announce()
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Write machine code to disk, if it can be written."""
        if CACHE is None:
            return
        if self._numbas_own is None:
            try:
                self._write(sig, _internals.to_bytes(data))
                return
            except Exception:
                self._give_up()
        self._numbas_own.save_overload(sig, data)

    def _read(self, sig: Any) -> bytes | None:
        content = b""
        if CACHE is not None:
            with contextlib.suppress(OSError):
                content = self._file(CACHE, sig).read_bytes()
        code = content[_DIGEST:]
        return code if hashlib.sha256(code).digest() == content[:_DIGEST] else None

    def _write(self, sig: Any, code: bytes | None) -> None:
        if CACHE is None or code is None:
            return
        file = self._file(CACHE, sig)
        # Written under a name of this process first, so that no other process reads half a file.
        unfinished = file.with_name(f".{os.getpid()}.{file.name}")
        try:
            unfinished.write_bytes(hashlib.sha256(code).digest() + code)
            unfinished.replace(file)
        except OSError:
            _lost.append(file.name)
            with contextlib.suppress(OSError):
                unfinished.unlink()

    def _give_up(self) -> None:
        """Leave this kernel to Numba's own cache; later processes find its files."""
        _log.debug("%s is left to Numba's own cache.", _name(self._function), exc_info=True)
        self._numbas_own = self._make_numbas_own()
        tell_numbas_own()

    def _file(self, cache: Path, sig: Any) -> Path:
        digest = hashlib.sha256(str(sig).encode()).hexdigest()
        return cache / f"{_name(self._function)}-{digest[:16]}"


_lost: list[str] = []
"""Files of kernels that this process could not write, as on a full disk."""


def is_done(job: str) -> bool:
    """Return whether some process has compiled the kernels of a job and kept them."""
    return CACHE is not None and (CACHE / f"{job}.done").exists()


def note_done(job: str) -> None:
    """Note that the kernels of a job are on disk, unless this process could not write one."""
    if CACHE is not None and not _lost:
        with contextlib.suppress(OSError):
            (CACHE / f"{job}.done").touch()


@contextlib.contextmanager
def claimed(job: str) -> Iterator[bool]:
    """Keep other processes from compiling a job; yield whether none of them is doing so.

    Where locks do not work, every process may compile every job.
    """
    with contextlib.ExitStack() as stack:
        is_free = True
        if CACHE is not None:
            with contextlib.suppress(OSError):
                file = stack.enter_context((CACHE / f"{job}.lock").open("ab"))
                is_free = try_lock(file.fileno())
        yield is_free


def _files_of_numba(name: str) -> Iterator[Path]:
    """Yield the files of a kernel in Numba's own cache, which is a folder within `CACHE`."""
    return iter(()) if CACHE is None else CACHE.rglob(f"{name}-*.nbi")


def why_numbas_own() -> str:
    """Return why kernels are in Numba's own cache and not in `KernelCache`; "" if they are not."""
    if _internals.MISSING:
        return f"Numba {numba.__version__} lacks {', '.join(_internals.MISSING)}"
    if any(_files_of_numba("*")):
        return f"Numba {numba.__version__} writes down machine code in a way of its own"
    return ""


@functools.cache
def tell_numbas_own() -> None:
    """Log, once, that Numba's own cache is used, and why."""
    _log.warning(
        "%s: kernels are kept in Numba's own cache instead, and results stay the same.",
        why_numbas_own() or f"Numba {numba.__version__} reads machine code in a way of its own",
    )


@contextlib.contextmanager
def in_numbas_own() -> Iterator[bool]:
    """Let Numba make its own cache in `CACHE`; yield whether it can.

    Numba looks for changes only in the file that defines a function, not in the files of the
    functions that it calls. `CACHE` belongs to exactly these sources, so none of them can differ.
    """
    before = config.CACHE_DIR
    config.CACHE_DIR = before if CACHE is None else str(CACHE)
    try:
        yield CACHE is not None
    finally:
        config.CACHE_DIR = before


@functools.cache
def announce() -> None:
    """Log, once, that kernels are being compiled."""
    _log.info(
        "Compiling kernels; this can take half a minute%s.",
        ", but only once for each"
        if CACHE
        else " each time, because no folder for them can be written",
    )


def _name(function: Callable[..., Any]) -> str:
    return f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}"


def _find_cache() -> Path | None:
    """Return a folder for the machine code of exactly these sources, or None if none is writable.

    All source files count, because a kernel contains the code of the functions that it calls.
    """
    # Numba's own cache tells processors apart by itself.
    processor = None if _internals.MISSING else _internals.processor()
    made_by = (numba.__version__, sys.implementation.cache_tag, processor)
    digest = hashlib.sha256(repr(made_by).encode())
    for source in sorted(_HERE.rglob("*.py")):
        digest.update(source.read_bytes())
    # An installation may be read-only, so the first writable place is taken.
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
"""The folder for machine code, or None if none is writable."""
