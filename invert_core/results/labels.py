"""The result of a labelling: rows that say what each unit detects, in memory and as text."""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from invert_core.errors import DataError, FileFormatError, UnknownNameError
from invert_core.results.columns import Explanation, Label
from invert_core.results.label_table import LabelTable, Record
from invert_core.results.label_text import HEADER, LabelText
from invert_core.results.row_checks import checked
from invert_core.settings import SIGNIFICANT
from invert_core.wording import counted, first_few, nearest

if TYPE_CHECKING:
    from invert_core.concepts.sets.concept_set import ConceptSet

COLUMNS = Label.ORDER
"""The columns of labels.csv."""

_ROWS_PER_TABLE = 1000


class Labels:
    """All rows of a labelling, in the order of layers, units, objectives, directions and ranks.

    The rows are stored as columns. A `Label` is made when someone asks for one.

    Parameters
    ----------
    rows : iterable of Label
        The rows; each says what a unit detects.
    concepts : ConceptSet or None
        The concepts, joined to the activations; None if the rows were read from a run.
    aliases : mapping of layer name to str, optional
        Another name of each layer that has one, by which `at` finds it, too.
    """

    def __init__(
        self,
        rows: Iterable[Label] = (),
        concepts: "ConceptSet | None" = None,
        aliases: Mapping[str, str] | None = None,
    ):
        self.concepts = concepts
        self.aliases = dict(aliases or {})
        made = [LabelTable.of_rows(rows)]
        self._load: Callable[[], Iterable[LabelTable]] = lambda: made

    @classmethod
    def of_tables(
        cls,
        tables: Iterable[LabelTable],
        concepts: "ConceptSet | None" = None,
        aliases: Mapping[str, str] | None = None,
    ) -> "Labels":
        """Return the rows of all tables, in order."""
        made = list(tables)
        return cls.loaded_by(lambda: made, concepts, aliases)

    @classmethod
    def loaded_by(
        cls,
        load: Callable[[], Iterable[LabelTable]],
        concepts: "ConceptSet | None" = None,
        aliases: Mapping[str, str] | None = None,
    ) -> "Labels":
        """Return rows that `load` reads once someone asks for them."""
        made = cls(concepts=concepts, aliases=aliases)
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
        """Return the label of every living unit and direction by the first objective, best first.

        The label is the `headline`, or the row of rank 1 in runs of earlier versions.

        They are not in the order of units, and there are fewer of them than units if some are dead.

        Rows that are significant and trusted (`p_search` below 0.05, status "ok") come first. Then
        the distance of the AUC from 0.5 decides, then `log10_p_search`.

        Parameters
        ----------
        top : int, optional
            The most rows to return; None returns all.
        """
        first = [row for table in self.tables for row in table.take(best_rows(table, top))]
        return tuple(sorted(first, key=conviction)[:top])

    def answers(self, top: int | None = None) -> tuple[tuple[Label, ...], ...]:
        """Return the rows of `best`, each followed by those of other objectives that it goes with.

        These are the labels of the same unit and direction, such as the peak by "phi".

        Parameters
        ----------
        top : int, optional
            The most answers to return; None returns all.
        """
        found = [
            tuple(table.take(at))
            for table in self.tables
            for at in answers_of(table, best_rows(table, top))
        ]
        return tuple(sorted(found, key=lambda rows: conviction(rows[0]))[:top])

    def sample_counts(self) -> set[int]:
        """Return all different numbers of samples on which formulas were compared."""
        counts = {self.concepts.n_samples} if self.concepts is not None else set()
        for table in self.tables:
            counts.update(table.explained["n_samples"].tolist())
        return counts

    def at(self, address: str) -> tuple[Label, ...]:
        """Return the rows of one unit, given as ``layer:unit``.

        The layer is given by its name or alias, the unit by its number or name. What follows the
        last colon is a number if it looks like one, so the number of one unit counts before the
        name of another; names may hold colons. What is the name of a layer is never an alias.

        Raises
        ------
        UnknownNameError
            There is no such unit, or several have this name.
        """
        names = {name for table in self.tables for name in table.values("layer")}
        usable = {name: alias for name, alias in self.aliases.items() if alias not in names}
        for is_at, aliases in itertools.product((_has_number, _has_name), ({}, usable)):
            found = [
                row
                for table in self.tables
                for row in table.take(is_at(table, _called(table, aliases), address))
            ]
            if found:
                return _of_one_unit(found, address)
        raise self._no_unit(address)

    def _no_unit(self, address: str) -> UnknownNameError:
        layer, _, unit = address.rpartition(":")
        units: dict[str, dict[int, str]] = {}
        for table in self.tables:
            of_rows = (table.values(name) for name in ("layer", "unit", "unit_name"))
            for row_layer, number, name in zip(*of_rows, strict=True):
                units.setdefault(row_layer, {})[number] = name
        layer = next((name for name in units if self.aliases.get(name) == layer), layer)
        if layer in units:
            of_layer = units[layer]
            hint = nearest(
                unit,
                filter(None, of_layer.values()),
                f"The units of layer {layer!r} go from {min(of_layer)} to {max(of_layer)}.",
            )
        elif not units:
            hint = "There are no rows at all."
        else:
            name, (number, *_) = next(iter(units.items()))
            layers = list(units)
            hint = nearest(
                layer,
                [*layers, *self.aliases.values()],
                f"Give LAYER:UNIT, as in {name}:{number}; the layers are {first_few(layers)}.",
            )
        return UnknownNameError(f"There is no unit {address!r}.", hint)

    def extent(self, label: Explanation | str) -> np.ndarray:
        """Return on which samples a formula is true: bool, in the order of the activations.

        It is False on samples on which the formula is not defined.

        Parameters
        ----------
        label : Label, Explanation or str
            A row of this result, or a formula in concept ids or names.

        Raises
        ------
        DataError
            The rows were read from a run, or the row is that of a dead unit.
        FormulaError, UnknownNameError
            The text is not a formula, names a concept that does not exist, or has a name that
            several concepts have.
        """
        if self.concepts is None:
            raise DataError(
                "These labels were read from a run and hold no concepts.",
                "Evaluate the formula with Formula.parse(text).evaluate(concepts).",
            )
        # Imported here, because reading a run needs neither formulas nor concepts.
        from invert_core.formula.formula import Formula

        if isinstance(label, str):
            return Formula.parse(label, self.concepts).evaluate(self.concepts)
        if not label.formula:
            raise DataError("A dead unit has no formula.", "Ask for another row.")
        return Formula.parse(label.formula).evaluate(self.concepts)

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


