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
_DIGEST = hashlib.sha256().digest_size


class Kept:
    """The null distributions of one search in a folder for all searches of the user.

    Whatever cannot be read or written counts as absent and is computed again: a damaged file, a
    full disk, a folder that is read-only.

    Parameters
    ----------
    identity : str or None
        A digest of all that determines the null distributions; None keeps nothing.
    """

    def __init__(self, identity: str | None):
        self._identity = identity

    def read(self, node: Node, shape: tuple[int, int]) -> np.ndarray | None:
        """Return a null distribution, float64 of a shape, or None if there is none."""
        content = b""
        file = self._file(node)
        if file is not None:
            with contextlib.suppress(OSError):
                content = file.read_bytes()
        values = content[_DIGEST:]
        if hashlib.sha256(values).digest() != content[:_DIGEST]:
            return None
        null = np.frombuffer(values, "<f8")
        return null.reshape(shape).astype(np.float64) if null.size == shape[0] * shape[1] else None

    def write(self, node: Node, null: np.ndarray) -> None:
        """Write a null distribution, float64 [P, B], if the folder can be written."""
        file = self._file(node)
        if file is None:
            return
        values = null.astype("<f8").tobytes()
        unfinished = file.with_name(f".{os.getpid()}.{file.name}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(hashlib.sha256(values).digest() + values)
            unfinished.replace(file)
            _remove_oldest(file.parent)
        except OSError:
            _log.debug("A null distribution cannot be kept.", exc_info=True)
            with contextlib.suppress(OSError):
                unfinished.unlink()

    def _file(self, node: Node) -> Path | None:
        folder = _folder()
        if self._identity is None or folder is None:
            return None
        name = f"{self._identity}-{node.n_untied}-{node.is_highest:d}"
        return folder / hashlib.sha256(name.encode()).hexdigest()


def _folder() -> Path | None:
    """Return the folder for null distributions among the user's caches."""
    users = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    place = Path(users or os.path.expanduser("~/.cache"))
    return place / "invert" / "nulls" if place.is_absolute() else None


def _remove_oldest(folder: Path) -> None:
    """Remove the files that were written first until the others are few enough."""
    found = [(one.stat().st_mtime, one.stat().st_size, one) for one in folder.iterdir()]
    left = sum(size for _, size, _ in found)
    for _, size, file in sorted(found):
        if left <= _MOST_BYTES:
            break
        file.unlink(missing_ok=True)
        left -= size
