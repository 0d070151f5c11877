"""The kinds of sources, and the choice of a reader."""

from collections.abc import Sequence
from pathlib import Path

from invert_core.concepts.concept_set import ConceptSet
from invert_core.concepts.hdf5_file import read_hdf5
from invert_core.concepts.sources.arrays import read_arrays
from invert_core.concepts.sources.source import Reading, SourceFormat, by_suffix
from invert_core.concepts.sources.tables import read_table
from invert_core.errors import DataError, FileFormatError, MissingFileError, SettingError
from invert_core.tables.formats import SUFFIXES as TABLES

FORMATS = (
    SourceFormat(
        f"a table ({', '.join(TABLES)})",
        by_suffix(*TABLES),
        read_table,
        frozenset({"id_column", "tags", "separator", "classes", "bins", "thresholds"}),
    ),
    SourceFormat("arrays (.npz)", by_suffix(".npz"), lambda path, _: read_arrays(path)),
    SourceFormat(
        "a concept file (.h5, .hdf5)", by_suffix(".h5", ".hdf5"), lambda path, _: read_hdf5(path)
    ),
)
"""The first that matches reads a source."""

OPTIONS = {
    "id_column": "--id-column",
    "tags": "--tags",
    "separator": "--separator",
    "classes": "--classes",
    "bins": "--bin",
    "thresholds": "--threshold",
    "supercategories": "--supercategories",
    "min_area": "--min-area",
}
"""What a field of `Reading` is called on the command line."""


def read_sources(paths: Sequence[Path], reading: Reading) -> list[ConceptSet]:
    """Read every source.

    Raises
    ------
    SettingError
        `reading` says something that none of the sources knows.
    MissingFileError, FileFormatError, DataError
        As `build_concepts`.
    """
    formats = [_format_of(path) for path in paths]
    known = frozenset().union(*(found.knows for found in formats))
    for field in sorted(reading.told - known):
        follow = [found.what for found in FORMATS if field in found.knows]
        raise SettingError(
            f"No source follows {OPTIONS[field]}.", f"It is for {' or '.join(follow)}."
        )
    return [_read(path, found, reading) for path, found in zip(paths, formats, strict=True)]


def _format_of(path: Path) -> SourceFormat:
    for found in FORMATS:
        if found.matches(path):
            return found
    if not path.exists():
        raise MissingFileError(f"There is no file or folder {str(path)!r}.", "Check the path.")
    raise FileFormatError(
        f"{str(path)!r} is not a known kind of source of concepts.",
        f"Give {', or '.join(found.what for found in FORMATS)}.",
    )


def _read(path: Path, found: SourceFormat, reading: Reading) -> ConceptSet:
    try:
        return found.read(path, reading)
    except DataError as error:
        if str(path) not in str(error):
            error.add_note(f"This is in {str(path)!r}.")
        raise
