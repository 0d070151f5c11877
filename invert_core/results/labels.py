"""The result of a labelling: rows that say what each unit detects, and how they are written."""

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
    concepts : ConceptSet or None
        As it was joined to the activations; None when the rows were read from a run.
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
        """The row of rank 1 of every unit and direction that is not dead, most convincing first.

        Significant and trusted ones first (p_search below 0.05, status "ok"), then by the distance
        of the AUC from 0.5, then by `log10_p_search`.
        """
        first = [row for row in self.rows if row.rank == 1 and row.status != "dead"]
        return tuple(sorted(first, key=_conviction))

    def at(self, address: str) -> tuple[Label, ...]:
        """The rows of one unit, given as ``layer:unit``, with the number or the name of the unit.

        A name that is the number of another unit means that one.

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
        """Where a formula is true: bool, one for each sample in the order of the activations.

        False where the formula is not defined.

        Parameters
        ----------
        label : Label, Explanation or str
            A row of this result, or a formula in concept ids.
        """
        if self.concepts is None:
            raise DataError(
                "These labels were read from a run and hold no concepts.",
                "Evaluate the formula with Formula.parse(text).evaluate(concepts).",
            )
        text = label if isinstance(label, str) else label.formula
        if not text:
            raise DataError("A dead unit has no formula.", "Ask for another row.")
        # Whoever reads a run needs neither formulas nor concepts.
        from invert_core.formula.formula import Formula

        return Formula.parse(text).evaluate(self.concepts)

    def to_csv(self) -> str:
        """All rows as labels.csv."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(row.row().values() for row in self.rows)
        return text.getvalue()

    def to_jsonl(self) -> str:
        """All rows and `by_length` as labels.jsonl, one object per line."""
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
            A line is not such an object; the message names `name` and the line.
        """
        rows = []
        for number, line in enumerate(lines, start=1):
            try:
                values = json.loads(line)
                # Before there were missing labels, all formulas had the samples of the row.
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
