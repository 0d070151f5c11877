"""Reads a hierarchy from a table of edges."""

import logging
from pathlib import Path

from invert_core.concepts.hierarchy.hierarchy import Hierarchy
from invert_core.concepts.sources.source import log_ignored
from invert_core.errors import DataError, FileFormatError
from invert_core.tables.columns import string_rows
from invert_core.tables.formats import open_by_suffix
from invert_core.wording import counted

COLUMNS = ("child", "parent")

_log = logging.getLogger("invert")


def read_parent_table(path: Path) -> Hierarchy:
    """Read a table with the columns ``child`` and ``parent``, one edge per row.

    Both columns hold concept ids. Log messages name other columns, which are ignored, and count
    rows that repeat.

    Parameters
    ----------
    path : Path
        A table in CSV, TSV, JSONL or Parquet, known by its suffix.
    """
    parents: dict[str, dict[str, None]] = {}
    n_repeated = 0
    with open_by_suffix(path) as table:
        for title in COLUMNS:
            if title not in table.titles:
                raise FileFormatError(
                    f"{str(path)!r} has no column {title!r}.",
                    "The table of a hierarchy starts with the line: child,parent",
                )
        log_ignored(path, "column", set(table.titles) - set(COLUMNS))
        for where, (child, parent) in string_rows(path, table, COLUMNS):
            _check_ids(where, child, parent)
            above = parents.setdefault(child, {})
            n_repeated += parent in above
            above[parent] = None
            parents.setdefault(parent, {})
    if n_repeated:
        _log.info(
            "%s: %s left out, because an earlier row has the same edge.",
            path.name,
            counted(n_repeated, "row"),
        )
    return Hierarchy(repr(str(path)), {id: tuple(above) for id, above in parents.items()})


def _check_ids(where: str, child: str, parent: str) -> None:
    for title, id in zip(COLUMNS, (child, parent), strict=True):
        if not id.strip():
            raise DataError(
                f"{where}: the {title} is blank.",
                "Fill it in, or remove the row; a concept without a parent needs no row.",
            )
        if id != id.strip():
            raise DataError(
                f"{where}: the {title} {id!r} has blanks around it.", "Remove these blanks."
            )
    if child == parent:
        raise DataError(f"{where}: {child!r} is its own parent.", "Remove the row.")
