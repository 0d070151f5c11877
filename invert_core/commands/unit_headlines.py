"""The label of a unit and its peak: what each says, and what it is worth."""

from collections.abc import Sequence
from dataclasses import dataclass

from invert_core.commands.console import printable
from invert_core.results.columns import Label
from invert_core.results.unit_evidence import RowEvidence, UnitEvidence

CALLED = {"auc": "label", "phi": "peak"}
"""What the label by an objective is called."""


@dataclass(frozen=True, eq=False)
class Headline:
    """What one objective, or several that say the same, call the label of a unit.

    Attributes
    ----------
    rows : tuple of Label
        A row by each of these objectives.
    evidence : RowEvidence or None
        That of the formula, if the run holds any.
    """

    rows: tuple[Label, ...]
    evidence: RowEvidence | None

    @property
    def row(self) -> Label:
        """The row by the first of the objectives."""
        return self.rows[0]

    @property
    def called(self) -> str:
        """What it is called, such as "label and peak"."""
        return " and ".join(map(called, self.rows))

    @property
    def name(self) -> str:
        """What it is called in a table."""
        return self.called if len(self.rows) == 1 else "both" if len(self.rows) == 2 else "all"

    @property
    def sentence(self) -> str:
        """What it says and what it is worth, on one line."""
        judged = [row for row in self.rows if row.verdict != "none"]
        worths = {_worth(row): row for row in judged}
        told = [
            f"{called(row)} {worth}" if len(worths) > 1 else worth for worth, row in worths.items()
        ]
        worth = f" ({'; '.join(told)})" if told else ""
        return printable(f"{self.called[0].upper()}{self.called[1:]}: {self.row.label}{worth}")


def called(row: Label) -> str:
    """Return what the label by an objective is called."""
    return CALLED.get(row.objective, f"label by {row.objective}")


def headlines(rows: Sequence[Label], evidence: UnitEvidence | None) -> list[Headline]:
    """Return the headlines among the rows of a unit in one direction; those alike are one."""
    of_rows = [None] * len(rows) if evidence is None else evidence.of_rows
    alike: dict[str, list[tuple[Label, RowEvidence | None]]] = {}
    for row, found in zip(rows, of_rows, strict=True):
        if row.headline and row.formula:
            alike.setdefault(row.formula, []).append((row, found))
    return [Headline(tuple(row for row, _ in same), same[0][1]) for same in alike.values()]


def _worth(row: Label) -> str:
    """Say what a label is worth, and of how many of the highest samples it is true."""
    if row.precision_at_10 is None:
        return row.verdict
    n_top = min(10, row.n_samples)
    hits = f"{n_top * row.precision_at_10:.2g}"
    return f"{row.verdict}: true on {hits} of the {n_top} {end_of(row)} samples"


def end_of(row: Label) -> str:
    """Say which samples are at the top of a direction."""
    return "lowest" if row.direction == "negative" else "highest"
