"""A lock for one writer at a time, which the system releases when the process ends."""

import contextlib
import errno
import hashlib
import os
import stat
import sys
import weakref
from pathlib import Path

from invert_core.errors import ExistingOutputError, StorageError
from invert_core.files.storage import storage_errors

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_NOT_SUPPORTED = (errno.ENOSYS, errno.ENOTSUP)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # Windows has no such flag
_NAME_LIMIT = 255


class WriteLock:
    """Keeps other processes from writing `path`, from now until `release` is called.

    The lock is on the file ``.<name>.lock`` beside `path`, which is removed with it. If the file
    system does not support locks, there is none, as in HDF5. `option` is the one that gave `path`.
    """

    def __init__(self, path: Path, option: str = "-o"):
        place = lock_place(path)
        with storage_errors(path, option):
            file = _opened(place)
            while not _locked(file, place, path, option):
                file = _opened(place)
        self.release = weakref.finalize(self, _release, file, place)


def lock_place(path: Path) -> Path:
    """Return the path of the lock of `path`, whose name may be as long as the system allows."""
    name = f".{path.name}.lock"
    if len(os.fsencode(name)) > _NAME_LIMIT:
        name = f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()}.lock"
    return path.with_name(name)


def _opened(place: Path) -> int:
    try:
        file = os.open(place, os.O_RDWR | os.O_CREAT | _NO_LINK, 0o666)
    except OSError as error:
        if place.is_symlink():
            raise _not_a_lock(place) from error
        raise
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise _not_a_lock(place)
    return file


def _not_a_lock(place: Path) -> ExistingOutputError:
    return ExistingOutputError(
        f"The lock {str(place)!r} is a link, or not a plain file.", "Remove it."
    )


def _locked(file: int, place: Path, path: Path, option: str) -> bool:
    """Lock an open file; close it and return false if its last owner has removed it."""
    try:
        free = try_lock(file)
    except OSError:
        os.close(file)
        raise
    if not free:
        os.close(file)
        raise StorageError(
            f"Another process is writing {str(path)!r}.",
            f"Wait until it has finished, or choose another output with {option}.",
        )
    try:
        if os.path.samestat(os.fstat(file), place.lstat()):
            return True
    except FileNotFoundError:
        pass
    os.close(file)
    return False


def _release(file: int, place: Path) -> None:
    # Remove the file before unlocking it, so that nobody locks a file that is about to go. Windows
    # cannot remove an open file. A file that stays does no harm.
    if sys.platform == "win32":
        os.close(file)
    with contextlib.suppress(OSError):
        place.unlink()
    if sys.platform != "win32":
        os.close(file)


def try_lock(file: int) -> bool:
    """Lock an open file until it is closed; false if another process has the lock.

    Also true if the file system does not support locks, as in HDF5.
    """
    try:
        if sys.platform == "win32":
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        if error.errno not in _NOT_SUPPORTED:
            raise
    return True
