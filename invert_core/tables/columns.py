"""Reads one column of an untrusted table: CSV, TSV, JSONL or Parquet."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from invert_core.errors import DataError, FileFormatError, UnknownNameError
from invert_core.tables.cells import is_missing
from invert_core.tables.formats import SUFFIXES, open_by_suffix
from invert_core.tables.table import ID_COLUMN, Table
from invert_core.values import SAMPLE_LIMIT, as_sample_id, is_text
from invert_core.wording import first_few, nearest

_log = logging.getLogger("invert")

_SHOWN = 10

ReadCell = Callable[[str, str, object], str]
"""Reads a cell, given where its row is and the title of its column."""


def text_in(where: str, title: str, cell: object) -> str:
    """Return the text in a cell, as it is."""
    if cell is None:
        raise DataError(
            f"{where}: the column {title!r} has no value.", "Fill it in, or remove the row."
        )
    if not isinstance(cell, str):
        raise DataError(
            f"{where}: the column {title!r} holds {_kind(cell)}, not a string.",
            "Write texts, paths and ids as strings.",
        )
    if not is_text(cell):
        raise DataError(
            f"{where}: the column {title!r} holds a NUL or half a surrogate pair.",
            "Remove these characters.",
        )
    return cell


def name_in(where: str, title: str, cell: object) -> str:
    r"""Return the name in a cell without blanks at its ends, or "" if it is missing.

    A whole number is a name, too.

    >>> [name_in("line 2", "clip", cell) for cell in (" a 1\t", 7, None, "NA")]
    ['a 1', '7', '', '']
    """
    if is_missing(cell):
        return ""
    is_number = isinstance(cell, int) and not isinstance(cell, bool)
    return str(cell) if is_number else text_in(where, title, cell).strip()


@dataclass(frozen=True)
class TableColumn:
    """A column of strings, and the sample ids of its rows.

    `sample_id` is None if no column holds ids; `column` and `id_column` are the titles of the
    columns that were read.
    """

    values: tuple[str, ...]
    sample_id: tuple[str, ...] | None
    column: str
    id_column: str | None

    @property
    def titles(self) -> dict[str, str]:
        """The titles of the columns, as an activation file records them."""
        ids = {} if self.id_column is None else {"id_column": self.id_column}
        return {"column": self.column} | ids


def read_column(
    path: Path,
    column: str | None,
    defaults: Sequence[str],
    id_column: str | None,
    flag: str = "--column",
    read: ReadCell = text_in,
) -> TableColumn:
    """Read one column of a table, and the ids of its rows.

    Parameters
    ----------
    path : Path
        ``.csv`` or ``.tsv`` with a header, ``.jsonl`` (or ``.ndjson``) with one object per line,
        or ``.parquet``; in UTF-8. Other columns of a Parquet file are not read.
    column : str or None
        The title of the column; None takes the first of `defaults` that the table has.
    defaults : sequence of str
    id_column : str or None
        The column that holds one id per row; None takes ``sample_id`` if there is one.
    flag : str
        The option that names the column, as messages show it.
    read : callable
        Reads the cells of the column.

    Returns
    -------
    TableColumn
    """
    if path.suffix.lower() not in SUFFIXES:
        raise FileFormatError(
            f"{str(path)!r} is not named like a table.",
            f"Give a file that ends in {', '.join(SUFFIXES)}.",
        )
    with open_by_suffix(path) as table:
        chosen = [_choose(path, table.titles, column, defaults, flag)]
        if id_column is not None or ID_COLUMN in table.titles:
            title = ID_COLUMN if id_column is None else id_column
            chosen.append(_find(path, table.titles, title, "--id-column"))
        rows = string_rows(path, table, chosen, (read, text_in))
        values, *ids = zip(*(row for _, row in rows), strict=True)
    _log.info("%s: read the column %s.", path.name, " and the ids in ".join(map(repr, chosen)))
    sample_id = as_sample_id(ids[0], repr(str(path))) if ids else None
    return TableColumn(values, sample_id, chosen[0], chosen[1] if ids else None)


def string_rows(
    path: Path, table: Table, chosen: Sequence[str], read: Sequence[ReadCell] = (text_in, text_in)
) -> Iterator[tuple[str, list[str]]]:
    """The cells of one or two columns of an open table, and where each row is."""
    n_rows = 0
    for number, cells in table.rows(chosen):
        n_rows += 1
        if n_rows > SAMPLE_LIMIT:
            raise DataError(
                f"{str(path)!r} has more than {SAMPLE_LIMIT:,} rows.", "Give fewer samples."
            )
        where = table.where(number)
        row = zip(read, chosen, cells, strict=False)
        yield where, [read_cell(where, title, cell) for read_cell, title, cell in row]
    if not n_rows:
        raise FileFormatError(f"{str(path)!r} has no rows.", "Check the file.")


def _choose(
    path: Path, titles: Sequence[str], column: str | None, defaults: Sequence[str], flag: str
) -> str:
    if column is not None:
        return _find(path, titles, column, flag)
    for title in defaults:
        if title in titles:
            return title
    raise UnknownNameError(
        f"{str(path)!r} has no column {' or '.join(map(repr, defaults))}.",
        f"Say which one to read with {flag}. {_listed(titles)}",
    )


def _find(path: Path, titles: Sequence[str], title: str, flag: str) -> str:
    if title in titles:
        return title
    raise UnknownNameError(
        f"{str(path)!r} has no column {title!r}.",
        nearest(title, titles, f"Name another with {flag}. {_listed(titles)}"),
    )


def _listed(titles: Sequence[str]) -> str:
    return f"Its columns are {first_few(titles, _SHOWN)}."


def _kind(cell: object) -> str:
    if isinstance(cell, bool | int | float):
        return repr(cell)
    return "an object" if isinstance(cell, dict) else "a list"
