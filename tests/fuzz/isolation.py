"""Runs one case in a process of its own, which may hang, crash or eat memory."""

import contextlib
import faulthandler
import hashlib
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from invert_core.errors import InvertError

SECONDS = 10.0
BYTES = 2**31
"""The most memory that a case may claim beyond what its parent process has."""
_FILE_BYTES = 2**28
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_PATH_EVENTS = {"os.rename": 2, "os.remove": 1, "os.rmdir": 1, "os.mkdir": 1, "os.truncate": 1}
"""Events that change a path, and how many of their arguments are paths."""


@dataclass(frozen=True)
class Outcome:
    """How a case ended.

    `kind` is "read", "refused", "traceback", "unforeseen", "writes", "memory", "hang" or "signal".
    """

    kind: str
    detail: str = ""
    value: str = ""


def digest(value: Any) -> str:
    """SHA-256 of a nest of arrays, bytes and what has a `repr`."""
    return hashlib.sha256(_bytes(value)).hexdigest()


def _bytes(value: Any) -> bytes:
    if isinstance(value, dict):
        value = list(value.items())
    if isinstance(value, list | tuple):
        parts = [_bytes(each) for each in value]
        return b"".join(len(part).to_bytes(8) + part for part in parts)
    if isinstance(value, np.ndarray):
        return repr((value.shape, value.dtype.str)).encode() + value.tobytes()
    return value if isinstance(value, bytes) else repr(value).encode(errors="surrogatepass")


def run_apart(
    use: Callable[[Path], Any],
    folder: Path,
    *,
    seconds: float = SECONDS,
    n_bytes: int = BYTES,
    is_watched: bool = True,
) -> Outcome:
    """Call `use` with a folder in a child process, within limits.

    A child that is not watched may compile kernels, and keep them.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _be_child(use, folder, writing, n_bytes if is_watched else None)
    os.close(writing)
    try:
        told = _told(reading, time.monotonic() + seconds)
    finally:
        os.close(reading)
        # The child leads a group, so its own workers end with it.
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if told is None:
        return Outcome("hang", f"more than {seconds:g} s")
    if told:
        return Outcome(**json.loads(told))
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
    name = (
        signal.Signals(number).name if number else f"exit code {os.waitstatus_to_exitcode(status)}"
    )
    return Outcome("signal", name)


def _told(reading: int, deadline: float) -> bytes | None:
    """What the child writes before it closes its pipe, or None if it does not do so in time."""
    parts = []
    while (left := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select([reading], [], [], left)
        if ready:
            part = os.read(reading, 2**16)
            if not part:
                return b"".join(parts)
            parts.append(part)
    return None


def _be_child(use: Callable[[Path], Any], folder: Path, writing: int, n_bytes: int | None) -> None:
    """Run the case, tell how it ended, and leave."""
    try:
        os.setsid()
        faulthandler.disable()  # the parent tells of a crash
        os.chdir(folder)
        os.environ["XDG_CACHE_HOME"] = str(folder / "caches")  # null distributions are kept there
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        outside: list[str] = []
        if n_bytes is not None:
            _set_limits(n_bytes)
            outside = _watch_writes(folder)
        outcome = _outcome(use, folder)
        if outside:
            outcome = Outcome("writes", f"outside of the folder: {outside[0]}")
        told = json.dumps(vars(outcome)).encode()
        while told:
            told = told[os.write(writing, told) :]
    finally:
        os._exit(0)


def _set_limits(n_bytes: int) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + n_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_BYTES, _FILE_BYTES))


def _watch_writes(folder: Path) -> list[str]:
    """Note each change of a path outside of the folder; it cannot be undone in this process."""
    outside: list[str] = []
    root = os.path.realpath(folder) + os.sep

    def note(event: str, arguments: tuple) -> None:
        if event == "open":
            path, _, flags = arguments
            paths = [path] if isinstance(flags, int) and flags & _WRITES else []
        else:
            paths = list(arguments[: _PATH_EVENTS.get(event, 0)])
        for path in paths:
            if isinstance(path, str | bytes):
                place = os.path.realpath(os.fsdecode(path))
                if not (place + os.sep).startswith(root) and place != os.devnull:
                    outside.append(f"{event} {place}")

    sys.addaudithook(note)
    return outside


def _outcome(use: Callable[[Path], Any], folder: Path) -> Outcome:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Outcome("read", value=digest(use(folder)))
    except InvertError as error:
        if not error.message or not error.hint:
            return Outcome("unforeseen", f"no sentence with a hint: {error}")
        return Outcome("refused", str(error))
    except MemoryError as error:
        return Outcome("memory", _where(error))
    except BaseException as error:
        is_foreseen = "Something unexpected" not in str(error)
        return Outcome("traceback" if is_foreseen else "unforeseen", _where(error))


def _where(error: BaseException) -> str:
    """The error, and the last place in this project that led to it."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename] or frames
    place = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "?"
    return f"{type(error).__name__} at {place}: {str(error)[:150]}"
