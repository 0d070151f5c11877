"""Null distributions on disk, so that a later run of the same search need not compute them."""

import contextlib
import hashlib
import logging
import os
import sys
from pathlib import Path

import numpy as np

from invert_core.nulls.nodes import Node

_log = logging.getLogger("invert")

_MOST_BYTES = 2**28
"""The most bytes of all files; the oldest are removed first."""
_MOST_FILES = 4_000
_DIGEST = hashlib.sha256().digest_size


class Kept:
    """The null distributions of one search in a folder for all searches of the user.

    Whatever cannot be read or written counts as absent and is computed again: a damaged file, one
    of another search, a full disk, a folder that is read-only.

    Parameters
    ----------
    identity : str or None
        A digest of all that determines the null distributions; None keeps nothing.
    """

    def __init__(self, identity: str | None):
        self._identity = identity

    def read(self, node: Node, shape: tuple[int, int]) -> np.ndarray | None:
        """Return a null distribution, float64 of a shape, or None if there is none."""
        file, content = self._file(node), b""
        n_bytes = _DIGEST + 8 * shape[0] * shape[1]
        with contextlib.suppress(OSError):
            if file is not None and file.is_file() and file.stat().st_size == n_bytes:
                content = file.read_bytes()
        values = content[_DIGEST:]
        if len(content) != n_bytes or self._digest(node, values) != content[:_DIGEST]:
            return None
        null = np.frombuffer(values, "<f8").reshape(shape).astype(np.float64)
        return null if np.isfinite(null).all() else None

    def write(self, node: Node, null: np.ndarray) -> None:
        """Write a null distribution, float64 [P, B], if the folder can be written."""
        file = self._file(node)
        if file is None or null.nbytes > _MOST_BYTES // 4:
            return
        values = null.astype("<f8").tobytes()
        unfinished = file.with_name(f".{os.getpid()}.{file.name}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            _make_room(file.parent)
            unfinished.write_bytes(self._digest(node, values) + values)
            unfinished.replace(file)
        except OSError:
            _log.debug("A null distribution cannot be kept.", exc_info=True)
            with contextlib.suppress(OSError):
                unfinished.unlink()

    def _digest(self, node: Node, values: bytes) -> bytes:
        """Return what a file begins with; it tells whose values these are."""
        return hashlib.sha256(self._name(node).encode() + values).digest()

    def _name(self, node: Node) -> str:
        return f"{self._identity}-{node.n_untied}-{node.is_highest:d}{node.is_of_highest:d}:"

    def _file(self, node: Node) -> Path | None:
        folder = _folder()
        if self._identity is None or folder is None:
            return None
        return folder / hashlib.sha256(self._name(node).encode()).hexdigest()


def _folder() -> Path | None:
    """Return the folder for null distributions among the user's caches."""
    users = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    place = Path(users or os.path.expanduser("~/.cache"))
    return place / "invert" / "nulls" if place.is_absolute() else None


def _make_room(folder: Path) -> None:
    """Remove the oldest files, down to half of what may be there, if there are too many."""
    with os.scandir(folder) as entries:
        found = [
            (entry.stat().st_mtime, entry.stat().st_size, entry.path)
            for entry in entries
            if entry.is_file()
        ]
    n_bytes, n_files = sum(size for _, size, _ in found), len(found)
    if n_bytes <= _MOST_BYTES and n_files < _MOST_FILES:
        return
    for _, size, path in sorted(found):
        if n_bytes <= _MOST_BYTES // 2 and n_files <= _MOST_FILES // 2:
            break
        os.unlink(path)
        n_bytes, n_files = n_bytes - size, n_files - 1
