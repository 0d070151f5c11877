"""Columns with one value in a cell; each value is a concept."""

from array import array

import numpy as np

from invert_core.concepts.sources.tables.cell_lists import looks_like_list
from invert_core.concepts.sources.tables.column_concepts import ColumnConcepts, sets_by_code
from invert_core.errors import DataError
from invert_core.tables.cells import excerpt, is_missing
from invert_core.tables.table import Table


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
        if isinstance(cell, list | dict) or (isinstance(cell, str) and looks_like_list(cell)):
            raise DataError(
                f"{table.where(number)}, column {self.title!r}: {excerpt(cell)} is not one value.",
                "Write a text or a number; columns of lists are for --tags, with --separator list "
                "if they are written as texts.",
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
        rank = np.argsort([self._codes[value] for value in values])
        code = np.array(self._code_of_sample)
        return ColumnConcepts(
            [f"{self.title}.{value}" for value in values],
            [f"{self.title} = {value}" for value in values],
            sets_by_code(self.title, np.where(code < 0, -1, rank[code]), len(values)),
            code >= 0,
        )
