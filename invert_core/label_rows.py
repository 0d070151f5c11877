"""From the exact statistics of a unit's formulas to rows with p-values and a status."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from invert_core.concepts import ConceptSet
from invert_core.formula import Formula
from invert_core.labels import Explanation, Label
from invert_core.search import Found, UnitResult
from invert_core.significance import (
    RankSpread,
    is_trusted,
    log10_p_search,
    log10_p_skewed,
    p_values,
    z_score,
)


@dataclass(frozen=True)
class Measured:
    """Formulas of one unit with their exact statistics, best first."""

    formulas: Sequence[Formula]
    n_positive: Sequence[int]
    doubled_u: Sequence[int]
    spread: RankSpread

    def explanations(self, concepts: ConceptSet) -> list[dict[str, Any]]:
        """The fields of `Explanation` for each formula."""
        n_positive = np.array(self.n_positive, np.int64)
        doubled_u = np.array(self.doubled_u, np.int64)
        pairs = n_positive * (concepts.n_samples - n_positive)
        p_value, log10_p = p_values(doubled_u, n_positive, self.spread, "two-sided")
        columns = (
            doubled_u / (2 * pairs),
            doubled_u / 2.0,
            z_score(doubled_u, n_positive, self.spread),
            p_value,
            log10_p,
            n_positive,
            n_positive / concepts.n_samples,
        )
        names = ("auc", "u", "z", "p_value", "log10_p", "n_positive", "concept_fraction")
        values = zip(*(column.tolist() for column in columns), strict=True)
        return [
            {"formula": str(formula), "label": formula.describe(concepts), "length": formula.length}
            | dict(zip(names, numbers, strict=True))
            for formula, numbers in zip(self.formulas, values, strict=True)
        ]

    def labels(
        self,
        concepts: ConceptSet,
        layer: str,
        unit: int,
        direction: str,
        *,
        n_tests: int,
        n_scored: int,
        by_length: tuple[Explanation, ...] = (),
    ) -> list[Label]:
        """One row per formula, corrected for `n_tests` formulas."""
        explained = self.explanations(concepts)
        log10_p = np.array([row["log10_p"] for row in explained])
        p_value = np.array([row["p_value"] for row in explained])
        z = np.array([row["z"] for row in explained])
        skewness = self.spread.skewness(np.array(self.n_positive, np.int64))
        corrected = log10_p_search(p_value, log10_p, n_tests)
        skewed = log10_p_skewed(log10_p, z, skewness)
        trusted = is_trusted(corrected, skewed, n_tests)
        return [
            Label(
                layer=layer,
                unit=unit,
                rank=number,
                direction=direction,
                p_search=row["p_value"] if n_tests == 1 else 10.0**log10_corrected,
                log10_p_search=log10_corrected,
                method="none" if self.spread.is_dead else "normal",
                status="dead" if self.spread.is_dead else "ok" if trustworthy else "untrusted",
                n_samples=concepts.n_samples,
                n_scored=n_scored,
                by_length=by_length if number == 1 else (),
                **row,
            )
            for number, (row, log10_corrected, trustworthy) in enumerate(
                zip(explained, corrected.tolist(), trusted.tolist(), strict=True), start=1
            )
        ]


def rows_of(
    layer: str, unit: int, result: UnitResult, concepts: ConceptSet, n_tests: int
) -> list[Label]:
    """Rows of what a search found for one unit; a dead unit gets one row without a formula."""
    if result.spread.is_dead:
        return [_dead(layer, unit, result.direction, concepts.n_samples)]
    by_length = _measured(result.by_length, result.spread, concepts).explanations(concepts)
    return _measured(result.reported, result.spread, concepts).labels(
        concepts,
        layer,
        unit,
        result.direction,
        n_tests=n_tests,
        n_scored=result.n_scored,
        by_length=tuple(Explanation(**row) for row in by_length),
    )


def _measured(found: Sequence[Found], spread: RankSpread, concepts: ConceptSet) -> Measured:
    formulas = [
        Formula.from_literals(
            [(concepts.id[literal // 2], literal % 2 == 1) for literal in one.literals],
            one.connectives,
        )
        for one in found
    ]
    return Measured(
        formulas, [one.n_positive for one in found], [one.doubled_u for one in found], spread
    )


def _dead(layer: str, unit: int, direction: str, n_samples: int) -> Label:
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
    )
