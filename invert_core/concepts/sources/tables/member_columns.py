"""Columns with several concepts in a cell."""

import logging
from array import array

import numpy as np

from invert_core.concepts.sets.missing import NOTHING_GIVEN, VALUE, Missing
from invert_core.concepts.sources.tables.cell_lists import (
    LISTS,
    divide,
    likely_separator,
    looks_divided,
    looks_like_list,
    names_of_two_words,
)
from invert_core.concepts.sources.tables.column_concepts import ColumnConcepts, defined_where
from invert_core.concepts.sources.tables.rows import check_size
from invert_core.errors import DataError, SettingError
from invert_core.kernels.bits import pack_pairs
from invert_core.tables.cells import excerpt, sentinel
from invert_core.tables.table import Table
from invert_core.values import SENTINELS
from invert_core.wording import first_few

_BLOCK = 2**16
"""The number of samples to pack at once; a multiple of 64."""

_REMEMBERED = 2**16
"""The number of different cells to remember; if there are more, few of them repeat."""

_log = logging.getLogger("invert")


class MemberColumn:
    """A column whose cells hold the ids of the sample's concepts: a text, or a list of strings.

    An empty list holds no concept, and neither does a blank text unless `missing` gives blanks
    another meaning. A cell that is missing as a whole is what `missing` says.

    Parameters
    ----------
    title : str
    separator : str or None
        The separator of the ids in a text; None means blanks, and "list" that the text is a list
        of JSON or Python. Blanks around an id do not count. A text that looks as if something else
        divided it is refused.
    """

    def __init__(self, title: str, separator: str | None, missing: Missing = NOTHING_GIVEN):
        if separator == "":
            raise SettingError("The separator is empty.", "Give one, such as --separator ','.")
        self.title = title
        self._separator = separator
        self._missing = missing
        self._kinds = array("b")
        self._cell_of_sample = array("i")
        self._known: dict[object, int] = {}
        self._start = array("q", [0])
        self._members = array("i")
        self._concepts: dict[str, int] = {}
        self._seen = False
        self._divided_otherwise: str | None = None

    def add(self, table: Table, number: int, cell: object) -> None:
        """Take the cell of the next row; raises DataError if it is neither text, list nor null."""
        key = tuple(cell) if isinstance(cell, list) else cell
        try:
            found = self._known[key]
        except (KeyError, TypeError):
            found = self._new_cell(table, number, key)
        self._cell_of_sample.append(max(found, -1))
        self._kinds.append(max(-1 - found, 0))

    def concepts(self) -> ColumnConcepts:
        """The concepts in the order of their ids."""
        if not self._concepts:
            raise DataError(
                f"There is no concept: the column {self.title!r} is empty.",
                "Write the ids of the sample's concepts into it, separated by blanks.",
            )
        ids = sorted(self._concepts)
        self._warn(ids)
        cells = np.array(self._cell_of_sample)
        kinds = np.array(self._kinds, np.uint8)
        defined = defined_where(self.title, kinds, self._missing, "NA -1", len(ids))
        return ColumnConcepts(ids, ids, self._bits(ids, cells), defined)

    def _new_cell(self, table: Table, number: int, cell: object) -> int:
        """Keep the members of a cell; return its number, or -1 less its kind if it is missing."""
        kind = sentinel(cell)
        empty = isinstance(cell, str) and kind == "blank" and "blank" not in self._missing.given
        if kind is not None and not empty and self._missing.of(kind) != VALUE:
            return -2 - SENTINELS.index(kind)
        ids = self._divided(table, number, cell) if isinstance(cell, str) else cell
        if not isinstance(ids, list | tuple) or not all(isinstance(id, str) for id in ids):
            raise DataError(
                f"{table.where(number)}, column {self.title!r}: {excerpt(cell)} is neither a text "
                "nor a list of strings.",
                "Write the ids of the sample's concepts as strings.",
            )
        concepts = self._concepts
        self._members.extend(
            concepts.setdefault(id, len(concepts)) for id in map(str.strip, ids) if id
        )
        self._start.append(len(self._members))
        new = len(self._start) - 2
        if len(self._known) < _REMEMBERED:
            self._known[cell] = new
        return new

    def _divided(self, table: Table, number: int, cell: str) -> list[str]:
        """The ids in a text; raises DataError if it has the signs of another separator."""
        separator, where = self._separator, f"{table.where(number)}, column {self.title!r}"
        ids = divide(cell, separator)
        if ids is None:
            raise DataError(
                f"{where}: {excerpt(cell)} is not a list of strings and numbers.",
                "Write lists as [\"cat\", \"big dog\"] or ['cat', 'big dog'], or name the text "
                "between the concepts with --separator.",
            )
        if separator == LISTS:
            return ids
        if looks_like_list(cell) or (separator is None and looks_divided(cell)):
            raise _badly_divided(where, cell, separator, ids)
        if separator is not None:
            self._seen |= separator in cell
            if self._divided_otherwise is None and likely_separator(cell) not in (None, separator):
                self._divided_otherwise = cell
        return ids

    def _warn(self, ids: list[str]) -> None:
        """Say what suggests that the ids of all cells together are divided at a wrong place."""
        if self._separator is None:
            pairs = self._names_of_two_words(ids)
            if pairs:
                _log.warning(
                    "The column %r holds %s only together. If these are names of several words, "
                    "write the concepts with a separator, such as a semicolon, and give "
                    "--separator ';'.",
                    self.title,
                    first_few(pairs),
                )
        elif self._divided_otherwise is not None and not self._seen:
            _log.warning(
                "No cell of the column %r holds the separator %r, so each cell is one concept; "
                "%s looks as if --separator %s divided it.",
                self.title,
                self._separator,
                excerpt(self._divided_otherwise),
                _quoted(str(likely_separator(self._divided_otherwise))),
            )

    def _names_of_two_words(self, ids: list[str]) -> list[str]:
        rank = np.argsort([self._concepts[id] for id in ids])
        size = np.diff(np.array(self._start))
        cell = np.repeat(np.arange(size.size), size)
        member = rank[np.array(self._members)]
        pairs = names_of_two_words(cell, member, len(ids)).tolist()
        return [f"{ids[left]} {ids[right]}" for left, right in pairs]

    def _bits(self, ids: list[str], cells: np.ndarray) -> np.ndarray:
        check_size(self.title, cells.size, len(ids))
        bits = np.empty((len(ids), (cells.size + 63) // 64), np.uint64)
        rank = np.argsort([self._concepts[id] for id in ids])
        start, members = np.array(self._start), rank[np.array(self._members)]
        for first in range(0, cells.size, _BLOCK):
            block = cells[first : first + _BLOCK]
            samples = np.flatnonzero(block >= 0)
            begin = start[block[samples]]
            sizes = start[block[samples] + 1] - begin
            last = np.cumsum(sizes)
            place = np.arange(sizes.sum()) + np.repeat(begin - (last - sizes), sizes)
            packed = pack_pairs(np.repeat(samples, sizes), members[place], block.size, len(ids))
            bits[:, first // 64 : first // 64 + packed.shape[1]] = packed
        return bits


def _badly_divided(where: str, cell: str, separator: str | None, ids: list[str]) -> DataError:
    parts = first_few([id.strip() for id in ids if id.strip()], called=excerpt)
    likely = likely_separator(cell)
    how = "--separator" if likely is None else f"--separator {_quoted(likely)}"
    if likely is None:
        hint = f"Say with {how} what divides them"
    elif likely == LISTS:
        hint = f"Read it as a list with {how}"
    else:
        hint = f"Divide it with {how}"
    if separator is None:
        hint += ", or give --separator ' ' if ids are written like this"
    return DataError(
        f"{where}: {excerpt(cell)} would be divided into the concepts {parts}.", f"{hint}."
    )


def _quoted(separator: str) -> str:
    return separator if separator == LISTS else f"'{separator}'"
