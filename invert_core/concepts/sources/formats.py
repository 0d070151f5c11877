"""Lists the kinds of sources, and chooses the reader for each."""

import itertools
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from invert_core.concepts.hdf5_file import read_hdf5
from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.concepts.sets.missing import Missing, resolve_absent
from invert_core.concepts.sources.annotations.coco import read_coco
from invert_core.concepts.sources.annotations.voc import is_voc, read_voc
from invert_core.concepts.sources.arrays import read_arrays
from invert_core.concepts.sources.celeba import read_celeba
from invert_core.concepts.sources.class_folders import read_class_folders
from invert_core.concepts.sources.edges import Edges, read_edges
from invert_core.concepts.sources.open_images import is_open_images, read_open_images
from invert_core.concepts.sources.source import Reading, SourceFormat, by_suffix
from invert_core.concepts.sources.tables.reading import LONG_COLUMN, read_table, titles_of
from invert_core.errors import (
    DataError,
    FileFormatError,
    MissingFileError,
    SettingError,
    UnknownNameError,
)
from invert_core.tables.formats import SUFFIXES as TABLES
from invert_core.values import is_pattern, pattern_rule
from invert_core.wording import first_few, nearest


def _read_class_folders(path: Path, reading: Reading, missing: Missing) -> ConceptSet:
    found = read_class_folders(path, follow_links=reading.follow_links)
    return resolve_absent(found, found, missing)


def _read_open_images(path: Path, reading: Reading, missing: Missing) -> ConceptSet:
    found = read_open_images(path, reading)
    return resolve_absent(found, found, missing)


FORMATS = (
    SourceFormat(
        "labels or boxes of Open Images (.csv with ImageID, LabelName, Confidence)",
        is_open_images,
        _read_open_images,
        frozenset({"min_confidence"}),
    ),
    SourceFormat(
        "CelebA's list_attr_celeba.txt",
        by_suffix(".txt"),
        lambda path, reading, _: read_celeba(path, reading),
    ),
    SourceFormat(
        f"a table ({', '.join(TABLES)})",
        by_suffix(*TABLES),
        read_table,
        frozenset(
            {"id_column", "tags", "separator", "classes", "marks", "bins", "thresholds", "edges"}
        ),
        titles_of,
    ),
    SourceFormat(
        "arrays (.npz)", by_suffix(".npz"), lambda path, _, missing: read_arrays(path, missing)
    ),
    SourceFormat(
        "a concept file (.h5, .hdf5)", by_suffix(".h5", ".hdf5"), lambda path, *_: read_hdf5(path)
    ),
    SourceFormat(
        "a COCO file (.json)",
        by_suffix(".json"),
        lambda path, reading, _: read_coco(path, reading),
        frozenset({"supercategories", "min_area"}),
    ),
    SourceFormat("a folder of Pascal VOC", is_voc, lambda path, *_: read_voc(path)),
    SourceFormat(
        "a folder with a folder of images per class",
        os.path.isdir,
        _read_class_folders,
        frozenset({"follow_links"}),
    ),
)
"""The kinds of sources; the first that matches reads a source."""

OPTIONS = {
    "id_column": "--id-column",
    "tags": "--tags",
    "separator": "--separator",
    "classes": "--classes",
    "marks": "--marks",
    "bins": "--bin",
    "thresholds": "--threshold",
    "edges": "--edges",
    "supercategories": "--supercategories",
    "min_area": "--min-area",
    "min_confidence": "--min-confidence",
    "follow_links": "--follow-links",
}
"""The command-line option for each field of `Reading`."""


def read_sources(paths: Sequence[Path], reading: Reading, missing: Missing) -> list[ConceptSet]:
    """Read every source; options that no source follows are refused."""
    formats = [_format_of(path) for path in paths]
    known = frozenset().union(*(found.knows for found in formats))
    for field in sorted(reading.told - known):
        follow = [found.what for found in FORMATS if field in found.knows]
        raise SettingError(
            f"{OPTIONS[field]} applies to none of the sources.",
            f"Leave it out, or give {' or '.join(follow)}.",
        )
    if isinstance(reading.edges, str | Path):
        reading = replace(reading, edges=read_edges(Path(reading.edges)))
    _check_columns(paths, formats, reading)
    return [
        _read(path, found, reading, missing) for path, found in zip(paths, formats, strict=True)
    ]


def _check_columns(
    paths: Sequence[Path], formats: Sequence[SourceFormat], reading: Reading
) -> None:
    """Refuse columns that none of the sources has, and a separator that applies to none."""
    named = [
        *(("id_column", column) for column in (reading.id_column,) if column is not None),
        *(("tags", column) for column in reading.tags),
        *(("classes", column) for column in reading.classes),
        *(("marks", column) for column in reading.marks),
        *(("bins", column) for column, _ in reading.bins),
        *(("thresholds", column) for column, _ in reading.thresholds),
    ]
    if not named and reading.separator is None and reading.edges is None:
        return
    of_sources = [found.titles(path) for path, found in zip(paths, formats, strict=True)]
    titles = list(dict.fromkeys(itertools.chain(*of_sources)))
    for field, column in named:
        if column not in titles and not (field == "marks" and _fits_any(column, titles)):
            raise UnknownNameError(
                f"No source has a column {column!r}, which {OPTIONS[field]} names.",
                nearest(column, titles, f"The columns are {first_few(titles, 10)}."),
            )
    if isinstance(reading.edges, Edges):
        reading.edges.check(titles, [column for column, _ in reading.bins])
    if reading.separator is not None and not {LONG_COLUMN, *reading.tags} & set(titles):
        raise SettingError(
            f"No source has a column whose cells {OPTIONS['separator']} could divide.",
            f"It is for a column {LONG_COLUMN!r}, or for columns that {OPTIONS['tags']} names.",
        )


def _fits_any(pattern: str, titles: Sequence[str]) -> bool:
    return is_pattern(pattern) and any(map(pattern_rule(pattern).fullmatch, titles))


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


def _read(path: Path, found: SourceFormat, reading: Reading, missing: Missing) -> ConceptSet:
    try:
        return found.read(path, reading, missing)
    except DataError as error:
        if str(path) not in str(error):
            error.add_note(f"This is in {str(path)!r}.")
        raise
