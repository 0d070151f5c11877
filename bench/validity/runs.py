"""Labelling made-up units, and counting what came out."""

from collections.abc import Sequence

import numpy as np

from bench.validity.bounds import bound
from bench.validity.record import Row
from invert_core import ConceptSet, Settings, label
from invert_core.results.columns import Label
from invert_core.settings import SIGNIFICANT
from invert_core.statistics.corrections import log10_p_search, n_formulas

PERMUTATIONS = 200
"""The number that `invert label` takes unless told otherwise."""


def headlines(
    activations: np.ndarray, concepts: ConceptSet, settings: Settings, **given: object
) -> list[Label]:
    """Return the headline of each unit and direction, in the order of the units."""
    rows = label(activations, concepts, settings=settings, **given)
    return [row for row in rows if row.headline]


def is_found(row: Label) -> bool:
    """Return whether a reader would take the row for a finding."""
    return row.p_search < SIGNIFICANT and row.status == "ok"


def calls_in_noise(found: Sequence[Label], repeats: int, permutations: int) -> Row:
    """Count what is called significant among the units of some runs, none of which detects a thing.

    `found` are the headlines, equally many of each of `repeats` runs.
    """
    return {
        "units": len(found),
        "significant": share([is_found(row) for row in found]),
        "bound": bound(len(found) // repeats, repeats, permutations),
        "below_half": share([row.p_search < 0.5 for row in found]),
    }


def share(of: Sequence[bool]) -> float:
    """Return the share of what is true."""
    return float(np.mean(of))


def p_by_space(headline: Label, n_concepts: int, length: int) -> float:
    """Return the p-value of a headline by the formula space alone.

    It is corrected for all formulas that are not longer, and for the choice among `length` lengths.
    Of a dead unit it is 1.
    """
    if headline.status == "dead":
        return 1.0
    n_tests = n_formulas(n_concepts, headline.length)
    log10_p = log10_p_search(np.array(headline.p_value), np.array(headline.log10_p), n_tests)
    return min(1.0, length * float(10**log10_p))
