"""Notices input files that change, or are replaced, while they are read."""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from invert_core.errors import ChangedFileError, DataError, FileFormatError

Stamp = tuple[int, int, int, int]
"""Device, inode, size and time of the last change in nanoseconds."""


def stamp_of(path: Path) -> Stamp | None:
    """The stamp of a file; None if there is none, as for pipes and devices."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


class Watched:
    """Files that must stay as they are from now on, until the last `check`."""

    def __init__(self, *paths: Path):
        self._stamps = {path: stamp for path in paths if (stamp := stamp_of(path)) is not None}

    def change(self) -> ChangedFileError | None:
        """The error that names the first file that has changed; None if all are the same."""
        for path, stamp in self._stamps.items():
            now = stamp_of(path)
            if now != stamp:
                return ChangedFileError(
                    f"{str(path)!r} {_what_happened(stamp, now)} while it was read.",
                    "Wait until nothing writes it any more, then start again.",
                )
        return None

    def check(self) -> None:
        """Raise a ChangedFileError if a file has changed."""
        error = self.change()
        if error is not None:
            raise error


@contextlib.contextmanager
def unchanged(*paths: Path) -> Iterator[None]:
    """Refuse what the block reads from files that change meanwhile.

    What a half-written file seems to be is not what it is: if the block finds fault with a file
    that has changed, the change is told instead.
    """
    watched = Watched(*paths)
    try:
        yield
    except (FileFormatError, DataError) as error:
        changed = watched.change()
        if changed is None:
            raise
        for note in getattr(error, "__notes__", ()):
            changed.add_note(note)
        raise changed from error
    watched.check()


def _what_happened(before: Stamp, now: Stamp | None) -> str:
    if now is None:
        return "was moved or removed"
    return "changed" if now[:2] == before[:2] else "was replaced by another file"
