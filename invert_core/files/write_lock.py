"""A lock for one writer at a time, which the system releases when the process ends."""

import contextlib
import errno
import os
import sys
import weakref
from pathlib import Path

from invert_core.errors import StorageError
from invert_core.files.atomic import storage_errors

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_NOT_SUPPORTED = (errno.ENOSYS, errno.ENOTSUP)


class WriteLock:
    """Keeps other processes from writing `path`, from now until `release` is called.

    The lock is on the file ``.<name>.lock`` beside `path`, which is removed with it. If the file
    system does not support locks, there is none, as in HDF5.
    """

    def __init__(self, path: Path):
        place = path.with_name(f".{path.name}.lock")
        with storage_errors(path):
            file = _opened(place)
            while not _locked(file, place, path):
                file = _opened(place)
        self.release = weakref.finalize(self, _release, file, place)


def clear_lock(path: Path) -> None:
    """Remove the lock that a killed process left; one that is held stays."""
    with contextlib.suppress(StorageError):
        WriteLock(path).release()


def _opened(place: Path) -> int:
    return os.open(place, os.O_RDWR | os.O_CREAT, 0o666)


def _locked(file: int, place: Path, path: Path) -> bool:
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
            "Wait until it has finished, or choose another output with -o.",
        )
    try:
        if os.path.samestat(os.fstat(file), place.stat()):
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
