"""Columns of labels, each of which is one concept."""

import numpy as np

from invert_core.concepts.sets.missing import NOTHING_GIVEN, Missing
from invert_core.concepts.sources.tables.column_concepts import ColumnConcepts
from invert_core.errors import DataError
from invert_core.kernels.bits import pack_columns
from invert_core.tables.cells import LABELS, CellMarks, OneKind, excerpt, sentinel, sentinels_in
from invert_core.tables.table import Table
from invert_core.values import UNDEFINED


class MarkColumn:
    """A column of labels, whose title is the id of the concept; `missing` says what -1 means."""

    def __init__(self, title: str, missing: Missing = NOTHING_GIVEN):
        self.title = title
        self._missing = missing
        self._codes = bytearray()
        self._code_of = CellMarks(missing.mark)

    def add(self, table: Table, number: int, cell: object) -> None:
        """Take the cell of the next row; raises DataError if it is no label."""
        try:
            self._codes.append(self._code_of[cell])
        except (ValueError, TypeError):
            kind = sentinel(cell)
            if kind is not None:
                where = f"{table.where(number)}, column {self.title!r}"
                raise self._missing.refusal(where, kind) from None
            raise DataError(
                f"{table.where(number)}, column {self.title!r}: {excerpt(cell)} is not a label.",
                f"{LABELS}; columns of other words are for --classes.",
            ) from None

    def concepts(self) -> ColumnConcepts:
        """The single concept of the column."""
        codes = np.frombuffer(self._codes, np.uint8)
        marks = OneKind([self.title]).marks(codes[:, None])
        self._missing.count_cells(sentinels_in(codes))
        return ColumnConcepts(
            [self.title], [self.title], pack_columns(marks == 1), marks[:, 0] != UNDEFINED
        )
