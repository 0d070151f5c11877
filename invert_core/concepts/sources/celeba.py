"""Reads CelebA's list of attributes in the form that its authors publish."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.concepts.sets.missing import NOTHING_GIVEN
from invert_core.concepts.sources.source import Reading
from invert_core.concepts.sources.tables.wide import read_wide
from invert_core.errors import DataError, FileFormatError
from invert_core.files.text_files import read_lines
from invert_core.tables.cells import excerpt
from invert_core.tables.table import Table
from invert_core.values import is_count

_HINT = (
    "The file list_attr_celeba.txt holds the number of images, then a line with the names of the "
    "attributes, then a line for each image: its file name, and 1 or -1 for each attribute."
)
_KEY = "file name"  # not the name of an attribute, which holds no blank
_MARK_OF = {"1": "1", "-1": "0"}


def read_celeba(path: Path, reading: Reading) -> ConceptSet:
    """Read which attributes each image has; -1 means that it lacks them.

    Samples are the file names, and concepts the attributes, both in the order of the file. A file
    with more or fewer images than its first line says is refused.
    """
    lines = read_lines(path)
    count, attributes = (next(lines, (0, ""))[1].split() for _ in range(2))
    if len(count) != 1 or not is_count(count[0]) or not attributes:
        raise FileFormatError(f"{str(path)!r} does not begin like a list of CelebA.", _HINT)

    def rows(
        chosen: Sequence[str], *, whole: bool = False
    ) -> Iterator[tuple[int, Sequence[object]]]:
        return _rows(path, lines, len(attributes), int(count[0]))

    table = Table((_KEY, *attributes), rows, lambda line: f"{str(path)!r}, line {line}")
    return read_wide(path, table, _KEY, replace(reading, id_column=_KEY), NOTHING_GIVEN)


def _rows(
    path: Path, lines: Iterator[tuple[int, str]], n_attributes: int, n_images: int
) -> Iterator[tuple[int, Sequence[object]]]:
    """Yield the file name and the attributes of each image; -1 becomes 0."""
    n_found = 0
    for number, line in lines:
        image, *cells = line.split() or [""]
        if not image:
            continue
        if len(cells) != n_attributes:
            raise FileFormatError(
                f"{str(path)!r}, line {number}: {len(cells)} values of {n_attributes} attributes.",
                _HINT,
            )
        try:
            yield number, [image, *map(_MARK_OF.__getitem__, cells)]
        except KeyError as error:
            raise DataError(
                f"{str(path)!r}, line {number}: {excerpt(error.args[0])} is neither 1 nor -1.",
                _HINT,
            ) from None
        n_found += 1
    if n_found != n_images:
        raise FileFormatError(
            f"{str(path)!r} lists {n_found:,} images, but its first line says {n_images:,}.",
            "It may be cut off; get it again, or correct the first line.",
        )
