"""What is printed about a labelling, gathered while its rows pass by."""

from dataclasses import replace
from typing import Self

from invert_core.labelling.q_values import QValues
from invert_core.results.columns import Label
from invert_core.results.labels import Labels, best_rows, conviction
from invert_core.settings import Settings


class Overview:
    """The most convincing rows and the counts of a labelling; other rows are not kept.

    Parameters
    ----------
    top : int
        The most rows to keep.
    settings : Settings, optional
        The settings of a labelling in progress, whose rows have no q-values yet. None takes rows as
        they are.

    Attributes
    ----------
    n_units, n_dead : int
        Number of units, and of dead units among them.
    sample_counts : set of int
        All different numbers of samples on which formulas were compared.
    """

    def __init__(self, top: int, settings: Settings | None = None):
        self._top = top
        self._q_values = None if settings is None else QValues(settings)
        self._best: list[tuple[int, Label]] = []
        self._n_rows = 0
        self.n_units = self.n_dead = 0
        self.sample_counts: set[int] = set()

    @classmethod
    def of(cls, labels: Labels, top: int) -> Self:
        """Return the overview of all rows."""
        made = cls(top)
        made.add(labels)
        return made

    def add(self, labels: Labels) -> None:
        """Take the rows of the next units."""
        for table in labels.tables:
            at = best_rows(table, self._top)
            self._best += zip((self._n_rows + at).tolist(), table.take(at), strict=True)
            if self._q_values is not None:
                self._q_values.add(table)
            self._n_rows += len(table)
            self.n_units += len(table.units())
            self.n_dead += int((table.array("status") == "dead").sum())
        self._best = sorted(self._best, key=lambda numbered: conviction(numbered[1]))[: self._top]
        self.sample_counts |= labels.sample_counts()

    @property
    def best(self) -> tuple[Label, ...]:
        """The first `top` rows of `Labels.best`, with the q-values that the rows so far give."""
        if self._q_values is None:
            return tuple(row for _, row in self._best)
        of_rows = self._q_values.of_rows()
        return tuple(replace(row, q_value=float(of_rows[number])) for number, row in self._best)

    @property
    def n_significant(self) -> int | None:
        """Number of units that are "ok" with a q-value below 0.05, if q-values are gathered."""
        return None if self._q_values is None else self._q_values.n_significant()
