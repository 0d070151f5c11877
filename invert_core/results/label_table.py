"""Rows of a result as columns, from which a `Label` is made only when someone asks for it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np

from invert_core.results.column_fields import OPTIONAL_TYPES, columns
from invert_core.results.columns import Explanation, Label
from invert_core.results.evidence_records import EvidenceRecords

EXPLAINED = tuple(columns(Explanation))
"""The columns that belong to a formula and its unit."""
OF_ROWS = tuple(name for name in Label.ORDER if name not in EXPLAINED)
"""The columns that belong to a row."""

_OPTIONAL = {
    name: OPTIONAL_TYPES[one.type]
    for name, one in columns(Label).items()
    if one.type in OPTIONAL_TYPES
}
_TEXTS = frozenset(name for name, one in columns(Label).items() if one.type is str)

Record = tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]
"""A row and the formulas of its `by_length`, with their columns as mappings."""


class Column(Protocol):
    """The part of a NumPy array that a column has: picking entries, and making a list of them."""

    def __len__(self) -> int: ...

    def __getitem__(self, at: Any) -> Any: ...

    def tolist(self) -> list[Any]:
        """Return the entries as values of Python."""


@dataclass(frozen=True, eq=False)
class FormulaTexts:
    """A column of formulas as text, written only when someone asks for it.

    Parameters
    ----------
    length : int64 [F]
        Number of literals of each formula; a formula of length 0 is the empty text.
    literals : int32 [F, L]
        Literals of each formula; unused entries are 0.
    connectives : int8 [F, L]
        Connective k > 0 joins literal k to the formula before it: 0 is ``&``, 1 is ``|``.
    write : callable
        Writes a formula, given by its literals and connectives.
    """

    length: np.ndarray
    literals: np.ndarray
    connectives: np.ndarray
    write: Callable[[Sequence[int], Sequence[str]], str]

    def __len__(self) -> int:
        return len(self.length)

    def __getitem__(self, at: np.ndarray) -> Self:
        """Return the formulas at some positions, int64 [k]."""
        arrays = self.length[at], self.literals[at], self.connectives[at]
        return type(self)(*arrays, self.write)

    def joined(self, other: Self) -> Self:
        """Return these formulas and then others, of the same concepts and most literals."""
        return type(self)(
            np.concatenate([self.length, other.length]),
            np.concatenate([self.literals, other.literals]),
            np.concatenate([self.connectives, other.connectives]),
            self.write,
        )

    def tolist(self) -> list[str]:
        """Write all formulas."""
        connectives = np.array(["&", "|"], object)[self.connectives]
        columns = (self.length, self.literals, connectives)
        return [
            self.write(literals[:length], joined[1:length]) if length else ""
            for length, literals, joined in zip(*(one.tolist() for one in columns), strict=True)
        ]


@dataclass(frozen=True, eq=False)
class LabelTable:
    """Rows of whole units, in order, as columns.

    Text is stored as references to strings, so that equal ones are shared, or as `FormulaTexts`. A
    number that is missing is NaN, among integers, too.

    Attributes
    ----------
    explained : mapping of str to Column
        The columns of `Explanation` for F formulas of units.
    rows : mapping of str to Column
        The other columns of `Label` for R rows.
    formula : int64 [R]
        Which of the F formulas each row is about.
    by_length : int64 [M]
        The formulas in `by_length` of all rows, one row after the other.
    ends : int64 [R]
        Row r has the entries from ``ends[r - 1]`` to ``ends[r]`` of `by_length`.
    evidence : EvidenceRecords or None
        What is to be written to the file of evidence, if anything.
    """

    explained: Mapping[str, Column]
    rows: Mapping[str, Column]
    formula: np.ndarray
    by_length: np.ndarray
    ends: np.ndarray
    evidence: EvidenceRecords | None = None

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.formula)

    def __iter__(self) -> Iterator[Label]:
        yield from self.take(np.arange(len(self)))

    @classmethod
    def of_rows(cls, rows: Iterable[Label]) -> Self:
        """Make a table of rows."""
        return cls.of_records((row.row(), list(map(vars, row.by_length))) for row in rows)

    @classmethod
    def of_records(cls, records: Iterable[Record]) -> Self:
        """Make a table of records of rows."""
        rows: list[Mapping[str, Any]] = []
        explained: list[Mapping[str, Any]] = []
        formula: list[int] = []
        by_length: list[int] = []
        ends: list[int] = []
        for row, of_row in records:
            formula.append(len(explained))
            by_length += range(len(explained) + 1, len(explained) + 1 + len(of_row))
            ends.append(len(by_length))
            rows.append(row)
            explained += (row, *of_row)
        return cls(
            {name: _column(name, explained) for name in EXPLAINED},
            {name: _column(name, rows) for name in OF_ROWS},
            np.array(formula, np.int64),
            np.array(by_length, np.int64),
            np.array(ends, np.int64),
        )

    def rearranged(self, at: np.ndarray) -> Self:
        """Return the rows at some positions, int64 [k], in this order."""
        starts = np.append(0, self.ends)[at]
        counts = self.ends[at] - starts
        ends = np.cumsum(counts)
        by_length = np.arange(counts.sum()) + np.repeat(starts - (ends - counts), counts)
        rows = {name: column[at] for name, column in self.rows.items()}
        return type(self)(
            self.explained,
            rows,
            self.formula[at],
            self.by_length[by_length],
            ends,
            None if self.evidence is None else self.evidence.with_rows(at),
        )

    def joined(self, other: Self) -> Self:
        """Return these rows and then those of another table."""
        n_formulas, n_entries = len(self.explained["length"]), self.by_length.size
        return type(self)(
            {name: _joined(self.explained[name], other.explained[name]) for name in EXPLAINED},
            {name: _joined(column, other.rows[name]) for name, column in self.rows.items()},
            np.concatenate([self.formula, other.formula + n_formulas]),
            np.concatenate([self.by_length, other.by_length + n_formulas]),
            np.concatenate([self.ends, other.ends + n_entries]),
            None
            if self.evidence is None or other.evidence is None
            else self.evidence.joined(other.evidence),
        )

    def units(self) -> list[tuple[str, int]]:
        """Return layer and number of each unit."""
        at = np.flatnonzero(self.begins_unit())
        layers, units = self.array("layer")[at], self.array("unit")[at]
        return list(zip(layers.tolist(), units.tolist(), strict=True))

    def begins_unit(self) -> np.ndarray:
        """Return whether each row is the first of its unit: bool [R]."""
        layers, units = self.array("layer"), self.array("unit")
        is_new = np.ones(len(self), np.bool_)
        is_new[1:] = (layers[1:] != layers[:-1]) | (units[1:] != units[:-1])
        return is_new

    def is_of_first_objective(self) -> np.ndarray:
        """Return which rows are by the objective that comes first in their unit: bool [R]."""
        objective, begins = self.array("objective"), self.begins_unit()
        return objective == objective[begins][np.cumsum(begins) - 1]

    def is_label(self) -> np.ndarray:
        """Return which rows are the label of their unit, direction and objective: bool [R].

        These are the headlines, or the rows of rank 1 where an earlier version chose none.
        """
        is_headline = self.array("headline") == 1
        return is_headline if is_headline.any() else self.array("rank") == 1

    def values(self, name: str, at: np.ndarray | slice = slice(None)) -> list[Any]:
        """Return a column of `Label` for the rows at some positions, as values of Python."""
        if name in self.rows:
            return _listed(name, self.rows[name], at)
        return _listed(name, self.explained[name], self.formula[at])

    def array(self, name: str) -> np.ndarray:
        """Return a column of `Label` for all rows, as an array [R]."""
        if name in self.rows:
            return np.asarray(self.rows[name])
        return np.asarray(self.explained[name])[self.formula]

    def take(self, at: np.ndarray) -> list[Label]:
        """Make the rows at some positions, int64 [k]."""
        shared = [
            [Explanation(**dict(zip(EXPLAINED, values, strict=True))) for values in of_row]
            for of_row in self._by_length(at)
        ]
        cells = zip(*(self.values(name, at) for name in Label.ORDER), strict=True)
        return [
            Label(**dict(zip(Label.ORDER, row, strict=True)), by_length=tuple(by_length))
            for row, by_length in zip(cells, shared, strict=True)
        ]

    def _by_length(self, at: np.ndarray) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the values of all formulas in `by_length` of each row."""
        ends = np.append(0, self.ends)
        starts, stops = ends[at].tolist(), ends[at + 1].tolist()
        picked = [self.by_length[start:stop] for start, stop in zip(starts, stops, strict=True)]
        formulas = np.concatenate([self.by_length[:0], *picked])
        columns = [_listed(name, self.explained[name], formulas) for name in EXPLAINED]
        values = list(zip(*columns, strict=True))
        first = 0
        for start, stop in zip(starts, stops, strict=True):
            last = first + stop - start
            yield values[first:last]
            first = last


