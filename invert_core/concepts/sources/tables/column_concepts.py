"""The concepts of one column of a table, and the contract of its readers."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from invert_core.concepts.sets.missing import Missing
from invert_core.concepts.sets.packing import pack_pairs_of
from invert_core.concepts.sources.tables.rows import check_size
from invert_core.tables.table import Table
from invert_core.values import SENTINELS
from invert_core.wording import counted

_log = logging.getLogger("invert")


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


def defined_where(
    title: str, kinds: np.ndarray, missing: Missing, guessed: str, n_concepts: int
) -> np.ndarray:
    """Where the cells of a column are defined, given the kinds of the missing ones: bool [N].

    Parameters
    ----------
    title : str
    kinds : uint8 array [N]
        0 for a value, otherwise 1 + the place of the kind in `SENTINELS`.
    missing : Missing
    guessed : str
        The kinds that could as well be values, separated by blanks; a warning names them.
    n_concepts : int
        The number of concepts of the column, each of which has a label in every cell.
    """
    missing.count_cells(kinds, n_concepts)
    defined = kinds == 0
    for place, kind in enumerate(SENTINELS, 1):
        here = kinds == place
        if not here.any():
            continue
        mark = missing.mark(kind)
        if mark is None:
            where = f"{counted(int(here.sum()), 'cell')} of the column {title!r}"
            raise missing.refusal(where, kind, valued=kind in guessed.split())
        if missing.given and mark == 0:
            defined |= here
        if kind in guessed.split() and kind not in missing.given and missing.how != "error":
            _log.warning(
                "%s of the column %r: %s is taken for a missing label; --missing %s=value takes "
                "it for a value.",
                counted(int(here.sum()), "cell"),
                title,
                kind,
                kind,
            )
    return defined


def sets_by_code(title: str, code: np.ndarray, n_codes: int) -> np.ndarray:
    """The samples of each code from 0: uint64 [n_codes, ceil(N / 64)]; -1 is in no set."""
    check_size(title, code.size, n_codes)
    samples = np.flatnonzero(code >= 0)
    return pack_pairs_of(samples, code[samples], code.size, n_codes)
