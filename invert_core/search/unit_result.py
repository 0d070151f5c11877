"""What a search found for one unit, as values for people who ask about a few units."""

from dataclasses import dataclass

import numpy as np

from invert_core.search.findings import Findings
from invert_core.search.search_result import SearchResult
from invert_core.settings import Settings


@dataclass(frozen=True)
class Found:
    """One formula that a search found.

    Attributes
    ----------
    literals : tuple of int
        2c stands for concept c, and 2c + 1 for its negation; c is a concept index.
    connectives : tuple of {"&", "|"}
        Connective k comes before literal k + 1.
    n_positive : int
        Number of samples in the extent.
    doubled_u, auc : int, float
        2U and the AUC of the extent.
    """

    literals: tuple[int, ...]
    connectives: tuple[str, ...]
    n_positive: int
    doubled_u: int
    auc: float

    @property
    def length(self) -> int:
        """Number of literals."""
        return len(self.literals)


@dataclass(frozen=True)
class UnitResult:
    """The formulas that one search found for one unit; a dead unit has none.

    Attributes
    ----------
    direction : str
        Direction of the search.
    reported : tuple of Found
        The formulas to report, best first.
    beam : tuple of Found
        The formulas of the last beam; empty for an exhaustive search.
    by_length : tuple of Found
        The best formula of each length, shortest first; a length may be absent.
    n_scored : int
        Number of formulas scored.
    gap : float or None
        How much better, in AUC, the best possible formula can be than the best one found, which
        `min_gain` may leave out of `reported`. 0.0 means that the best one is certified, None that
        nothing is known.
    """

    direction: str
    reported: tuple[Found, ...]
    beam: tuple[Found, ...]
    by_length: tuple[Found, ...]
    n_scored: int
    gap: float | None = None


def unit_results(result: SearchResult, settings: Settings) -> list[tuple[UnitResult, ...]]:
    """Return the results of each unit, one per direction; a dead unit has one for all of them."""
    found = Findings.of(result, settings)
    return [
        tuple(
            _of_search(found, result, (unit, way), direction)
            for way, direction in enumerate(settings.directions)
        )
        if result.length[unit].any()
        else (UnitResult(settings.direction, (), (), (), 0),)
        for unit in range(len(result))
    ]


def _of_search(
    found: Findings, result: SearchResult, search: tuple[int, int], direction: str
) -> UnitResult:
    unit, way = search
    rows = np.flatnonzero((found.unit == unit) & (found.way == way))
    in_beam, of_length = rows[found.place_in_beam[rows] > 0], rows[found.is_best_of_length[rows]]
    gap = float(result.gap[search])
    return UnitResult(
        direction,
        reported=_formulas(found, rows[found.rank[rows] > 0]),
        beam=_formulas(found, in_beam[np.argsort(found.place_in_beam[in_beam])]),
        by_length=_formulas(found, of_length[np.argsort(found.length[of_length])]),
        n_scored=int(result.n_scored[search]),
        gap=None if np.isnan(gap) else gap,
    )


def _formulas(found: Findings, rows: np.ndarray) -> tuple[Found, ...]:
    made = []
    for row in rows.tolist():
        length = int(found.length[row])
        literals, connectives = found.literals[row, :length], found.connectives[row, 1:length]
        made.append(
            Found(
                literals=tuple(literals.tolist()),
                connectives=tuple("&|"[one] for one in connectives.tolist()),
                n_positive=int(found.n_positive[row]),
                doubled_u=int(found.doubled_u[row]),
                auc=float(found.auc[row]),
            )
        )
    return tuple(made)
