"""Writes output whole or not at all: beside its target, then moved into place."""

import contextlib
import errno
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from invert_core.errors import ExistingOutputError
from invert_core.files.leftovers import beside
from invert_core.files.outputs import (
    Refuse,
    check_folder,
    check_folder_again,
    check_target,
    check_target_again,
    output_place,
)
from invert_core.files.storage import storage_errors
from invert_core.files.write_lock import WriteLock

_log = logging.getLogger("invert")

_NO_SYNC_OF_FOLDERS = (errno.EINVAL, errno.ENOTSUP)
"""Errors of file systems that cannot sync a folder, such as some in user space or on a network."""


@contextlib.contextmanager
def new_file(
    path: Path, *, overwrite: bool = False, option: str = "-o", refuse: Refuse | None = None
) -> Iterator[Path]:
    """Yield a path to write to; it becomes `path` if the block succeeds and is removed if not.

    `check_target` runs before the block and again after it. The block must only write: any OSError
    in it is reported as an error of writing.
    """
    check_target(path, overwrite=overwrite, option=option, refuse=refuse)
    place = output_place(path)
    lock = WriteLock(place, option)
    partial = beside(place, "partial")
    try:
        with storage_errors(path, option):
            yield partial
            if overwrite:
                check_target_again(path, overwrite=True, option=option, refuse=refuse)
                move_into_place(partial, place)
            else:
                _move_to_free_place(partial, place, option)
    finally:
        partial.unlink(missing_ok=True)
        lock.release()


def move_into_place(partial: Path, path: Path) -> None:
    """Give a complete file its final name, so that it survives a loss of power."""
    _sync_file(partial)
    os.replace(partial, path)
    _sync_folder(path.parent)


@contextlib.contextmanager
def new_folder(path: Path, *, overwrite: bool = False, refuse: Refuse) -> Iterator[Path]:
    """Yield a folder to fill; it becomes `path` if the block succeeds and is removed if not.

    The folder is made at once, so that a place that cannot be written to fails before the work.
    A loss of power leaves either the old folder or the new one. `check_folder` runs before the
    block and again after it. The caller guards its own writes with `storage_errors`.
    """
    check_folder(path, overwrite=overwrite, refuse=refuse)
    place = output_place(path)
    lock = WriteLock(place)
    partial = beside(place, "partial")
    try:
        with storage_errors(path):
            partial.mkdir()
        yield partial
        move_folder_into_place(partial, path, overwrite=overwrite, refuse=refuse)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        lock.release()


def move_folder_into_place(partial: Path, path: Path, *, overwrite: bool, refuse: Refuse) -> None:
    """Give a complete folder its final name, so that it survives a loss of power.

    An old folder is moved aside, and removed when the new one is in its place. If a kill comes
    between the two moves, `clear_leftovers` brings the old one back.
    """
    with storage_errors(path):
        for where, _, files in os.walk(partial, topdown=False):
            for name in files:
                _sync_file(Path(where, name))
            _sync_folder(Path(where))
        check_folder_again(path, overwrite=overwrite, refuse=refuse)
        place = output_place(path)
        old = beside(place, "old")
        if place.exists():
            _swap(partial, place, old)
        else:
            os.replace(partial, place)
        _sync_folder(place.parent)
    try:
        shutil.rmtree(old, ignore_errors=True)
    except KeyboardInterrupt as interrupt:
        left = f"; the old one is left in {str(old)!r}" if old.exists() else ""
        interrupt.add_note(f"{str(path)!r} was written{left}.")
        raise
    if old.exists():
        _log.warning("The old one of %r cannot be removed; it is left in %r.", str(path), str(old))


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
