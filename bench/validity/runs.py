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


def best(
    activations: np.ndarray, concepts: ConceptSet, settings: Settings, **given: object
) -> list[Label]:
    """Return the row of rank 1 of each unit, in the order of the units."""
    rows = label(activations, concepts, settings=settings, **given)
    return [row for row in rows if row.rank == 1]


def is_found(row: Label) -> bool:
    """Return whether a reader would take the row for a finding."""
    return row.p_search < SIGNIFICANT and row.status == "ok"


def calls_in_noise(found: Sequence[Label], repeats: int, permutations: int) -> Row:
    """Count what is called significant among the units of some runs, none of which detects a thing.

    `found` are the rows of rank 1, equally many of each of `repeats` runs.
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


def p_by_space(row: Label, n_concepts: int, length: int) -> float:
    """Return the p-value of a row corrected for all formulas that its search could return."""
    n_tests = n_formulas(n_concepts, length)
    return float(10 ** log10_p_search(np.array(row.p_value), np.array(row.log10_p), n_tests))
