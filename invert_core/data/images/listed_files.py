"""Images whose paths are listed in a table."""

import errno
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from invert_core.data.images.image_files import ImageFiles, Read, Stamps, read_file
from invert_core.errors import DataError, MissingFileError
from invert_core.tables.columns import read_column
from invert_core.values import as_sample_id
from invert_core.wording import counted, first_few

COLUMNS = ("path", "image", "file", "filename")

_LONGEST = 4096
"""The most characters of a path: no system takes more, and checking longer ones is slow."""


class ListedFiles(ImageFiles):
    """The images whose paths a table lists, in the order of the table.

    The sample ids come from the table, or are the paths as they are written there.

    Parameters
    ----------
    path : Path
        The table.
    column : str, optional
        The column of paths; by default the first of `COLUMNS` that exists.
    id_column : str, optional
        The column of sample ids; by default ``sample_id``, if it exists.
    root : Path, optional
        The folder that the paths start from and must not leave; by default the folder of the
        table.
    follow_links : bool
        Whether symbolic links below the root may lead out of it.
    """

    def __init__(
        self,
        path: Path,
        *,
        column: str | None = None,
        id_column: str | None = None,
        root: Path | None = None,
        follow_links: bool = False,
    ):
        table = read_column(path, column, COLUMNS, id_column)
        self.where = f"the table {str(path)!r}"
        self._check_length(table.values)
        ids = table.sample_id or as_sample_id(table.values, repr(str(path)))
        self._written = dict(zip(ids, table.values, strict=True))
        self._root = path.parent if root is None else root
        if not self._root.is_dir():
            raise MissingFileError(f"There is no folder {str(self._root)!r}.", "Check the root.")
        self.columns = table.titles | {"root": str(self._root.absolute())}
        self._check_root(os.path.abspath if follow_links else os.path.realpath)
        self._check_paths()
        self._stamps = Stamps(self._path(name) for name in ids)
        self.sizes = {name: self._path(name).stat().st_size for name in ids}

    def identity(self, name: str) -> list[Any]:
        """Id and size, and the path as written if it is not the id."""
        path = self._written[name]
        return super().identity(name) + ([] if path == name else [path])

    @contextmanager
    def opened(self) -> Iterator[Read]:
        """Open the images for reading; see `ImageFiles.opened`."""
        yield lambda name: self._stamps.checked(self._path(name), read_file)

    def _path(self, name: str) -> Path:
        return self._root / self._written[name]

    def _check_length(self, paths: Sequence[str]) -> None:
        too_long = [path for path in paths if len(path) > _LONGEST]
        if too_long:
            raise DataError(
                f"{counted(len(too_long), 'path')} in {self.where} {_verb(too_long, 'takes')} more "
                f"than {_LONGEST:,} characters.",
                "Name the column that holds the paths with --column.",
            )

    def _check_root(self, place: Callable[[Path], str]) -> None:
        """Refuse paths out of the root; `place` follows links, or takes the paths as written."""
        root = place(self._root)
        leaving = [
            path
            for path in self._written.values()
            if not Path(place(self._root / path)).is_relative_to(root)
        ]
        if leaving:
            raise DataError(
                f"{counted(len(leaving), 'path')} in {self.where} {_verb(leaving, 'leads')} out of "
                f"{str(self._root)!r}: {first_few(leaving)}.",
                "Name the folder that all images are in with --root; if links lead out of it, "
                "follow them with --follow-links.",
            )

    def _check_paths(self) -> None:
        paths = tuple(self._written.values())
        missing = [path for path in paths if not _is_file(self._root / path)]
        if missing:
            raise MissingFileError(
                f"{counted(len(missing), 'file')} of {self.where} {_verb(missing, 'is')} not in "
                f"{str(self._root)!r}: {first_few(missing)}.",
                "Name the folder that the paths start from with --root.",
            )
        times = Counter(os.path.normpath(path) for path in paths)
        repeated = [path for path, count in times.items() if count > 1]
        if repeated:
            raise DataError(
                f"{counted(len(repeated), 'path')} in {self.where} {_verb(repeated, 'appears')} "
                f"more than once: {first_few(repeated)}.",
                "List every image once.",
            )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        return False


def _verb(subjects: Sequence[str], singular: str) -> str:
    if len(subjects) == 1:
        return singular
    return "are" if singular == "is" else singular.removesuffix("s")