def best_rows(table: LabelTable, top: int | None) -> np.ndarray:
    """Return the positions of the rows that `Labels.best` returns if there are no others."""
    status = table.array("status")
    first = np.flatnonzero(table.is_label() & table.is_of_first_objective() & (status != "dead"))
    stands = (status == "ok") & (table.array("p_search") < SIGNIFICANT)
    distance, log10_p = np.abs(table.array("auc") - 0.5), table.array("log10_p_search")
    order = np.lexsort((log10_p[first], -distance[first], ~stands[first]))
    return first[order][:top]


def answers_of(table: LabelTable, labels: np.ndarray) -> list[np.ndarray]:
    """Return where the rows of `Labels.answers` are, int64 [n] each, given labels to begin with."""
    direction, is_other = table.array("direction"), ~table.is_of_first_objective()
    bounds = np.append(np.flatnonzero(table.begins_unit()), len(table))
    is_other &= table.is_label()
    found = []
    for at in labels.tolist():
        unit = np.searchsorted(bounds, at, side="right")
        of_unit = np.arange(bounds[unit - 1], bounds[unit])
        is_beside = is_other[of_unit] & (direction[of_unit] == direction[at])
        found.append(np.append(at, of_unit[is_beside]))
    return found


def _called(table: LabelTable, aliases: Mapping[str, str]) -> np.ndarray:
    """Return the layer of each row by its alias, or by its name if it has none."""
    layers = table.array("layer")
    if not aliases:
        return layers
    return np.array([aliases.get(name, name) for name in layers.tolist()], object)


def _has_number(table: LabelTable, layers: np.ndarray, address: str) -> np.ndarray:
    """Return the positions of the rows whose layer and unit number are the given ones."""
    layer, _, number = address.rpartition(":")
    is_number = number.isascii() and number.isdecimal() and number == str(int(number[:18]))
    unit = int(number) if is_number else -1
    return np.flatnonzero((layers == layer) & (table.array("unit") == unit))


def _has_name(table: LabelTable, layers: np.ndarray, address: str) -> np.ndarray:
    """Return the positions of the rows whose layer and unit name are the given ones."""
    names = table.array("unit_name")
    return np.flatnonzero((names != "") & (layers + ":" + names == address))


def _of_one_unit(rows: list[Label], address: str) -> tuple[Label, ...]:
    units = list(dict.fromkeys(row.address for row in rows))
    if len(units) > 1:
        raise UnknownNameError(
            f"{counted(len(units), 'unit')} are called {address!r}.",
            f"Give one of them by its number: {first_few(units, called=str)}.",
        )
    return tuple(rows)


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
