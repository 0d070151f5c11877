"""Columns with one value in a cell; each value is a concept."""

import logging
import shlex
from array import array

import numpy as np

from invert_core.concepts.sets.missing import NOTHING_GIVEN, VALUE, Missing
from invert_core.concepts.sources.tables.cell_lists import looks_like_list
from invert_core.concepts.sources.tables.column_concepts import (
    ColumnConcepts,
    defined_where,
    sets_by_code,
)
from invert_core.errors import DataError
from invert_core.tables.cells import as_mark, excerpt, is_missing, sentinel
from invert_core.tables.table import Table
from invert_core.values import SENTINELS
from invert_core.wording import first_few

_log = logging.getLogger("invert")


class ClassColumn:
    """A column whose values are the concepts ``title.value``, sorted by the texts of the values.

    Blanks around a value do not count. If a cell is missing, none of the concepts is defined on the
    sample, unless `missing` gives its kind another meaning. -1 is missing unless another value is a
    negative number.
    """

    def __init__(self, title: str, missing: Missing = NOTHING_GIVEN):
        self.title = title
        self._missing = missing
        self._kinds = bytearray()
        self._code_of_sample = array("i")
        self._codes: dict[str, int] = {}
        self._known: dict[str, tuple[int, int]] = {}

    def add(self, table: Table, number: int, cell: object) -> None:
        """Take the cell of the next row; raises DataError if it is a list or an object."""
        found = self._known.get(cell) if isinstance(cell, str) else None
        if found is None:
            found = self._new_cell(table, number, cell)
            if isinstance(cell, str):
                self._known[cell] = found
        self._code_of_sample.append(found[0])
        self._kinds.append(found[1])

    def _new_cell(self, table: Table, number: int, cell: object) -> tuple[int, int]:
        """The code of the value in a cell, or -1, and the kind of a missing one."""
        if isinstance(cell, list | dict) or (isinstance(cell, str) and looks_like_list(cell)):
            raise DataError(
                f"{table.where(number)}, column {self.title!r}: {excerpt(cell)} is not one value.",
                "Write a text or a number; columns of lists are for --tags, with --separator list "
                "if they are written as texts.",
            )
        value = cell.strip() if isinstance(cell, str) else "" if is_missing(cell) else str(cell)
        kind = sentinel(cell)
        if kind is not None and self._missing.of(kind) == VALUE and value:
            kind = None
        codes = self._codes
        code = codes.setdefault(value, len(codes)) if value else -1
        return code, 0 if kind is None else SENTINELS.index(kind) + 1

    def concepts(self) -> ColumnConcepts:
        """The concepts of all values."""
        kinds, code = np.array(self._kinds, np.uint8), np.array(self._code_of_sample)
        if "-1" not in self._missing.given and any(map(_is_below_zero, self._codes)):
            kinds[kinds == SENTINELS.index("-1") + 1] = 0
        code[kinds > 0] = -1
        used = set(code.tolist())
        values = sorted(value for value, found in self._codes.items() if found in used)
        if not values:
            raise DataError(
                f"The column {self.title!r} holds no value.", "Name another with --classes."
            )
        if all(as_mark(value) is not None for value in values):
            _log.warning(
                "The values of the column %r are classes: %s. To read 0 and 1, or yes and no, as "
                "one concept, use: --marks %s",
                self.title,
                first_few(values),
                shlex.quote(self.title),
            )
        rank = np.zeros(len(self._codes), np.int64)
        rank[[self._codes[value] for value in values]] = np.arange(len(values))
        return ColumnConcepts(
            [f"{self.title}.{value}" for value in values],
            [f"{self.title} = {value}" for value in values],
            sets_by_code(self.title, np.where(code < 0, -1, rank[code]), len(values)),
            defined_where(self.title, kinds, self._missing, "NA -1", len(values)),
        )


def _is_below_zero(value: str) -> bool:
    """Whether a value is a negative number other than -1."""
    try:
        return float(value) < 0 and float(value) != -1
    except ValueError:
        return False
