"""Writes output whole or not at all: beside its target, then moved into place."""

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from invert_core.errors import ExistingOutputError, MissingFileError, StorageError

_NO_SYNC_OF_FOLDERS = (errno.EINVAL, errno.ENOTSUP)
"""Errors of file systems that cannot sync a folder, such as some in user space or on a network."""


def check_target(path: Path, *, overwrite: bool, option: str = "-o") -> None:
    """Raise before any work is done if `path`, given as `option`, cannot become the output."""
    if not path.parent.is_dir():
        raise MissingFileError(
            f"The folder {str(path.parent)!r} for the output {path.name!r} does not exist.",
            f"Create it, or choose another output with {option}.",
        )
    with storage_errors(path, option):
        exists = os.path.lexists(path)  # a broken link takes the name, too
    if exists and not overwrite:
        raise ExistingOutputError(
            f"The output {str(path)!r} exists.",
            f"Choose another with {option}, or replace it with --overwrite.",
        )


def check_folder(path: Path, *, marker: str, overwrite: bool) -> None:
    """Raise before any work is done if `path` cannot become the output folder.

    An existing folder is replaced only if it holds a file called `marker`, or nothing at all: a
    wrong name after ``-o`` must not delete other data.
    """
    check_target(path, overwrite=overwrite)
    with storage_errors(path):
        fits = _is_free(path) or (
            path.is_dir() and ((path / marker).is_file() or not any(path.iterdir()))
        )
    if not fits:
        raise ExistingOutputError(
            f"The output {str(path)!r} exists and is not a folder with a {marker}.",
            "Choose another output with -o: only such a folder can be replaced.",
        )


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


@contextlib.contextmanager
def new_file(path: Path, *, overwrite: bool = False, option: str = "-o") -> Iterator[Path]:
    """Yield a path to write to; it becomes `path` if the block succeeds and is removed if not.

    The block must only write: any OSError in it is reported as an error of writing.
    """
    check_target(path, overwrite=overwrite, option=option)
    partial = _beside(path)
    with storage_errors(path, option):
        if path.is_dir():
            raise ExistingOutputError(
                f"The output {str(path)!r} is a folder.",
                f"Choose the name of a file with {option}.",
            )
        try:
            yield partial
            if overwrite:
                move_into_place(partial, path)
            else:
                _move_to_free_place(partial, path, option)
        finally:
            partial.unlink(missing_ok=True)


def move_into_place(partial: Path, path: Path) -> None:
    """Give a complete file its final name, so that it survives a loss of power."""
    _sync_file(partial)
    os.replace(partial, path)
    _sync_folder(path.parent)


@contextlib.contextmanager
def new_folder(path: Path, *, marker: str, overwrite: bool = False) -> Iterator[Path]:
    """Yield a folder to fill; it becomes `path` if the block succeeds and is removed if not.

    The folder is made at once, so that a place that cannot be written to fails before the work.
    A loss of power leaves either the old folder or the new one. `check_folder` runs before the
    block and again after it. The caller guards its own writes with `storage_errors`.
    """
    check_folder(path, marker=marker, overwrite=overwrite)
    with storage_errors(path):
        place = path.resolve()  # a link stays one, and "." has a name
        partial = _beside(place)
    try:
        with storage_errors(path):
            partial.mkdir()
        yield partial
        move_folder_into_place(partial, path, marker=marker, overwrite=overwrite)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def move_folder_into_place(partial: Path, path: Path, *, marker: str, overwrite: bool) -> None:
    """Give a complete folder its final name, so that it survives a loss of power."""
    with storage_errors(path):
        for where, _, files in os.walk(partial, topdown=False):
            for name in files:
                _sync_file(Path(where, name))
            _sync_folder(Path(where))
        check_folder(path, marker=marker, overwrite=overwrite)
        place = path.resolve()
        old = _beside(place, "old")
        if place.exists():
            _swap(partial, place, old)
        else:
            os.replace(partial, place)
        _sync_folder(place.parent)
    try:
        shutil.rmtree(old, ignore_errors=True)
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(f"{str(path)!r} was written; the old one is left in {str(old)!r}.")
        raise


def _is_free(path: Path) -> bool:
    """Return whether nothing is there; a link to itself raises an OSError."""
    try:
        path.stat()
    except FileNotFoundError:
        return True
    return False


def _beside(path: Path, kind: str = "partial") -> Path:
    return path.with_name(f".invert-{secrets.token_hex(4)}.{kind}")


def _move_to_free_place(partial: Path, path: Path, option: str) -> None:
    """Give a complete file a name that must still be free."""
    _sync_file(partial)
    try:
        os.link(partial, path)
    except OSError as error:
        if not isinstance(error, FileExistsError) and not os.path.lexists(path):
            os.replace(partial, path)  # the file system knows no hard links
            return
        raise ExistingOutputError(
            f"The output {str(path)!r} has appeared in the meantime.",
            f"Choose another with {option}, or replace it with --overwrite.",
        ) from error
    _sync_folder(path.parent)


def _swap(partial: Path, place: Path, old: Path) -> None:
    os.replace(place, old)
    try:
        os.replace(partial, place)
    except BaseException:
        os.replace(old, place)
        raise


def _sync_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    if os.name != "posix":
        return  # other systems do not open folders
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in _NO_SYNC_OF_FOLDERS:
            raise
    finally:
        os.close(folder)
