"""The result of a labelling: rows that say what each unit detects, in memory and as text."""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from invert_core.errors import DataError, FileFormatError, UnknownNameError
from invert_core.results.columns import Explanation, Label, checked
from invert_core.results.label_table import LabelTable, Record
from invert_core.results.label_text import HEADER, LabelText
from invert_core.settings import SIGNIFICANT
from invert_core.wording import first_few, nearest

if TYPE_CHECKING:
    from invert_core.concepts.sets.concept_set import ConceptSet

COLUMNS = Label.ORDER
"""The columns of labels.csv."""

_ROWS_PER_TABLE = 1000


class Labels:
    """All rows of a labelling, in the order of layers, units, directions and ranks.

    The rows are stored as columns. A `Label` is made when someone asks for one.

    Parameters
    ----------
    rows : iterable of Label
        The rows; each says what a unit detects.
    concepts : ConceptSet or None
        The concepts, joined to the activations; None if the rows were read from a run.
    """

    def __init__(self, rows: Iterable[Label] = (), concepts: "ConceptSet | None" = None):
        self.concepts = concepts
        made = [LabelTable.of_rows(rows)]
        self._load: Callable[[], Iterable[LabelTable]] = lambda: made

    @classmethod
    def of_tables(
        cls, tables: Iterable[LabelTable], concepts: "ConceptSet | None" = None
    ) -> "Labels":
        """Return the rows of all tables, in order."""
        made = list(tables)
        return cls.loaded_by(lambda: made, concepts)

    @classmethod
    def loaded_by(
        cls, load: Callable[[], Iterable[LabelTable]], concepts: "ConceptSet | None" = None
    ) -> "Labels":
        """Return rows that `load` reads once someone asks for them."""
        made = cls(concepts=concepts)
        made._load = load
        return made

    @cached_property
    def tables(self) -> tuple[LabelTable, ...]:
        """The rows as columns, in tables of whole units."""
        return tuple(self._load())

    @cached_property
    def rows(self) -> tuple[Label, ...]:
        """All rows; they take several times the memory of the columns."""
        return tuple(itertools.chain.from_iterable(self.tables))

    def __repr__(self) -> str:
        units: set[tuple[str, int]] = set()
        for table in self.tables:
            units.update(zip(table.values("layer"), table.values("unit"), strict=True))
        return f"<Labels of {len(units)} units in {len(self)} rows>"

    def __iter__(self) -> Iterator[Label]:
        # Rows that nobody asked for yet are read one table after the other, and not kept.
        tables = self.tables if "tables" in vars(self) else self._load()
        return itertools.chain.from_iterable(tables)

    def __len__(self) -> int:
        return sum(map(len, self.tables))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Labels):
            return NotImplemented
        same = len(self) == len(other) and self.concepts == other.concepts
        return same and all(one == two for one, two in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def best(self, top: int | None = None) -> tuple[Label, ...]:
        """Return the row of rank 1 of every unit and direction, except dead units, best first.

        Rows that are significant and trusted (`p_search` below 0.05, status "ok") come first. Then
        the distance of the AUC from 0.5 decides, then `log10_p_search`.

        Parameters
        ----------
        top : int, optional
            The most rows to return; None returns all.
        """
        first = [row for table in self.tables for row in _best_of(table, top)]
        return tuple(sorted(first, key=conviction)[:top])

    def sample_counts(self) -> set[int]:
        """Return all different numbers of samples on which formulas were compared."""
        counts = {self.concepts.n_samples} if self.concepts is not None else set()
        for table in self.tables:
            counts.update(table.explained["n_samples"].tolist())
        return counts

    def at(self, address: str) -> tuple[Label, ...]:
        """Return the rows of one unit, given as ``layer:unit`` with the unit's number or name.

        If a name is also the number of another unit, the number counts.

        Raises
        ------
        UnknownNameError
            There is no such unit.
        """
        for is_at in (_has_number, _has_name):
            found = [row for table in self.tables for row in table.take(is_at(table, address))]
            if found:
                return tuple(found)
        raise self._no_unit(address)

    def _no_unit(self, address: str) -> UnknownNameError:
        layer = address.rpartition(":")[0]
        units: dict[str, list[int]] = {}
        for table in self.tables:
            for name, unit in zip(table.values("layer"), table.values("unit"), strict=True):
                units.setdefault(name, []).append(unit)
        if layer in units:
            of_layer = units[layer]
            hint = f"The units of layer {layer!r} go from {min(of_layer)} to {max(of_layer)}."
        elif not units:
            hint = "There are no rows at all."
        else:
            name, (unit, *_) = next(iter(units.items()))
            layers = list(units)
            hint = nearest(
                layer,
                layers,
                f"Give LAYER:UNIT, as in {name}:{unit}; the layers are {first_few(layers)}.",
            )
        return UnknownNameError(f"There is no unit {address!r}.", hint)

    def extent(self, label: Explanation | str) -> np.ndarray:
        """Return on which samples a formula is true: bool, in the order of the activations.

        It is False on samples on which the formula is not defined.

        Parameters
        ----------
        label : Label, Explanation or str
            A row of this result, or a formula in concept ids.

        Raises
        ------
        DataError
            The rows were read from a run, or the row is that of a dead unit.
        FormulaError, UnknownNameError
            The text is not a formula, or names a concept that does not exist.
        """
        if self.concepts is None:
            raise DataError(
                "These labels were read from a run and hold no concepts.",
                "Evaluate the formula with Formula.parse(text).evaluate(concepts).",
            )
        text = label if isinstance(label, str) else label.formula
        if not text:
            raise DataError("A dead unit has no formula.", "Ask for another row.")
        # Imported here, because reading a run needs neither formulas nor concepts.
        from invert_core.formula.formula import Formula

        return Formula.parse(text).evaluate(self.concepts)

    def to_csv(self) -> str:
        """Return all rows as the text of labels.csv."""
        return HEADER + "".join(LabelText(table).csv() for table in self.tables)

    def to_jsonl(self) -> str:
        """Return all rows with `by_length` as the text of labels.jsonl, one object per line."""
        return "".join(LabelText(table).jsonl() for table in self.tables)

    @classmethod
    def from_jsonl(cls, lines: Iterable[str], name: str = "labels.jsonl") -> "Labels":
        """Read what `to_jsonl` wrote.

        Raises
        ------
        FileFormatError
            A line is not a row; the message names the file, called `name`, and the line.
        """
        return cls.of_tables(tables_of(lines, name))


def conviction(row: Label) -> tuple[bool, float, float]:
    """Return the sort key of `Labels.best`."""
    stands = row.status == "ok" and row.p_search < SIGNIFICANT
    return (not stands, -abs(row.auc - 0.5), row.log10_p_search)


def _best_of(table: LabelTable, top: int | None) -> list[Label]:
    """Return the rows of a table that `best` returns if there are no others."""
    status = table.array("status")
    first = np.flatnonzero((table.array("rank") == 1) & (status != "dead"))
    stands = (status == "ok") & (table.array("p_search") < SIGNIFICANT)
    distance, log10_p = np.abs(table.array("auc") - 0.5), table.array("log10_p_search")
    order = np.lexsort((log10_p[first], -distance[first], ~stands[first]))
    return table.take(first[order][:top])


def _has_number(table: LabelTable, address: str) -> np.ndarray:
    """Return the positions of the rows whose `address` is the given one."""
    layer, _, number = address.rpartition(":")
    is_number = number.isascii() and number.isdecimal() and number == str(int(number[:18]))
    unit = int(number) if is_number else -1
    return np.flatnonzero((table.array("layer") == layer) & (table.array("unit") == unit))


def _has_name(table: LabelTable, address: str) -> np.ndarray:
    """Return the positions of the rows whose `named_address` is the given one."""
    names = table.array("unit_name")
    named = table.array("layer") + ":" + names
    return np.flatnonzero((names != "") & (named == address))


def tables_of(lines: Iterable[str], name: str) -> Iterator[LabelTable]:
    """Read lines of labels.jsonl into tables of whole units, as `Labels.from_jsonl` does."""
    rows: list[Record] = []
    for _, of_unit in itertools.groupby(_records(lines, name), _unit_of):
        rows += of_unit
        if len(rows) >= _ROWS_PER_TABLE:
            yield LabelTable.of_records(rows)
            rows = []
    if rows:
        yield LabelTable.of_records(rows)


def _unit_of(record: Record) -> tuple[str, int]:
    return record[0]["layer"], record[0]["unit"]


def _records(lines: Iterable[str], name: str) -> Iterator[Record]:
    for number, line in enumerate(lines, start=1):
        try:
            values = json.loads(line)
            # Before labels could be missing, formulas had no number of samples of their own.
            of_row = {"n_samples": values["n_samples"]}
            by_length = [checked(Explanation, of_row | found) for found in values.pop("by_length")]
            yield checked(Label, values), by_length
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise FileFormatError(
                f"Line {number} of {name} is not a label ({str(error)[:80]}).",
                "Label again with: invert label ACTIVATIONS CONCEPTS -o RUN",
            ) from error
