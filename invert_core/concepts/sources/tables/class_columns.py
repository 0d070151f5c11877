"""Columns with one value in a cell; each value is a concept."""

import logging
import shlex
from array import array

import numpy as np

from invert_core.concepts.sources.tables.column_concepts import ColumnConcepts, sets_by_code
from invert_core.errors import DataError
from invert_core.tables.cells import as_mark, excerpt, is_missing
from invert_core.tables.table import Table
from invert_core.wording import first_few

_log = logging.getLogger("invert")


class ClassColumn:
    """A column whose values are the concepts ``title.value``, sorted by the texts of the values.

    Blanks around a value do not count. If a cell is blank, null or NaN, none of the concepts is
    defined on the sample.
    """

    def __init__(self, title: str):
        self.title = title
        self._code_of_sample = array("i")
        self._codes: dict[str, int] = {}

    def add(self, table: Table, number: int, cell: object) -> None:
        """Take the cell of the next row; raises DataError if it is a list or an object."""
        if isinstance(cell, list | dict):
            raise DataError(
                f"{table.where(number)}, column {self.title!r}: {excerpt(cell)} is not one value.",
                "Write a text or a number; columns of lists are for --tags.",
            )
        value = cell.strip() if isinstance(cell, str) else "" if is_missing(cell) else str(cell)
        codes = self._codes
        self._code_of_sample.append(codes.setdefault(value, len(codes)) if value else -1)

    def concepts(self) -> ColumnConcepts:
        """The concepts of all values."""
        if not self._codes:
            raise DataError(
                f"The column {self.title!r} holds no value.", "Name another with --classes."
            )
        values = sorted(self._codes)
        if all(as_mark(value) is not None for value in values):
            _log.warning(
                "The values of the column %r are classes: %s. To read 0 and 1, or yes and no, as "
                "one concept, use: --marks %s",
                self.title,
                first_few(values),
                shlex.quote(self.title),
            )
        rank = np.argsort([self._codes[value] for value in values])
        code = np.array(self._code_of_sample)
        return ColumnConcepts(
            [f"{self.title}.{value}" for value in values],
            [f"{self.title} = {value}" for value in values],
            sets_by_code(self.title, np.where(code < 0, -1, rank[code]), len(values)),
            code >= 0,
        )
