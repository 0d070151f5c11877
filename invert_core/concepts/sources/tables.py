"""Concepts from CSV files, and from a column of other tables."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from invert_core.concepts.concept_set import ConceptSet
from invert_core.concepts.sources.source import Reading, log_ignored
from invert_core.errors import DataError, FileFormatError
from invert_core.tables.columns import string_rows
from invert_core.tables.csv_table import LABELS, open_table
from invert_core.tables.formats import open_by_suffix

LONG_COLUMN = "concepts"

_FORMS = (
    "A wide table has 0 or 1 in every column but the first; a long one has a column "
    f"{LONG_COLUMN!r} of ids separated by blanks."
)


def read_table(path: Path, reading: Reading) -> ConceptSet:
    """Read concepts from a table, in wide or in long form."""
    return read_csv(path) if path.suffix.lower() == ".csv" else read_long(path)


def read_csv(path: Path) -> ConceptSet:
    """Read concepts from a CSV file, in wide or in long form.

    Wide: the first column holds the sample ids, the header the concept ids, and all other cells
    are 0 or 1, or true or false in any case. Long: as `read_long` says.

    Raises
    ------
    MissingFileError
        There is no such file.
    FileFormatError
        It is not CSV in UTF-8, has no header or no rows, or a row of another length.
    DataError
        A label is none, or sample or concept ids repeat or are empty.
    """
    with open_table(path) as (header, rows):
        if LONG_COLUMN not in header:
            return _read_wide(path, header, rows)
    return read_long(path)


def read_long(path: Path) -> ConceptSet:
    """Read concepts from a table in CSV, TSV, JSONL or Parquet, in long form.

    A column ``concepts`` holds the ids of the sample's concepts, separated by blanks; sample ids
    stand in ``sample_id``, else in the first column; other columns are ignored. Concepts are in
    the order of their ids.

    Raises
    ------
    MissingFileError
        There is no such file.
    FileFormatError
        It is broken, has no rows, or no such columns.
    DataError
        A cell is no string, sample ids repeat or are empty, or there is no concept.
    MissingDependencyError
        It is a Parquet file, and pyarrow is not installed.
    """
    with open_by_suffix(path) as table:
        titles = table.titles
        if LONG_COLUMN not in titles:
            raise FileFormatError(
                f"{str(path)!r} has no column {LONG_COLUMN!r}.",
                "Name the column so that holds the ids of the concepts, separated by blanks.",
            )
        key = "sample_id" if "sample_id" in titles else titles[0]
        if key == LONG_COLUMN:
            raise FileFormatError(
                f"{str(path)!r} has no column of sample ids.",
                "Name it sample_id, or let it stand first.",
            )
        log_ignored(path, "column", set(titles) - {LONG_COLUMN, key})
        return _from_long(path, string_rows(path, table, (key, LONG_COLUMN)))


def _read_wide(path: Path, header: list[str], rows: Iterator[tuple[int, list[str]]]) -> ConceptSet:
    ids = header[1:]
    if not ids:
        raise FileFormatError(
            f"{str(path)!r} has one column only.", f"Separate columns by commas. {_FORMS}"
        )
    samples: dict[str, int] = {}
    labels = bytearray()
    for line, row in rows:
        _add_sample(f"{str(path)!r}, line {line}", row[0], samples)
        try:
            labels += bytes(map(LABELS.__getitem__, itertools.islice(row, 1, None)))
        except KeyError:
            wrong = next(place for place, cell in enumerate(row) if place and cell not in LABELS)
            raise DataError(
                f"{str(path)!r}, line {line}, column {header[wrong]!r}: "
                f"{_excerpt(row[wrong])} is not a label.",
                f"Labels are 0, 1, true and false. {_FORMS}",
            ) from None
    return ConceptSet.from_arrays(
        np.frombuffer(labels, np.uint8).reshape(len(samples), len(ids)),
        id=ids,
        sample_id=tuple(samples),
    )


def _from_long(path: Path, rows: Iterator[tuple[str, list[str]]]) -> ConceptSet:
    samples: dict[str, int] = {}
    concepts: dict[str, int] = {}
    sample_of: list[int] = []
    concept_of: list[int] = []
    for where, (sample_id, members) in rows:
        sample = _add_sample(where, sample_id, samples)
        carried = members.split()
        sample_of.extend(itertools.repeat(sample, len(carried)))
        concept_of.extend(concepts.setdefault(id, len(concepts)) for id in carried)
    if not concepts:
        raise DataError(
            f"{str(path)!r} holds no concept: its column {LONG_COLUMN!r} is empty.", _FORMS
        )
    ids = sorted(concepts)
    rank = np.argsort([concepts[id] for id in ids])
    return ConceptSet.from_pairs(
        np.array(sample_of),
        rank[np.array(concept_of)],
        len(samples),
        id=ids,
        sample_id=tuple(samples),
    )


def _add_sample(where: str, id: str, samples: dict[str, int]) -> int:
    if not id:
        raise DataError(f"{where}: the sample id is empty.", "Fill it in.")
    if id in samples:
        raise DataError(
            f"{where}: sample id {id!r} stands a second time.",
            "Keep one row for each sample.",
        )
    return samples.setdefault(id, len(samples))


def _excerpt(cell: str) -> str:
    return repr(cell if len(cell) <= 40 else cell[:40] + "...")
