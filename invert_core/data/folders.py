"""Finds the files of one kind below a folder; their relative paths are the sample ids."""

import functools
import logging
import os
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from invert_core.errors import DataError, MissingFileError
from invert_core.wording import counted, first_few

_log = logging.getLogger("invert")

FOLLOW = "Follow them with --follow-links of `invert extract` and `invert concepts build`."

_MOST_WAYS = 1000
"""The most paths through links to one folder; links to links could multiply them without end."""
_MOST_REPEATS = 5_000
"""The most paths through links to folders that another link had led to, all together."""


@dataclass(frozen=True)
class Found:
    """The files of one kind below a folder.

    Parameters
    ----------
    names : tuple of str
        Their paths, sorted, relative to the folder, and written with slashes.
    ignored : Counter
        The number of other files by suffix.
    links : tuple of str
        The symbolic links that were left out.
    follow_links : bool
        Whether links were followed, so that those left out lead back to a folder above.
    """

    names: tuple[str, ...]
    ignored: Counter[str]
    links: tuple[str, ...]
    follow_links: bool

    def links_left_out(self, where: str) -> str:
        """Say which links were left out, as a sentence; "" if none were."""
        if not self.links:
            return ""
        one = len(self.links) == 1
        back = f"{'leads' if one else 'lead'} back to a folder above and " * self.follow_links
        return (
            f"{counted(len(self.links), 'symbolic link')} in {where} {back}"
            f"{'is' if one else 'are'} not followed: {first_few(self.links)}."
        )


def find_files(folder: Path, suffixes: Collection[str], *, follow_links: bool = False) -> Found:
    """Find files by suffix below a folder; hidden files and folders are skipped.

    Parameters
    ----------
    folder : Path
    suffixes : collection of str
        Suffixes in lower case, with the dot.
    follow_links : bool
        Whether symbolic links are followed wherever they lead. Otherwise links to folders, and
        links to files outside the folder, are left out.
    """
    if not folder.is_dir():
        raise MissingFileError(f"There is no folder {str(folder)!r}.", "Check the path.")
    walk = _Walk(folder, follow_links=follow_links)
    names: list[str] = []
    ignored: Counter[str] = Counter()
    for path in walk.files():
        if path.suffix.lower() not in suffixes:
            ignored[path.suffix or path.name] += 1
        elif walk.may_read(path):
            names.append(walk.name(path))
    return Found(tuple(sorted(names)), ignored, tuple(sorted(walk.links)), follow_links)


class _Walk:
    """One walk through a folder, which notes the links that it leaves out."""

    def __init__(self, folder: Path, *, follow_links: bool):
        self.folder = folder
        self.links: list[str] = []
        self._follow_links = follow_links
        self._real = functools.cache(os.path.realpath)
        self._root = self._real(folder)
        self._ways: Counter[str] = Counter()
        self._repeats = 0

    def name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def files(self) -> Iterator[Path]:
        """Yield all files that are not hidden."""
        for parent, folders, files in os.walk(
            self.folder, onerror=_refuse_folder, followlinks=self._follow_links
        ):
            at = Path(parent)
            folders[:] = [
                name for name in folders if not name.startswith(".") and self._enters(at / name)
            ]
            yield from (at / name for name in files if not name.startswith("."))

    def may_read(self, path: Path) -> bool:
        """Return whether a file is read; a link that is not is noted."""
        if self._follow_links or not path.is_symlink():
            return True
        inside = Path(os.path.realpath(path)).is_relative_to(self._root)
        if not inside:
            self.links.append(self.name(path))
        return inside

    def _enters(self, folder: Path) -> bool:
        if not folder.is_symlink():
            return True
        if not self._follow_links:
            self.links.append(self.name(folder))
            return False
        real = self._real(folder)
        above = [at for at in folder.parents if at == self.folder or self.folder in at.parents]
        if any(Path(self._real(at)).is_relative_to(real) for at in above):
            self.links.append(self.name(folder))
            return False
        self._repeats += real in self._ways
        self._ways[real] += 1
        if self._repeats > _MOST_REPEATS:
            raise DataError(
                f"Links in {str(self.folder)!r} lead more than {_MOST_REPEATS:,} times to folders "
                "that other links lead to.",
                "Remove some of these links, or leave --follow-links out.",
            )
        if self._ways[real] > _MOST_WAYS:
            raise DataError(
                f"Links in {str(self.folder)!r} lead to {real!r} in more than {_MOST_WAYS:,} ways.",
                "Remove some of these links, or leave --follow-links out.",
            )
        return True


def log_left_out(what: str, where: str, found: Found) -> None:
    """Log how many files were ignored because they are not `what`, and warn of links left out."""
    log_ignored(what, where, found.ignored)
    if found.links:
        hint = "" if found.follow_links else f" {FOLLOW}"
        _log.warning("%s%s", found.links_left_out(where), hint)


def with_links_named(error: DataError, where: str, found: Found) -> DataError:
    """Let an error say that links were left out, if that may be why there are no files."""
    if found.links:
        error.message = f"{error.message} {found.links_left_out(where)}"
        error.hint = error.hint if found.follow_links else FOLLOW
    return error


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
