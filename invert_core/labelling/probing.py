"""Probing: ranking all units by how well they detect one formula."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.formula.formula import Formula
from invert_core.labelling.choosing import UnitChoice
from invert_core.labelling.inputs import ActivationSource, ConceptSource, Inputs
from invert_core.labelling.label import Progress
from invert_core.labelling.row_columns import Columns, by_row, chosen
from invert_core.labelling.scoring import score_units
from invert_core.labelling.tested_formulas import Tested
from invert_core.results.column_fields import column, described
from invert_core.results.columns import UnitExplanation
from invert_core.settings import DIRECTIONS, SIGNIFICANT
from invert_core.statistics.corrections import adjusted
from invert_core.wording import choice

_THRESHOLD = math.log10(SIGNIFICANT)


@described
@dataclass(frozen=True, kw_only=True)
class ProbedUnit(UnitExplanation):
    """How one unit separates the extent of the probed formula."""

    p_units: float = column("`p_value` corrected (Holm) for all units that were tested.")
    log10_p_units: float = column("Decimal logarithm of `p_units`.")

    @property
    def is_tested(self) -> bool:
        """Whether the unit was tested; a constant unit is not."""
        return self.method != "none"

    @property
    def is_significant(self) -> bool:
        """Whether `p_units` is below 0.05."""
        return self.log10_p_units < _THRESHOLD

    def row(self) -> dict[str, Any]:
        """Return the columns that are printed, in order."""
        return {name: getattr(self, name) for name in COLUMNS}


COLUMNS = (
    "rank",
    "layer",
    "unit",
    "unit_name",
    "formula",
    "label",
    "auc",
    "u",
    "z",
    "p_value",
    "log10_p",
    "p_units",
    "log10_p_units",
    "method",
    "status",
    "n_positive",
    "n_samples",
    "concept_fraction",
)
"""The columns that are printed, in order."""


@dataclass(frozen=True, repr=False)
class ProbeResult:
    """The rows of all units, best first.

    Parameters
    ----------
    rows : tuple of ProbedUnit
        One row per unit, at least one.
    concepts : ConceptSet
        The concepts, joined to the activations.
    """

    rows: tuple[ProbedUnit, ...]
    concepts: ConceptSet

    def __repr__(self) -> str:
        return (
            f"<ProbeResult of {self.rows[0].formula!r}: "
            f"{self.n_significant} of {len(self.rows)} units are significant>"
        )

    def __iter__(self) -> Iterator[ProbedUnit]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def n_tested(self) -> int:
        """Number of tests that `p_units` corrects for: one for each unit that is not constant."""
        return sum(row.is_tested for row in self.rows)

    @property
    def n_significant(self) -> int:
        """Number of units whose `p_units` is below 0.05."""
        return sum(row.is_significant for row in self.rows)


def probe(
    activations: ActivationSource,
    concepts: ConceptSource,
    formula: Formula | str,
    *,
    direction: str = "both",
    layers: Sequence[str] | None = None,
    units: UnitChoice | None = None,
    names: Path | None = None,
    join: str = "strict",
    match: str = "exact",
    missing: str = "error",
    progress: Progress | None = None,
    block: int | None = None,
) -> ProbeResult:
    """Rank all units by how well they separate the samples of one formula from all others.

    The tests are the same as in `score`. Holm's procedure corrects their p-values over all units of
    the chosen layers; it is valid however the units depend on each other. Constant units do not
    count, because they are not tested.

    Parameters
    ----------
    activations, concepts, layers, units, names, join, match, missing, progress, block
        As for `label`.
    formula : Formula or str
        The formula in concept ids or names, as for `score`. Choose it before you see the
        activations.
    direction : {"both", "positive", "negative"}
        Whether to rank by the distance of the AUC from 0.5, by the largest AUC or by the smallest.
        Ties keep the order of layers and units. P-values are two-sided in each case.

    Returns
    -------
    ProbeResult
        One row per unit.

    Raises
    ------
    SettingError
        `direction` is unknown.
    FormulaError, UnknownNameError, DataError
        As for `score`.

    Examples
    --------
    >>> import numpy as np
    >>> from invert_core import probe
    >>> marked = np.arange(40) < 10
    >>> activations = np.stack([np.arange(40) % 7, np.arange(40) < 9, ~marked], axis=1)
    >>> for row in probe(activations, {"mark": marked}, "mark"):
    ...     print(row.rank, row.address, round(row.auc, 2), row.is_significant)
    1 activations:2 0.0 True
    2 activations:1 0.95 True
    3 activations:0 0.41 False
    """
    if direction not in DIRECTIONS:
        raise choice("direction", direction, DIRECTIONS)
    inputs = Inputs(activations, concepts, layers, units, names, join, missing, match)
    scored = score_units(inputs, formula, progress=progress, block=block)
    found = scored.columns | _corrected(scored.tested)
    del found["score"]  # nothing was searched for
    rows_found = by_row(found)
    units_found = [ProbedUnit(rank=1, **row) for row in rows_found]
    ranked = sorted(units_found, key=_order(direction))
    rows = [replace(row, rank=rank) for rank, row in enumerate(ranked, start=1)]
    return ProbeResult(tuple(rows), scored.concepts)


def _corrected(tested: Tested) -> Columns:
    """Return the columns that depend on how many units were tested."""
    alive = ~tested.is_constant
    corrected = np.zeros(alive.size)
    corrected[alive] = adjusted(tested.columns["log10_p"][alive], "holm")
    return {
        "p_units": 10.0**corrected,
        "log10_p_units": corrected,
        "method": tested.methods(),
        "status": chosen(("ok", "dead"), ~alive),
    }


def _order(direction: str) -> Callable[[ProbedUnit], float]:
    """Return the sort key of rows. It uses U, which is exact, so that equal distances tie."""
    if direction == "positive":
        return lambda row: -row.u
    if direction == "negative":
        return lambda row: row.u
    return lambda row: -abs(2 * row.u - row.n_positive * (row.n_samples - row.n_positive))
