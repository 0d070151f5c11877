"""Turns errors of the system about writing a file into sentences."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from invert_core.errors import ExistingOutputError, MissingFileError, StorageError


@contextlib.contextmanager
def storage_errors(path: Path, option: str = "-o") -> Iterator[None]:
    """Turn a system error about writing `path` into a StorageError with a hint."""
    try:
        yield
    except (ExistingOutputError, MissingFileError, StorageError):
        raise
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise StorageError(
            f"Cannot write {str(path)!r}: {reason}.",
            f"Free space there or choose another output with {option}.",
        ) from error
