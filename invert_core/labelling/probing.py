"""Which units detect a formula: all of them, ranked, with p-values corrected over the units."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.errors import SettingError
from invert_core.formula.formula import Formula
from invert_core.labelling.label import Progress
from invert_core.labelling.scoring import score
from invert_core.labelling.workload import ActivationSource, ConceptSource
from invert_core.results.labels import Label
from invert_core.settings import SIGNIFICANT
from invert_core.statistics.corrections import log10_p_holm

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
DIRECTIONS = ("positive", "negative", "both")

_THRESHOLD = math.log10(SIGNIFICANT)
_SCORED = tuple(
    name for name in COLUMNS if name not in ("rank", "p_units", "log10_p_units", "status")
)
"""The columns that are those of `score`."""


@dataclass(frozen=True, kw_only=True)
class ProbedUnit:
    """How one unit separates the extent of the formula.

    `p_value` is two-sided, `p_units` the same corrected over all units that were tested. `status`
    is "ok"; "dead" for a unit that is constant on the samples that were compared; or "untrusted"
    where p_units is below 0.05 only by the normal tail, and not when the skew of U is taken into
    account.
    """

    rank: int
    layer: str
    unit: int
    unit_name: str
    formula: str
    label: str
    auc: float
    u: float
    z: float
    p_value: float
    log10_p: float
    p_units: float
    log10_p_units: float
    method: str
    status: str
    n_positive: int
    n_samples: int
    concept_fraction: float

    @property
    def address(self) -> str:
        """The unit as ``layer:unit``."""
        return f"{self.layer}:{self.unit}"

    @property
    def is_tested(self) -> bool:
        """Whether the unit is not constant, so that there was something to test."""
        return self.method != "none"

    @property
    def is_significant(self) -> bool:
        """Whether p_units is below 0.05 and can be trusted."""
        return self.status == "ok" and self.log10_p_units < _THRESHOLD

    def row(self) -> dict[str, Any]:
        """The columns, in order."""
        return {name: getattr(self, name) for name in COLUMNS}


@dataclass(frozen=True, repr=False)
class ProbeResult:
    """All units, best first.

    Parameters
    ----------
    rows : tuple of ProbedUnit
        At least one.
    concepts : ConceptSet
        As they were joined to the activations.
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
        """Number of tests that p_units is corrected for: of all units that are not constant."""
        return sum(row.is_tested for row in self.rows)

    @property
    def n_significant(self) -> int:
        """Number of units whose p_units is below 0.05 and can be trusted."""
        return sum(row.is_significant for row in self.rows)

    @property
    def n_untrusted(self) -> int:
        """Number of units whose p_units is below 0.05 by the normal tail alone."""
        return sum(row.status == "untrusted" for row in self.rows)


def probe(
    activations: ActivationSource,
    concepts: ConceptSource,
    formula: Formula | str,
    *,
    direction: str = "both",
    layers: Sequence[str] | None = None,
    units: Sequence[int] | None = None,
    names: Path | None = None,
    join: str = "strict",
    missing: str = "error",
    progress: Progress | None = None,
    block: int | None = None,
) -> ProbeResult:
    """Rank all units by how well they separate the samples of one formula from all others.

    The tests are those of `score`. Their p-values are corrected by Holm's procedure over all units
    of all layers chosen, which holds however the units depend on each other. Constant units are
    not counted: they are no test, whatever the labels are.

    Parameters
    ----------
    activations, concepts, layers, units, names, join, missing, progress, block
        As for `label`.
    formula : Formula or str
        In concept ids, such as ``box & ~(mailbox | "letter box")``; fixed beforehand.
    direction : {"both", "positive", "negative"}
        Order by the distance of the AUC from 0.5, or by the largest or the smallest AUC. Where it
        is equal, units stand in the order of layers and units. P-values are two-sided in each.

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
        raise SettingError(
            f"The direction {direction!r} is unknown.", f"Use one of: {', '.join(DIRECTIONS)}."
        )
    scored = score(
        activations,
        concepts,
        formula,
        layers=layers,
        units=units,
        names=names,
        join=join,
        missing=missing,
        progress=progress,
        block=block,
    )
    assert scored.concepts is not None
    corrected = _corrected(scored.rows)
    key = _order(direction)
    order = sorted(range(len(scored)), key=lambda place: key(scored.rows[place]))
    rows = [
        ProbedUnit(
            rank=rank,
            **{name: getattr(scored.rows[place], name) for name in _SCORED},
            **corrected[place],
        )
        for rank, place in enumerate(order, start=1)
    ]
    return ProbeResult(tuple(rows), scored.concepts)


def _corrected(rows: Sequence[Label]) -> list[dict[str, Any]]:
    """p_units, its logarithm, and the status that follows from them, for each row."""
    alive = np.array([row.method != "none" for row in rows])
    log10_p = np.zeros((2, len(rows)))
    for tail, of_tail in zip(log10_p, ("log10_p", "log10_p_skewed"), strict=True):
        tail[alive] = log10_p_holm(
            np.array([getattr(row, of_tail) for row in rows], np.float64)[alive]
        )
    normal, skewed = log10_p
    trusted = (normal >= _THRESHOLD) | (skewed < _THRESHOLD)
    constant = np.array([row.status for row in rows])
    status = np.where(alive, np.where(trusted, "ok", "untrusted"), constant)
    return [
        {"p_units": p, "log10_p_units": log10, "status": of_unit}
        for p, log10, of_unit in zip(
            (10.0**normal).tolist(), normal.tolist(), status.tolist(), strict=True
        )
    ]


def _order(direction: str) -> Callable[[Label], float]:
    """What rows are sorted by; U is exact, so that equal distances of AUC are ties."""
    if direction == "positive":
        return lambda row: -row.u
    if direction == "negative":
        return lambda row: row.u
    return lambda row: -abs(2 * row.u - row.n_positive * (row.n_samples - row.n_positive))
