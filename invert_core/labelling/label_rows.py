"""From the exact statistics of formulas to rows with p-values and a status."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from invert_core.formula.formula import LiteralNames
from invert_core.results.labels import Explanation, Label
from invert_core.search.search import Piece
from invert_core.statistics.corrections import is_trusted, log10_p_search
from invert_core.statistics.tails import RankSpread, log10_p_skewed, p_values, z_score


@dataclass(frozen=True)
class Tested:
    """Tests of F formulas, as lists with one entry for each.

    `explained` are the numbers that `Explanation` holds, `corrected` those that `Label` adds.
    """

    explained: list[dict[str, Any]]
    corrected: list[dict[str, Any]]


def tested_formulas(
    n_positive: Sequence[int],
    doubled_u: Sequence[int],
    spread: RankSpread,
    n_tests: int,
    constant: str,
) -> Tested:
    """Test formulas whose U is known.

    Parameters
    ----------
    n_positive, doubled_u : sequences of F int
        n1 and 2U of each formula.
    spread : RankSpread
        Of the unit of each formula, arrays [F].
    n_tests : int
        How many formulas `p_search` is corrected for.
    constant : str
        The status of formulas whose unit is constant.
    """
    n1 = np.array(n_positive, np.int64)
    u2 = np.array(doubled_u, np.int64)
    p_value, log10_p = p_values(u2, n1, spread, "two-sided")
    z = z_score(u2, n1, spread)
    log10_corrected = log10_p_search(p_value, log10_p, n_tests)
    skewed = log10_p_skewed(log10_p, z, spread.skewness(n1))
    trusted = is_trusted(log10_corrected, skewed, n_tests)
    explained = {
        "auc": u2 / (2 * n1 * (spread.n_samples - n1)),
        "u": u2 / 2.0,
        "z": z,
        "p_value": p_value,
        "log10_p": log10_p,
        "n_positive": n1,
        "n_samples": np.broadcast_to(spread.n_samples, n1.shape),
        "concept_fraction": n1 / spread.n_samples,
    }
    corrected = {
        "p_search": p_value if n_tests == 1 else 10.0**log10_corrected,
        "log10_p_search": log10_corrected,
        "log10_p_skewed": skewed,
        "method": np.where(spread.is_dead, "none", "normal"),
        "status": np.where(spread.is_dead, constant, np.where(trusted, "ok", "untrusted")),
    }
    return Tested(_by_formula(explained), _by_formula(corrected))


def _by_formula(columns: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    values = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in values]


def rows_of_piece(
    layer: str,
    units: Sequence[int],
    piece: Piece,
    names: LiteralNames,
    n_tests: int,
    unit_names: Sequence[str] | None = None,
) -> Iterator[list[Label]]:
    """The rows of each unit, numbered `units`; a dead one gets one row without a formula.

    `unit_names` holds the names of all units of the layer, if they have any.
    """
    found = list(piece.found)
    tested = tested_formulas(
        [one.n_positive for one in found],
        [one.doubled_u for one in found],
        piece.spread,
        n_tests,
        constant="constant",
    )
    explained: list[dict[str, Any]] = [
        {
            "formula": names.formula(one.literals, one.connectives),
            "label": names.label(one.literals, one.connectives),
            "length": one.length,
        }
        | numbers
        for one, numbers in zip(found, tested.explained, strict=True)
    ]
    at = 0
    for unit, results in zip(units, piece.results, strict=True):
        rows: list[Label] = []
        name = unit_names[unit] if unit_names else ""
        for result in results:
            if not result.reported:
                rows.append(_dead(layer, unit, name, result.direction, piece.n_samples))
                continue
            first, at = at, at + len(result.reported)
            last, at = at, at + len(result.by_length)
            by_length = tuple(Explanation(**explained[row]) for row in range(last, at))
            rows += [
                Label(
                    layer=layer,
                    unit=unit,
                    rank=row - first + 1,
                    direction=result.direction,
                    n_scored=result.n_scored,
                    gap=result.gap,
                    unit_name=name,
                    by_length=by_length if row == first else (),
                    **explained[row],
                    **tested.corrected[row],
                )
                for row in range(first, last)
            ]
        yield rows


def _dead(layer: str, unit: int, name: str, direction: str, n_samples: int) -> Label:
    return Label(
        layer=layer,
        unit=unit,
        rank=1,
        formula="",
        label="",
        length=0,
        direction=direction,
        auc=0.5,
        u=0.0,
        z=0.0,
        p_value=1.0,
        log10_p=0.0,
        p_search=1.0,
        log10_p_search=0.0,
        method="none",
        status="dead",
        n_positive=0,
        n_samples=n_samples,
        concept_fraction=0.0,
        n_scored=0,
        unit_name=name,
    )
