"""Finds the files of one kind below a folder; their relative paths are the sample ids."""

import logging
import os
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from invert_core.errors import DataError, MissingFileError
from invert_core.wording import counted

_log = logging.getLogger("invert")
LEAVES = "link to elsewhere"


@dataclass(frozen=True)
class Found:
    """The wanted files of a folder by path, and the number of ignored files by suffix."""

    names: tuple[str, ...]
    ignored: Counter[str]


def find_files(folder: Path, suffixes: Collection[str]) -> Found:
    """Find files by suffix below a folder.

    Hidden files and folders are skipped, links to folders are not followed, and links to files
    outside the folder are ignored.

    Parameters
    ----------
    folder : Path
    suffixes : collection of str
        Suffixes in lower case, with the dot.

    Returns
    -------
    Found
        Its paths are sorted, relative to the folder, and written with slashes.
    """
    if not folder.is_dir():
        raise MissingFileError(f"There is no folder {str(folder)!r}.", "Check the path.")
    names: list[str] = []
    ignored: Counter[str] = Counter()
    root = os.path.realpath(folder)
    for parent, folders, files in os.walk(folder, onerror=_refuse_folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(parent, name) for name in files if not name.startswith(".")):
            if path.suffix.lower() not in suffixes:
                ignored[path.suffix or path.name] += 1
            elif path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(root):
                ignored[LEAVES] += 1
            else:
                names.append(path.relative_to(folder).as_posix())
    return Found(tuple(sorted(names)), ignored)


def log_ignored(what: str, where: str, ignored: Counter[str]) -> None:
    """Log how many files were ignored because they are not `what`, if any were."""
    if ignored:
        kinds = ", ".join(f"{count} {kind}" for kind, count in ignored.most_common(5))
        _log.info(
            "Only %s are read from %s; ignored %s: %s",
            what,
            where,
            counted(ignored.total(), "file"),
            kinds,
        )


def _refuse_folder(error: OSError) -> None:
    raise DataError(
        f"The folder {str(error.filename)!r} cannot be listed: {error.strerror}.",
        "Change its rights, or move it away if its files are not wanted.",
    ) from error
