"""Compiles kernels before threads start.

Every process claims one job after another, so that processes which start at once share the work and
compile nothing twice. A helper is such a process, started for the purpose.
"""

import contextlib
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import IO

from invert_core.kernels import _cache
from invert_core.kernels.jobs import (
    ATOMS,
    DENSE_SEARCH,
    EVIDENCE,
    INDEX,
    JOBS,
    RANKS,
    SEARCH,
    SHUFFLES,
    TAILS,
)

_log = logging.getLogger("invert")

_LOOK_AGAIN = 0.05
_PATIENCE = 60.0
"""Seconds without a finished job after which another process is not waited for."""
_HELPER = (
    "import sys; "
    r"sys.path[:] = sys.argv[1].split('\n'); "
    "from invert_core.kernels.warm_up import help_out; "
    "help_out(sys.argv[2:])"
)


def compile_jobs(*names: str, n_before: int = 0, later: Sequence[str] = ()) -> int:
    """Compile the kernels of some jobs, the longest first, except what is on disk.

    If more than one core is free for it, a second process compiles the last jobs meanwhile. If it
    fails or cannot be started, or if another process that compiles ends no job for a minute, as one
    that was stopped, this process compiles them too.

    Parameters
    ----------
    names : str
        Jobs, keys of `jobs.JOBS`.
    n_before : int
        How many jobs earlier calls compiled for the same purpose, for messages.
    later : sequence of str
        Jobs that a later call will compile, for messages.

    Returns
    -------
    int
        How many jobs were compiled by this and the earlier calls.
    """
    left = _not_compiled(names)
    if _cache.config.DISABLE_JIT or not left:
        return n_before
    n_left, n_later = len(left), len(_not_compiled(later))
    _cache.announce()
    with _told(left, n_before, n_later) as tell, _helper(left) as is_helped:
        waits = False
        n_waited, since = len(left), time.monotonic()
        while left := _work_through(left, tell):
            if len(left) < n_waited:
                n_waited, since = len(left), time.monotonic()
            if time.monotonic() - since > _PATIENCE:
                _log.warning(
                    "Another process has been compiling kernels for more than %.0f s and has not "
                    "finished %s, so this one compiles, too.",
                    _PATIENCE,
                    left[0],
                )
                _work_through(left, tell, claimed=lambda name: contextlib.nullcontext(True))
                break
            if not (waits or is_helped()):
                _log.info("Another process is compiling kernels; waiting for it.")
                waits = True
            time.sleep(_LOOK_AGAIN)
    return n_before + n_left


def _not_compiled(names: Sequence[str]) -> list[str]:
    return [name for name in names if not _is_compiled(name)]


def is_warm() -> bool:
    """Return whether the machine code of a plain labelling is on disk."""
    return all(map(_cache.is_done, (RANKS, INDEX, ATOMS, TAILS, SHUFFLES, EVIDENCE))) and any(
        map(_cache.is_done, (SEARCH, DENSE_SEARCH))
    )


def help_out(names: Sequence[str]) -> None:
    """Compile jobs beside the process that started this one, and end when that one ends."""
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    _work_through(names, lambda name: None)


_compiled_here: set[str] = set()
"""Jobs that this process need not compile again, even if nothing can be written to disk."""


def _is_compiled(name: str) -> bool:
    return name in _compiled_here or _cache.is_done(name)


def _work_through(
    names: Sequence[str],
    tell: Callable[[str], None],
    claimed: Callable[[str], AbstractContextManager[bool]] = _cache.claimed,
) -> list[str]:
    """Compile the jobs that no other process has claimed, and return the others."""
    left = []
    for name in names:
        with claimed(name) as is_free:
            if not is_free:
                left.append(name)
            elif not _is_compiled(name):
                tell(name)
                JOBS[name]()
                _compiled_here.add(name)
                _cache.note_done(name)
    return left


@contextlib.contextmanager
def _told(names: Sequence[str], n_before: int, n_later: int) -> Iterator[Callable[[str], None]]:
    """Say which of the jobs is being compiled, and how many any process has done.

    Yield the function to call when a job begins.
    """
    if not _cache.steps.isEnabledFor(logging.DEBUG):
        yield lambda name: None
        return
    begun = names[0]
    n_all = n_before + len(names) + n_later
    ended = threading.Event()

    def begin(name: str) -> None:
        nonlocal begun
        begun = name

    def tell() -> None:
        told = ""
        while not ended.wait(_LOOK_AGAIN):
            n_done = n_before + sum(map(_is_compiled, names))
            text = f"Compiling kernels: {begun} ({n_done} of {n_all} done; only once for each)"
            if text != told:
                _cache.steps.debug("%s", text)
                told = text

    # A thread, because the compiler does not return before a job is done.
    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield begin
    finally:
        ended.set()
        thread.join()
        _cache.steps.debug("")


@contextlib.contextmanager
def _helper(names: Sequence[str]) -> Iterator[Callable[[], bool]]:
    """Let a second process compile jobs, the last first; yield a test whether it still does."""
    with contextlib.ExitStack() as stack:
        process = None
        if len(names) > 1 and _can_have_helper():
            try:
                said = stack.enter_context(tempfile.TemporaryFile())
                process = _start(names[::-1], said)
            except OSError:
                _log.debug("No second process can be started.", exc_info=True)
        if process is None:
            yield lambda: False
            return
        try:
            yield lambda: process.poll() is None
        finally:
            code = process.poll()
            process.kill()
            process.communicate()
        if code:
            said.seek(0)
            lines = said.read().decode(errors="replace").split("\n")
            _log.warning(
                "A second process that compiles kernels failed, and this one did its work: %s",
                next(filter(None, reversed(lines)), f"exit code {code}"),
            )


def _can_have_helper() -> bool:
    # An application with Python inside may name itself as `sys.executable`.
    is_python = os.path.basename(sys.executable or "").lower().startswith("python")
    if hasattr(os, "sched_getaffinity"):
        n_cores = len(os.sched_getaffinity(0))
    else:
        n_cores = os.cpu_count() or 1
    return is_python and not getattr(sys, "frozen", False) and n_cores > 1 and bool(_cache.CACHE)


def _start(names: Sequence[str], said: IO[bytes]) -> subprocess.Popen:
    assert _cache.CACHE is not None
    return subprocess.Popen(
        # -P: without it, a file of the working directory could replace a module.
        [sys.executable, "-P", "-c", _HELPER, "\n".join(sys.path), *names],
        env=os.environ | {"NUMBA_CACHE_DIR": str(_cache.CACHE.parent)},
        # The pipe closes when this process ends, however it ends.
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=said,
        # Ctrl-C reaches this process alone, which then ends the other.
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def _end_with_stdin() -> None:
    # Not sys.stdin, whose lock this thread would still hold when the interpreter shuts down.
    os.read(0, 1)
    os._exit(1)
