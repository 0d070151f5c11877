"""Which place an output takes, and what may be replaced there.

An output that is a symbolic link is followed: what it leads to is replaced, and the link stays. A
link that leads nowhere is refused.
"""

import os
import stat
from collections.abc import Callable, Container
from pathlib import Path

from invert_core.errors import ExistingOutputError, MissingFileError
from invert_core.files.leftovers import clear_leftovers
from invert_core.files.storage import storage_errors

Refuse = Callable[[Path], None]
"""Raises an ExistingOutputError if what lies at a path is not ours, so that it is not replaced."""


def output_place(path: Path) -> Path:
    """Return the path of an output so that it has a name and is not a link."""
    if path.name not in ("", "..") and not path.is_symlink():
        return path
    place = Path(os.path.realpath(path))
    if not place.name:
        raise ExistingOutputError(
            f"The output {str(path)!r} is the root of the file system.",
            "Choose another output with -o.",
        )
    return place


def check_target(
    path: Path, *, overwrite: bool, option: str = "-o", refuse: Refuse | None = None
) -> None:
    """Raise before any work is done if `path`, given as `option`, cannot become the output file.

    Nothing but a plain file is ever replaced, and only if `refuse` lets it pass, unless it is
    empty. What a killed run has left beside the output is cleared first.
    """
    _clear(path, option)
    check_target_again(path, overwrite=overwrite, option=option, refuse=refuse)


def check_target_again(
    path: Path, *, overwrite: bool, option: str = "-o", refuse: Refuse | None = None
) -> None:
    """Check as `check_target` does, after the work and with the output locked."""
    place = output_place(path)
    with storage_errors(path, option):
        if not place.exists():
            return
        found = place.stat()
        if stat.S_ISDIR(found.st_mode):
            raise ExistingOutputError(
                f"The output {str(path)!r} is a folder.",
                f"Choose the name of a file with {option}.",
            )
        if not stat.S_ISREG(found.st_mode):
            raise not_replaced(path, "is not a plain file", option)
        if refuse is not None and found.st_size:
            refuse(place)
    if not overwrite:
        raise _exists(path, option)


def check_folder(path: Path, *, overwrite: bool, refuse: Refuse) -> None:
    """Raise before any work is done if `path` cannot become the output folder.

    An existing folder is replaced only if `refuse` lets it pass, or if it is empty: a wrong name
    after ``-o`` must not delete other data. What a killed run has left beside it is cleared first.
    """
    _clear(path, "-o")
    check_folder_again(path, overwrite=overwrite, refuse=refuse)


def check_folder_again(path: Path, *, overwrite: bool, refuse: Refuse) -> None:
    """Check as `check_folder` does, after the work and with the output locked."""
    place = output_place(path)
    with storage_errors(path):
        if not place.exists():
            return
        if not place.is_dir():
            raise not_replaced(path, "is not a folder")
        if any(place.iterdir()):
            refuse(place)
    if not overwrite:
        raise _exists(path, "-o")


_OF_FILE_MANAGERS = (".DS_Store", "Thumbs.db", "desktop.ini")
"""Files that are made by looking at a folder."""


def refuse_foreign(folder: Path, marker: str, own: Container[str], whole: str) -> None:
    """Refuse a folder that lacks the file `marker` or holds anything but the plain files `own`."""
    if not is_plain_file(folder / marker):
        raise not_replaced(folder, f"is not a folder with a {marker}")
    for path in sorted(folder.iterdir()):
        if (path.name not in _OF_FILE_MANAGERS and path.name not in own) or not is_plain_file(path):
            raise not_replaced(folder, f"holds {path.name!r}, which is not part of {whole}")


def not_replaced(path: Path, why: str, option: str = "-o") -> ExistingOutputError:
    """Return the error for an output that exists and is not ours."""
    return ExistingOutputError(
        f"The output {str(path)!r} exists and {why}.",
        f"Choose another output with {option}, or move away what is not to be lost.",
    )


def is_plain_file(path: Path) -> bool:
    """Return whether a path is a file and neither a link, a device nor a pipe."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def refuse_link(path: Path) -> None:
    """Refuse to go on with an unfinished file that is a link or no plain file."""
    if os.path.lexists(path) and not is_plain_file(path):
        kind = "a symbolic link" if path.is_symlink() else "not a plain file"
        raise ExistingOutputError(
            f"{str(path)!r} is {kind}, so it is not an unfinished file.",
            "Move it away, or choose another output with -o.",
        )


def _clear(path: Path, option: str) -> None:
    """Refuse a link that leads nowhere and a folder that is not there; clear what a kill left."""
    with storage_errors(path, option):
        if path.is_symlink() and not os.path.exists(path):
            raise ExistingOutputError(
                f"The output {str(path)!r} exists and is a link that leads nowhere.",
                f"Remove it, or choose another output with {option}.",
            )
        if not path.parent.is_dir():
            raise MissingFileError(
                f"The folder {str(path.parent)!r} for the output {path.name!r} does not exist.",
                f"Create it, or choose another output with {option}.",
            )
        clear_leftovers(output_place(path))


def _exists(path: Path, option: str) -> ExistingOutputError:
    return ExistingOutputError(
        f"The output {str(path)!r} exists.",
        f"Choose another with {option}, or replace it with --overwrite.",
    )
