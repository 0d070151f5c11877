"""The concepts of one column of a table, and the contract of its readers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from invert_core.concepts.sets.packing import pack_pairs_of
from invert_core.concepts.sources.tables.rows import check_size
from invert_core.tables.table import Table


@dataclass(frozen=True)
class ColumnConcepts:
    """Concepts that are defined on the same samples.

    Parameters
    ----------
    id, name : sequence of str, C entries
    bits : uint64 array [C, ceil(N / 64)]
    defined : bool array [N]
    definition : sequence of str, C entries or none
        What each concept means exactly; none if the names say all.
    """

    id: Sequence[str]
    name: Sequence[str]
    bits: np.ndarray
    defined: np.ndarray
    definition: Sequence[str] = ()

    def select(self, concepts: Sequence[int]) -> "ColumnConcepts":
        """Return some of the concepts, which must have definitions, in the given order."""
        return ColumnConcepts(
            [self.id[at] for at in concepts],
            [self.name[at] for at in concepts],
            self.bits[list(concepts)],
            self.defined,
            [self.definition[at] for at in concepts],
        )


class ColumnReader(Protocol):
    """Takes the cells of a column one by one, and makes concepts of them at the end.

    Both steps raise a DataError: for a cell of the wrong kind, or for a column without values.
    """

    @property
    def title(self) -> str:
        """Title of the column."""

    def add(self, table: Table, number: int, cell: object) -> None:
        """Take the cell of the next row; the number of the row is for messages."""

    def concepts(self) -> ColumnConcepts:
        """The concepts of all rows."""


def sets_by_code(title: str, code: np.ndarray, n_codes: int) -> np.ndarray:
    """The samples of each code from 0: uint64 [n_codes, ceil(N / 64)]; -1 is in no set."""
    check_size(title, code.size, n_codes)
    samples = np.flatnonzero(code >= 0)
    return pack_pairs_of(samples, code[samples], code.size, n_codes)
