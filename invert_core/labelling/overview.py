"""What is printed about a labelling, gathered while its rows pass by."""

from collections import Counter
from dataclasses import replace
from typing import Self

import numpy as np

from invert_core.labelling.q_values import QValues
from invert_core.results.columns import Label
from invert_core.results.label_table import LabelTable
from invert_core.results.labels import Labels, answers_of, best_rows, conviction
from invert_core.settings import Settings


class Overview:
    """The most convincing rows and the counts of a labelling; other rows are not kept.

    Parameters
    ----------
    top : int
        The most answers to keep.
    settings : Settings, optional
        The settings of a labelling in progress, whose rows have no q-values yet. None takes rows as
        they are.

    Attributes
    ----------
    n_units, n_dead : int
        Number of units, and of dead units among them.
    sample_counts : set of int
        All different numbers of samples on which formulas were compared.
    verdicts : dict of str to Counter
        How many labels by each objective have each verdict; dead units count for the first one.
    doubtful : Label or None
        The most convincing label that does not say what its unit responds to most.
    """

    def __init__(self, top: int, settings: Settings | None = None):
        self._top = top
        self._q_values = None if settings is None else QValues(settings)
        self._best: list[tuple[list[int], tuple[Label, ...]]] = []
        self._n_rows = 0
        self.n_units = self.n_dead = 0
        self.sample_counts: set[int] = set()
        self.verdicts: dict[str, Counter[str]] = {}
        self.doubtful: Label | None = None

    @classmethod
    def of(cls, labels: Labels, top: int) -> Self:
        """Return the overview of all rows."""
        made = cls(top)
        made.add(labels)
        return made

    def add(self, labels: Labels) -> None:
        """Take the rows of the next units."""
        for table in labels.tables:
            for at in answers_of(table, best_rows(table, self._top)):
                self._best.append(((self._n_rows + at).tolist(), tuple(table.take(at))))
            if self._q_values is not None:
                self._q_values.add(table)
            self._n_rows += len(table)
            self.n_units += len(table.units())
            is_dead = table.array("status") == "dead"
            self.n_dead += int(is_dead.sum())
            judged = np.flatnonzero(table.is_label() | is_dead)
            of_rows = (table.array(name)[judged].tolist() for name in ("objective", "verdict"))
            for objective, verdict in zip(*of_rows, strict=True):
                self.verdicts.setdefault(objective, Counter())[verdict] += 1
            self._note_doubtful(table)
        self._best = sorted(self._best, key=lambda one: conviction(one[1][0]))[: self._top]
        self.sample_counts |= labels.sample_counts()

    def _note_doubtful(self, table: LabelTable) -> None:
        at = best_rows(table, None)
        at = at[table.array("verdict")[at] == "bulk"][:1]
        found = [*table.take(at), *([self.doubtful] if self.doubtful else [])]
        self.doubtful = min(found, key=conviction, default=None)

    @property
    def best(self) -> tuple[tuple[Label, ...], ...]:
        """The first `top` of `Labels.answers`, with the q-values that the rows so far give."""
        if self._q_values is None:
            return tuple(rows for _, rows in self._best)
        of_rows = self._q_values.of_rows()
        return tuple(
            tuple(
                replace(row, q_value=float(of_rows[number]))
                for number, row in zip(numbers, rows, strict=True)
            )
            for numbers, rows in self._best
        )

    @property
    def n_significant(self) -> int | None:
        """Number of units that are "ok" with a q-value below 0.05, if q-values are gathered."""
        return None if self._q_values is None else self._q_values.n_significant()
