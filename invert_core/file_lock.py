"""A lock between processes, which the system lifts when its owner ends, however it ends."""

import errno
import sys

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_NOT_SUPPORTED = (errno.ENOSYS, errno.ENOTSUP)


def try_lock(file: int) -> bool:
    """Lock an open file until it is closed; false if another process has the lock.

    True also where the file system knows no locks, as in HDF5.

    Raises
    ------
    OSError
        The system refuses for another reason.
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
