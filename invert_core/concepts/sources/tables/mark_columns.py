"""Columns of labels, each of which is one concept."""

import shlex

import numpy as np

from invert_core.concepts.sets.missing import NOTHING_GIVEN, Missing
from invert_core.concepts.sources.tables.column_concepts import ColumnConcepts
from invert_core.concepts.sources.tables.rows import no_label_beside_index
from invert_core.errors import DataError
from invert_core.kernels.bits import pack_columns
from invert_core.tables.cells import (
    LABELS,
    CellMarks,
    OneKind,
    as_number,
    excerpt,
    sentinel_mark,
    sentinels_in,
)
from invert_core.tables.table import Table
from invert_core.values import UNDEFINED


class MarkColumn:
    """A column of labels, whose title is the id of the concept.

    Parameters
    ----------
    title : str
    missing : Missing
        What blank cells and -1 mean.
    beside_index : bool
        Whether the column of sample ids is an index of pandas, so that the ids may be in this one.
    """

    def __init__(self, title: str, missing: Missing = NOTHING_GIVEN, *, beside_index: bool = False):
        self.title = title
        self._beside_index = beside_index
        self._missing = missing
        self._codes = bytearray()
        self._code_of = CellMarks(missing.mark)

    def add(self, table: Table, number: int, cell: object) -> None:
        """Take the cell of the next row; raises DataError if it is no label."""
        try:
            self._codes.append(self._code_of[cell])
        except (ValueError, TypeError):
            kind = sentinel_mark(cell)
            if kind is not None:
                where = f"{table.where(number)}, column {self.title!r}"
                raise self._missing.refusal(where, kind) from None
            raise self._no_label(f"{table.where(number)}, column {self.title!r}", cell) from None

    def _no_label(self, where: str, cell: object) -> DataError:
        if _is_number(cell):
            title = shlex.quote(self.title)
            hint = (
                f"{LABELS}; columns of numbers are for --bin and --threshold, as in "
                f"--bin {title}:4 or --threshold {title}:0.5"
            )
        elif self._beside_index:
            return no_label_beside_index(where, self.title, cell)
        else:
            hint = f"{LABELS}; columns of other words are for --classes."
        return DataError(f"{where}: {excerpt(cell)} is not a label.", hint)

    def concepts(self) -> ColumnConcepts:
        """The single concept of the column."""
        codes = np.frombuffer(self._codes, np.uint8)
        marks = OneKind([self.title]).marks(codes[:, None])
        self._missing.count_cells(sentinels_in(codes))
        return ColumnConcepts(
            [self.title], [self.title], pack_columns(marks == 1), marks[:, 0] != UNDEFINED
        )


def _is_number(cell: object) -> bool:
    try:
        as_number(cell)
    except ValueError:
        return False
    return True
