"""Reads concepts from tables in any form and format."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.concepts.sets.missing import Missing
from invert_core.concepts.sources.edges import Edges
from invert_core.concepts.sources.source import Reading, log_ignored
from invert_core.concepts.sources.tables.class_columns import ClassColumn
from invert_core.concepts.sources.tables.column_concepts import ColumnConcepts, ColumnReader
from invert_core.concepts.sources.tables.mark_columns import MarkColumn
from invert_core.concepts.sources.tables.member_columns import MemberColumn
from invert_core.concepts.sources.tables.number_columns import (
    EdgesColumn,
    GroupedColumn,
    ThresholdColumn,
)
from invert_core.concepts.sources.tables.rows import (
    add_sample,
    as_concept_set,
    check_key,
    check_rows,
    guessed_key,
    is_index,
    key_column,
)
from invert_core.concepts.sources.tables.tidy import CONCEPT_COLUMN, read_tidy
from invert_core.concepts.sources.tables.wide import read_wide
from invert_core.errors import DataError, FileFormatError
from invert_core.kernels.bits import pack_columns
from invert_core.tables.formats import open_by_suffix
from invert_core.tables.table import ID_COLUMN, Table
from invert_core.values import is_pattern, pattern_rule

LONG_COLUMN = "concepts"


def read_table(path: Path, reading: Reading, missing: Missing) -> ConceptSet:
    """Read concepts from a table in CSV, TSV, JSONL or Parquet.

    If there is a column ``concepts``, or a column that `reading` names, only such columns are read.
    Otherwise the table is tidy (see `read_tidy`) if it has ``concept_id`` and ``sample_id`` or the
    column that `reading` names instead, and wide (see `read_wide`) if it has not.
    """
    with open_by_suffix(path) as table:
        key = key_column(path, table.titles, reading)
        readers = _readers_of(table.titles, key, reading, missing)
        if readers:
            return _read_columns(path, table, key, readers, reading)
        if CONCEPT_COLUMN in table.titles and key in (ID_COLUMN, reading.id_column):
            return read_tidy(path, table, key, missing)
        return read_wide(path, table, key, reading, missing)


def titles_of(path: Path) -> tuple[str, ...]:
    """The titles of the columns of a table."""
    with open_by_suffix(path) as table:
        return tuple(table.titles)


def _readers_of(
    titles: Sequence[str], key: str, reading: Reading, missing: Missing
) -> list[ColumnReader]:
    """Readers of the columns that `reading` names, and of the column ``concepts``."""
    readers: list[ColumnReader] = [
        each for each in _readers(reading, missing) if each.title in titles
    ]
    if isinstance(reading.edges, Edges):
        known = ((title, reading.edges.of_column(title)) for title in titles)
        readers += [
            EdgesColumn(title, intervals, missing) for title, intervals in known if intervals
        ]
    taken = {key, *(reader.title for reader in readers)}
    free = [title for title in titles if title not in taken and not is_index(title)]
    return readers + [
        MarkColumn(title, missing, beside_index=is_index(key))
        for title in _called(reading.marks, titles, free)
    ]


def _called(names: Sequence[str], titles: Sequence[str], free: Sequence[str]) -> list[str]:
    """The titles that names and patterns stand for; a pattern stands for free columns only."""
    found: list[str] = []
    for name in names:
        if name in titles:
            found.append(name)
        elif is_pattern(name):
            found.extend(filter(pattern_rule(name).fullmatch, free))
    return list(dict.fromkeys(found))


def _read_columns(
    path: Path, table: Table, key: str, readers: Sequence[ColumnReader], reading: Reading
) -> ConceptSet:
    """Read a table with one row per sample; columns without a reader are left out."""
    if key == LONG_COLUMN:
        raise FileFormatError(
            f"{str(path)!r} has no column of sample ids.",
            "Name the column sample_id, or put it first.",
        )
    chosen = (key, *(reader.title for reader in readers))
    log_ignored(path, "column", set(table.titles) - set(chosen))
    samples: dict[str, int] = {}
    guessed = guessed_key(key, reading)
    add_cells = [reader.add for reader in readers]
    for number, (id, *cells) in table.rows(chosen):
        add_sample(table, number, id, samples, guessed)
        for add_cell, cell in zip(add_cells, cells, strict=True):
            add_cell(table, number, cell)
    check_rows(path, samples)
    check_key(path, key, samples, reading, set(table.titles) - set(chosen))
    return _joined(tuple(samples), [reader.concepts() for reader in readers])


def _readers(reading: Reading, missing: Missing) -> Iterator[ColumnReader]:
    for title in dict.fromkeys((LONG_COLUMN, *reading.tags)):
        yield MemberColumn(title, reading.separator, missing)
    for title in dict.fromkeys(reading.classes):
        yield ClassColumn(title, missing)
    for title, n_groups in dict.fromkeys(reading.bins):
        yield GroupedColumn(title, n_groups, missing)
    for title, threshold in dict.fromkeys(reading.thresholds):
        yield ThresholdColumn(title, threshold, missing)


def _joined(samples: Sequence[str], columns: Sequence[ColumnConcepts]) -> ConceptSet:
    columns = _distinct(columns)
    ids = [id for column in columns for id in column.id]
    repeated = [id for id, count in Counter(ids).items() if count > 1]
    if repeated:
        raise DataError(
            f"The concept {repeated[0]!r} is in several columns.",
            "Name the concepts of each column differently, or read one column only.",
        )
    defined = None
    if not all(column.defined.all() for column in columns):
        defined = np.concatenate(
            [
                np.tile(pack_columns(column.defined[:, None]), (len(column.id), 1))
                for column in columns
            ]
        )
    return as_concept_set(
        samples,
        columns[0].bits if len(columns) == 1 else np.concatenate([c.bits for c in columns]),
        defined,
        ids,
        [name for column in columns for name in column.name],
        [each for column in columns for each in column.definition or [""] * len(column.id)],
    )


def _distinct(columns: Sequence[ColumnConcepts]) -> list[ColumnConcepts]:
    """Leave out concepts that several options name, such as a threshold at the edge of a group."""
    known: set[tuple[str, str]] = set()
    distinct = []
    for column in columns:
        if column.definition:
            concepts = list(zip(column.id, column.definition, strict=True))
            new = [at for at, concept in enumerate(concepts) if concept not in known]
            known.update(concepts)
            column = column.select(new)
        if column.id:
            distinct.append(column)
    return distinct