def by_unit(tables: Sequence[LabelTable]) -> LabelTable:
    """Put tables together: of each unit in the first table, the rows of one after the other."""
    place = {unit: number for number, unit in enumerate(tables[0].units())}
    together = tables[0]
    for table in tables[1:]:
        together = together.joined(table)
    units = zip(together.array("layer").tolist(), together.array("unit").tolist(), strict=True)
    order = np.argsort(np.array([place[unit] for unit in units]), kind="stable")
    return together.rearranged(order)


def _joined(one: Column, other: Column) -> Column:
    if isinstance(one, FormulaTexts) and isinstance(other, FormulaTexts):
        return one.joined(other)
    return np.concatenate([np.asarray(one), np.asarray(other)])


def _column(name: str, records: Sequence[Mapping[str, Any]]) -> np.ndarray:
    values = [record[name] for record in records]
    if name in _TEXTS:
        column = np.empty(len(values), object)
        column[:] = values
        return column
    kind = np.int64 if columns(Label)[name].type is int else np.float64
    return np.array(values, kind)  # None becomes NaN


def _listed(name: str, column: Column, at: np.ndarray | slice) -> list[Any]:
    values = column[at].tolist()
    if name not in _OPTIONAL:
        return values
    of_type = _OPTIONAL[name]
    return [None if one != one else of_type(one) for one in values]
