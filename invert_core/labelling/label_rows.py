"""Rows of the result: the formulas that a search found, with p-values and a status."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from invert_core.executors.threads import Piece
from invert_core.formula.formula import Formula, LiteralNames
from invert_core.labelling.workload import Workload
from invert_core.metrics.table import METRICS, measured
from invert_core.results.columns import Explanation, Label
from invert_core.search.search import Units
from invert_core.statistics.corrections import is_trusted, log10_p_search
from invert_core.statistics.tails import RankSpread, log10_p_skewed, p_values, z_score

Columns = dict[str, np.ndarray]
"""The values of F rows, keyed by column: arrays [F]."""


@dataclass(frozen=True)
class Tested:
    """Results of F tests: of F formulas, or of one formula on F units.

    Attributes
    ----------
    columns : Columns
        The columns of `Explanation` that hold numbers.
    log10_skewed : float64 [F]
        `log10_p`, with the skew of U taken into account.
    is_constant : bool [F]
        Whether the unit was constant, so that there was nothing to test.
    """

    columns: Columns
    log10_skewed: np.ndarray
    is_constant: np.ndarray

    def methods(self) -> np.ndarray:
        """Return the `method` of each row: the distribution that its p-value comes from."""
        return np.where(self.is_constant, "none", "normal")

    def corrected(self, n_tests: int, constant: str) -> Columns:
        """Return the columns that depend on the number of tests, which is at least 1.

        `constant` is the status of a formula whose unit is constant.
        """
        p_value, log10_p = self.columns["p_value"], self.columns["log10_p"]
        log10_corrected = log10_p_search(p_value, log10_p, n_tests)
        trusted = is_trusted(log10_corrected, self.log10_skewed, n_tests)
        status = np.where(trusted, "ok", "untrusted")
        return {
            "p_search": p_value if n_tests == 1 else 10.0**log10_corrected,
            "log10_p_search": log10_corrected,
            "method": self.methods(),
            "status": np.where(self.is_constant, constant, status),
        }


def tested_formulas(
    n_positive: Sequence[int], doubled_u: Sequence[int], spread: RankSpread
) -> Tested:
    """Test formulas whose U is known.

    Parameters
    ----------
    n_positive, doubled_u : sequences of F int
        n1 and 2U of each formula.
    spread : RankSpread
        Rank spread of each formula's unit, arrays [F].
    """
    n1 = np.array(n_positive, np.int64)
    u2 = np.array(doubled_u, np.int64)
    p_value, log10_p = p_values(u2, n1, spread, "two-sided")
    z = z_score(u2, n1, spread)
    columns = {
        "auc": u2 / (2 * n1 * (spread.n_samples - n1)),
        "u": u2 / 2.0,
        "z": z,
        "p_value": p_value,
        "log10_p": log10_p,
        "n_positive": n1,
        "n_samples": np.broadcast_to(spread.n_samples, n1.shape),
        "concept_fraction": n1 / spread.n_samples,
    }
    return Tested(columns, log10_p_skewed(log10_p, z, spread.skewness(n1)), spread.is_dead)


def by_row(columns: Columns) -> list[dict[str, Any]]:
    """Convert columns to one mapping per row."""
    values = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in values]


def unit_columns(layer: str, unit: int, unit_names: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return the columns that name a unit; `unit_names` are those of `Workload.unit_names`."""
    names = unit_names.get(layer)
    return {"layer": layer, "unit": unit, "unit_name": names[unit] if names else ""}


class LabelRows:
    """Makes the rows of a labelling.

    Parameters
    ----------
    work : Workload
    n_tests : int
        Number of formulas that `p_search` corrects for.
    """

    def __init__(self, work: Workload, n_tests: int):
        self._work = work
        self._n_tests = n_tests
        self._names = LiteralNames(work.concepts)
        self._unit_names = work.unit_names

    def of_piece(self, piece: Piece, addresses: Sequence[tuple[str, int]]) -> Iterator[list[Label]]:
        """Yield the rows of each unit in a piece; a dead unit has one row without a formula.

        `addresses` holds the layer and number of each unit.
        """
        found = list(piece.explained.found)
        tested = tested_formulas(
            [one.n_positive for one in found],
            [one.doubled_u for one in found],
            piece.explained.spread,
        )
        explained: list[dict[str, Any]] = [
            {
                "formula": self._names.formula(one.literals, one.connectives),
                "label": self._names.label(one.literals, one.connectives),
                "length": one.length,
            }
            | numbers
            for one, numbers in zip(found, by_row(tested.columns), strict=True)
        ]
        corrected = by_row(tested.corrected(self._n_tests, constant="constant"))
        at = 0
        for number, (layer, unit) in enumerate(addresses):
            of_unit = unit_columns(layer, unit, self._unit_names)
            rows: list[Label] = []
            for result in piece.explained.results[number]:
                columns = of_unit | {"direction": result.direction}
                if not result.reported:
                    n_samples = self._work.concepts.n_samples
                    rows.append(Label.of_dead_unit(**columns, n_samples=n_samples))
                    continue
                first, at = at, at + len(result.reported)
                last, at = at, at + len(result.by_length)
                by_length = tuple(Explanation(**explained[row]) for row in range(last, at))
                columns |= {"n_scored": result.n_scored, "gap": result.gap}
                rows += [
                    Label(
                        rank=row - first + 1,
                        by_length=by_length if row == first else (),
                        **columns,
                        **explained[row],
                        **corrected[row],
                    )
                    for row in range(first, last)
                ]
            if METRICS:
                rows = [self._measured(row, piece.units, number) for row in rows]
            yield rows

    def _measured(self, row: Label, units: Units, number: int) -> Label:
        """Fill the columns of the metrics, from the samples on which the formula is defined."""
        if not row.formula:
            return row
        concepts, formula = self._work.concepts, Formula.parse(row.formula)
        values, extent = values_of(units, number), formula.evaluate(concepts)
        if concepts.defined is not None:
            is_defined = formula.defined_on(concepts)
            values, extent = values[is_defined], extent[is_defined]
        return replace(row, **measured(values, extent))


def values_of(units: Units, number: int) -> np.ndarray:
    """Return the activations of one of the units: float32 or float64 [N]."""
    if isinstance(units, np.ndarray):
        values = units[number]
    else:
        samples, stored = units[number]
        values = np.zeros(units.n_samples, stored.dtype)
        values[samples] = stored
    # Sums of many float16 would overflow.
    return values.astype(np.float32) if values.dtype == np.float16 else values
