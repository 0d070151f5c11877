"""The result of a labelling: rows that say what each unit detects, in memory and as text."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from invert_core.errors import DataError, FileFormatError, UnknownNameError
from invert_core.results.columns import Explanation, Label, checked
from invert_core.settings import SIGNIFICANT
from invert_core.wording import first_few, nearest

if TYPE_CHECKING:
    from invert_core.concepts.sets.concept_set import ConceptSet

COLUMNS = Label.ORDER
"""The columns of labels.csv."""


@dataclass(frozen=True, repr=False)
class Labels:
    """All rows of a labelling, in the order of layers, units, directions and ranks.

    Parameters
    ----------
    rows : tuple of Label
        The rows; each says what a unit detects.
    concepts : ConceptSet or None
        The concepts, joined to the activations; None if the rows were read from a run.
    """

    rows: tuple[Label, ...]
    concepts: "ConceptSet | None" = None

    def __repr__(self) -> str:
        units = len({row.address for row in self.rows})
        return f"<Labels of {units} units in {len(self.rows)} rows>"

    def __iter__(self) -> Iterator[Label]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def best(self) -> tuple[Label, ...]:
        """Return the row of rank 1 of every unit and direction, except dead units, best first.

        Rows that are significant and trusted (`p_search` below 0.05, status "ok") come first. Then
        the distance of the AUC from 0.5 decides, then `log10_p_search`.
        """
        first = [row for row in self.rows if row.rank == 1 and row.status != "dead"]
        return tuple(sorted(first, key=_conviction))

    def at(self, address: str) -> tuple[Label, ...]:
        """Return the rows of one unit, given as ``layer:unit`` with the unit's number or name.

        If a name is also the number of another unit, the number counts.

        Raises
        ------
        UnknownNameError
            There is no such unit.
        """
        found = tuple(row for row in self.rows if row.address == address) or tuple(
            row for row in self.rows if row.unit_name and row.named_address == address
        )
        if not found:
            layer = address.rpartition(":")[0]
            layers = list(dict.fromkeys(row.layer for row in self.rows))
            units = [row.unit for row in self.rows if row.layer == layer]
            raise UnknownNameError(
                f"There is no unit {address!r}.",
                f"The units of layer {layer!r} go from {min(units)} to {max(units)}."
                if units
                else nearest(
                    layer,
                    layers,
                    f"Give LAYER:UNIT, as in {self.rows[0].address}; the layers are "
                    f"{first_few(layers)}.",
                ),
            )
        return found

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
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(row.row().values() for row in self.rows)
        return text.getvalue()

    def to_jsonl(self) -> str:
        """Return all rows with `by_length` as the text of labels.jsonl, one object per line."""
        return "".join(
            json.dumps(
                row.row() | {"by_length": [vars(found) for found in row.by_length]},
                ensure_ascii=False,
                allow_nan=False,
            )
            + "\n"
            for row in self.rows
        )

    @classmethod
    def from_jsonl(cls, lines: Iterable[str], name: str = "labels.jsonl") -> "Labels":
        """Read what `to_jsonl` wrote.

        Raises
        ------
        FileFormatError
            A line is not a row; the message names the file, called `name`, and the line.
        """
        rows = []
        for number, line in enumerate(lines, start=1):
            try:
                values = json.loads(line)
                # Before labels could be missing, formulas had no number of samples of their own.
                of_row = {"n_samples": values["n_samples"]}
                by_length = tuple(
                    Explanation(**checked(Explanation, of_row | found))
                    for found in values.pop("by_length")
                )
                rows.append(Label(**checked(Label, values), by_length=by_length))
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                raise FileFormatError(
                    f"Line {number} of {name} is not a label ({str(error)[:80]}).",
                    "Label again with: invert label ACTIVATIONS CONCEPTS -o RUN",
                ) from error
        return cls(tuple(rows))


def _conviction(row: Label) -> tuple[bool, float, float]:
    stands = row.status == "ok" and row.p_search < SIGNIFICANT
    return (not stands, -abs(row.auc - 0.5), row.log10_p_search)
