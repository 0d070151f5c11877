"""What the page of one unit shows: its values, its samples, and all formulas found for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from invert_core.report.concept_lists import Listed
from invert_core.report.run_rows import Columns, RunRows
from invert_core.report.shown_values import marks, significant, steps
from invert_core.results.evidence_file import RunEvidence
from invert_core.results.evidence_records import NO_SAMPLE, NO_UNIT


@dataclass(frozen=True, eq=False)
class UnitDetails:
    """Makes the details of units.

    Parameters
    ----------
    rows : RunRows
    followed : list [E]
        The concepts that each of the chosen records follows most.
    records : int64 [E]
        The chosen ones of the S records of units.
    row_columns : dict of str to list [R]
        The fields of rows that are columns of labels.csv.
    all_charts : bool
        Whether all formulas have what charts need, or labels and peaks only.
    """

    rows: RunRows
    followed: Listed
    records: np.ndarray
    row_columns: Columns
    all_charts: bool = True

    def block(self, start: int, stop: int) -> dict[str, Any]:
        """Return the details of the chosen records from `start` to `stop`.

        ``units`` holds columns of these records, ``n_rows`` how many formulas each has, and
        ``rows`` columns of all these formulas, one record after the other. Columns take less
        space than records, because neighbours are alike.
        """
        records = self.records[start:stop]
        order, starts = self._rows_of
        at = [order[starts[one] : starts[one + 1]] for one in records.tolist()]
        units = self._unit_columns(records) | {"con": self.followed[start:stop]}
        return {
            "units": units,
            "n_rows": [of_record.size for of_record in at],
            "rows": self._columns_of(np.concatenate([order[:0], *at])),
        }

    @property
    def _evidence(self) -> RunEvidence:
        return self.rows.evidence

    @cached_property
    def _shown(self) -> np.ndarray:
        """The samples shown, as rows of the activation file: int64 [n], ascending."""
        return np.fromiter(self._evidence.shown, np.int64)

    @cached_property
    def _rows_of(self) -> tuple[np.ndarray, np.ndarray]:
        """All formulas in the order of their records, and where those of each record begin."""
        at = np.flatnonzero(np.array(self.row_columns["f"], object) != "")
        record = self.rows.record[at]
        order = np.argsort(record, kind="stable")
        n_records = len(self._evidence.direction)
        return at[order], np.searchsorted(record[order], np.arange(n_records + 1))

    @cached_property
    def _entry(self) -> dict[tuple[str, str, int], int]:
        """The place of each chosen record, by its layer, direction and number."""
        evidence, unit = self._evidence, self._evidence.units["unit"]
        return {
            (evidence.layer[record], evidence.direction[record], int(unit[record])): entry
            for entry, record in enumerate(self.records.tolist())
        }

    def _unit_columns(self, records: np.ndarray) -> Columns:
        of = {name: values[records] for name, values in self._evidence.units.items()}
        return {
            "r": significant(of["range"]),
            "z": of["zeros"].tolist(),
            "d": of["n_distinct"].tolist(),
            "m": of["mode_count"].tolist(),
            "h": of["hist"].tolist(),
            **self._samples(of, {"top": "tv", "middle": "mv"}),
            "share": [
                [one for one in zip(*of_unit, strict=True) if one[1]]
                for of_unit in zip(of["share"].tolist(), of["share_hits"].tolist(), strict=True)
            ],
            "like": [self._alike(record) for record in records.tolist()],
        }

    def _samples(self, of: Mapping[str, np.ndarray], named: Mapping[str, str]) -> Columns:
        """Return lists of samples, as places among those shown, and of their values."""
        found: Columns = {}
        for name, name_of_values in named.items():
            counts = (of[name] != NO_SAMPLE).sum(axis=1).tolist()
            places = np.searchsorted(self._shown, of[name]).tolist()
            values = significant(of[f"{name}_value"])
            found[_SHORT.get(name, name)] = _cut(places, counts)
            found[name_of_values] = _cut(values, counts)
        return found

    def _alike(self, record: int) -> list[tuple[int, float]]:
        """Return the chosen units that are alike, and their rank correlation."""
        evidence = self._evidence
        seen = evidence.layer[record], evidence.direction[record]
        units, r = (evidence.alike[name][record] for name in ("unit", "correlation"))
        entries = [self._entry.get((*seen, unit)) for unit in units[units != NO_UNIT].tolist()]
        return [
            (entry, round(correlation, 3))
            for entry, correlation in zip(entries, r.tolist(), strict=False)
            if entry is not None
        ]

    def _columns_of(self, at: np.ndarray) -> Columns:
        """Return the columns of some rows; what is nothing in all of them is left out."""
        evidence, picked = self._evidence, at.tolist()
        is_label = self.rows.is_label[at]
        has_charts = is_label | self.all_charts
        same = self._same_formula(at, has_charts.tolist())
        is_first = np.array([one is None for one in same], np.bool_)
        of = {name: values[at] for name, values in evidence.rows.items()}
        of_charts: Columns = {
            "hits": steps(of["hits"]),
            "hi": of["hist_in"].tolist(),
            "zi": of["zeros_in"].tolist(),
        }
        # Other formulas have no such lists, so that the page stays small.
        of_labels = self._samples(of, {"missed": "mv", "alarm": "av"})
        if evidence.held_out is not None:
            of_labels["hh"] = steps(evidence.held_out["hits"][at])
        found = {
            **{name: [of_all[row] for row in picked] for name, of_all in self.row_columns.items()},
            "e": same,
            "in": _where(is_first, marks(of["top_in"])),
            **{name: _where(is_first & has_charts, column) for name, column in of_charts.items()},
            **{name: _where(is_label, column) for name, column in of_labels.items()},
        }
        return {name: column for name, column in found.items() if column != [None] * len(column)}

    def _same_formula(self, at: np.ndarray, has_charts: Sequence[bool]) -> list[int | None]:
        """Return how many rows before each there is one of its unit and formula that has charts."""
        first: dict[tuple[int, str], int] = {}
        found: list[int | None] = []
        records, formulas = self.rows.record[at].tolist(), self.row_columns["f"]
        for place, (record, row) in enumerate(zip(records, at.tolist(), strict=True)):
            key = record, formulas[row]
            found.append(place - first[key] if key in first else None)
            if has_charts[place]:
                first.setdefault(key, place)
        return found


_SHORT = {"middle": "mid", "missed": "miss", "alarm": "al"}
"""What lists of samples are called in the page, if not as in the evidence."""


def _cut(lists: list[list[Any]], counts: list[int]) -> list[list[Any]]:
    return [one[:count] for one, count in zip(lists, counts, strict=True)]


def _where(is_kept: np.ndarray, column: list[Any]) -> list[Any]:
    """Replace by None what is not kept."""
    return [one if kept else None for kept, one in zip(is_kept.tolist(), column, strict=True)]
