"""Concepts from tables in any form and format."""

from pathlib import Path

from invert_core.concepts.concept_set import ConceptSet
from invert_core.concepts.sources.source import Reading
from invert_core.concepts.sources.tables.columns import read_columns, readers_of
from invert_core.concepts.sources.tables.rows import key_column
from invert_core.concepts.sources.tables.tidy import CONCEPT_COLUMN, read_tidy
from invert_core.concepts.sources.tables.wide import read_wide
from invert_core.tables.formats import open_by_suffix
from invert_core.tables.table import ID_COLUMN


def read_table(path: Path, reading: Reading) -> ConceptSet:
    """Read concepts from a table in CSV, TSV, JSONL or Parquet.

    With a column ``concepts``, or one that `reading` names, only such columns are read, as
    `read_columns` says. Else the table is tidy if it has the columns ``sample_id`` (or the one that
    `reading` names for that) and ``concept_id``, as `read_tidy` says; else wide, as `read_wide`
    says.

    Raises
    ------
    MissingFileError
        There is no such file.
    FileFormatError
        It is broken, or has no rows or too few columns.
    DataError
        A cell cannot be what it should, ids repeat or are empty, or there is no concept.
    SettingError
        `reading` says something that cannot be.
    MissingDependencyError
        It is a Parquet file, and pyarrow is not installed.
    """
    with open_by_suffix(path) as table:
        key = key_column(path, table.titles, reading)
        readers = readers_of(table.titles, reading)
        if readers:
            return read_columns(path, table, key, readers)
        if CONCEPT_COLUMN in table.titles and key in (ID_COLUMN, reading.id_column):
            return read_tidy(path, table, key)
        return read_wide(path, table, key)


def titles_of(path: Path) -> tuple[str, ...]:
    """The titles of a table; raises like `read_table` where it cannot be opened."""
    with open_by_suffix(path) as table:
        return tuple(table.titles)
