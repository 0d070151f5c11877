"""The rows of a run as columns, each with the place that it has in the evidence."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from invert_core.formula.syntax import tokens
from invert_core.report.shown_values import rounded
from invert_core.results.columns import VERDICTS
from invert_core.results.evidence_file import RunEvidence
from invert_core.results.label_table import LabelTable
from invert_core.results.labels import Labels
from invert_core.results.verdicts import TOP
from invert_core.wording import power_of_ten, small_number

Columns = dict[str, list[Any]]
"""Columns of the same length, by the name of the field that they fill."""


class Tokens:
    """Formulas in which numbers stand for concepts, such as ``12&~(3|4)``.

    Parameters
    ----------
    concepts : sequence of str [C]
        Their ids; a formula gets the positions of its concepts in this sequence.
    """

    def __init__(self, concepts: Sequence[str]):
        self._place = {id: str(place) for place, id in enumerate(concepts)}
        self._known: dict[str, str] = {"": ""}

    def of(self, formula: str) -> str:
        """Return the tokens of a formula in ids; those of no formula are the empty text."""
        found = self._known.get(formula)
        if found is None:
            found = self._known[formula] = "".join(
                self._place[text] if kind == "id" else text for kind, text, _ in tokens(formula)
            )
        return found


@dataclass(frozen=True, eq=False)
class RunRows:
    """The rows of a run as columns.

    Parameters
    ----------
    labels : Labels
    evidence : RunEvidence
        The evidence of these rows.
    """

    labels: Labels
    evidence: RunEvidence

    def __len__(self) -> int:
        return len(self.record)

    @cached_property
    def record(self) -> np.ndarray:
        """Which of the S records of units each row is about: int64 [R]."""
        return self.evidence.rows["record"].astype(np.int64)

    @cached_property
    def objective(self) -> np.ndarray:
        """The objective of each row, as an index into `objectives`: int64 [R]."""
        place = {name: number for number, name in enumerate(self.objectives)}
        return np.array([place[name] for name in self.values("objective")])

    @cached_property
    def objectives(self) -> tuple[str, ...]:
        """The objectives, in the order of their rows."""
        return tuple(dict.fromkeys(self.values("objective")))

    @cached_property
    def is_label(self) -> np.ndarray:
        """Which rows are the label of their unit, direction and objective: bool [R]."""
        return np.concatenate([table.is_label() for table in self.labels.tables])

    @property
    def n_first(self) -> int:
        """How many of the samples at the top hits are told of in tables."""
        return min(TOP, self.evidence.n_samples)

    @property
    def hits_of_first(self) -> list[float]:
        """Of each row, the hits among these samples."""
        cut = int(np.flatnonzero(self.evidence.cuts == self.n_first)[0])
        return self.evidence.rows["hits"][:, cut].tolist()

    def values(self, name: str) -> list[Any]:
        """Return a column of all rows, as values of Python."""
        return [one for table in self.labels.tables for one in table.values(name)]

    def by_length(self) -> Iterator[list[tuple[Any, ...]]]:
        """Yield, for each row, the columns `_OF_LENGTH` of the best formulas of each length."""
        for table in self.labels.tables:
            yield from _by_length(table)

    def answers(self, objective: int) -> np.ndarray:
        """Return the row that is the label by an objective of each record: int64 [S], -1 for none.

        A dead unit has one row, which stands for both directions.
        """
        n_records = len(self.evidence.direction)
        found = np.full(n_records, -1)
        at = np.flatnonzero(self.is_label & (self.objective == objective))
        found[self.record[at]] = at
        if objective == 0:
            n_ways = n_records // self.evidence.concepts.n_units
            for row in np.flatnonzero(np.array(self.values("verdict"), object) == "dead").tolist():
                first = self.record[row] // n_ways * n_ways
                found[first : first + n_ways] = row
        return found


_OF_LENGTH = ("formula", "auc", "length", "log10_p", "score")


def _by_length(table: LabelTable) -> Iterator[list[tuple[Any, ...]]]:
    columns = [table.explained[name][table.by_length].tolist() for name in _OF_LENGTH]
    found = list(zip(*columns, strict=True))
    start = 0
    for stop in table.ends.tolist():
        yield found[start:stop]
        start = stop


def row_columns(rows: RunRows, tokens: Tokens) -> Columns:
    """Return, as the page shows them, the columns of labels.csv that it has of every row."""
    low, high = (rounded(rows.values(f"auc_held_out_{end}"), 2) for end in ("low", "high"))
    n_samples, held_out = rows.evidence.n_samples, rows.evidence.held_out_cuts
    n_held_out = None if held_out is None else int(held_out[-1])
    return {
        "o": rows.objective.tolist(),
        "f": [tokens.of(formula) for formula in rows.values("formula")],
        "s": rounded(rows.values("score")),
        "a": rounded(rows.values("auc")),
        "ah": rounded(rows.values("auc_held_out")),
        "ci": [None if ends[0] is None else ends for ends in zip(low, high, strict=True)],
        "sh": rounded(rows.values("score_held_out")),
        "p": [power_of_ten(one) for one in rows.values("log10_p_search")],
        "q": [None if one is None else small_number(one) for one in rows.values("q_value")],
        "n": rows.values("n_positive"),
        "N": [None if one == n_samples else one for one in rows.values("n_samples")],
        "nh": rows.values("n_positive_held_out"),
        "Nh": [None if one == n_held_out else one for one in rows.values("n_samples_held_out")],
        "h": rounded(rows.hits_of_first, 2),
        "v": [VERDICTS.index(word) for word in rows.values("verdict")],
        "y": rows.is_label.astype(int).tolist(),
        "len": [[_of_length(one, tokens) for one in of_row] or None for of_row in rows.by_length()],
    }


def _of_length(columns: tuple[Any, ...], tokens: Tokens) -> list[Any]:
    formula, auc, length, log10_p, score = columns
    return [tokens.of(formula), *rounded([auc]), length, power_of_ten(log10_p), *rounded([score])]
