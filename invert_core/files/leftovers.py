"""Names of what is only there while an output is written, and what becomes of it after a kill."""

import contextlib
import hashlib
import logging
import os
import re
import secrets
import shutil
from pathlib import Path

from invert_core.errors import StorageError
from invert_core.files.write_lock import WriteLock, lock_place

_log = logging.getLogger("invert")

_NAME_LIMIT = 255
_TAIL = re.compile(r"\.[0-9a-f]{8}\.(partial|old)")


def beside(place: Path, kind: str) -> Path:
    """Return a new name beside an output, for its unfinished "partial" or for the "old" one."""
    return place.with_name(f"{_stem(place)}.{secrets.token_hex(4)}.{kind}")


def clear_leftovers(place: Path) -> None:
    """Remove what a killed run has left beside an output, or bring its old folder back.

    A lock that nobody holds goes, too. Nothing is touched while another process writes this output.
    """
    if not _leftovers(place) and not os.path.lexists(lock_place(place)):
        return
    with contextlib.ExitStack() as stack:
        try:
            lock = WriteLock(place)
        except StorageError:
            return
        stack.callback(lock.release)
        # The newest first: of several old folders it is the one that was moved away last.
        for path in sorted(_leftovers(place), key=_time_of_change, reverse=True):
            try:
                _clear(path, place)
            except OSError as error:
                _log.warning(
                    "%r, which a killed run has left, cannot be cleared away: %s.",
                    str(path),
                    error.strerror or error,
                )


def _leftovers(place: Path) -> list[Path]:
    stem = _stem(place)
    try:
        names = os.listdir(place.parent)
    except PermissionError:  # a folder may be writable but not readable
        return []
    return [
        place.with_name(name)
        for name in names
        if name.startswith(stem) and _TAIL.fullmatch(name, len(stem))
    ]


def _time_of_change(path: Path) -> int:
    try:
        return path.lstat().st_mtime_ns
    except FileNotFoundError:  # cleared by another process where the system has no locks
        return 0


def _clear(path: Path, place: Path) -> None:
    if path.is_symlink():
        return  # not ours: no link is made here
    if path.suffix == ".old" and not os.path.lexists(place):
        os.replace(path, place)
        _log.warning("%r is back; a killed run had moved it away to replace it.", str(place))
    elif path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _stem(place: Path) -> str:
    longest = f".{place.name}.12345678.partial"
    if len(os.fsencode(longest)) <= _NAME_LIMIT:
        return f".{place.name}"
    return f".invert-{hashlib.sha256(os.fsencode(place.name)).hexdigest()[:16]}"
