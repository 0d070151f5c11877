"""Labelling made-up units, and counting what came out."""

from collections.abc import Sequence

import numpy as np

from invert_core import ConceptSet, Settings, label
from invert_core.results.columns import Label
from invert_core.settings import SIGNIFICANT
from invert_core.statistics.corrections import log10_p_search, n_formulas


def best(
    activations: np.ndarray, concepts: ConceptSet, settings: Settings, **given: object
) -> list[Label]:
    """Return the row of rank 1 of each unit, in the order of the units."""
    rows = label(activations, concepts, settings=settings, **given)
    return [row for row in rows if row.rank == 1]


def is_found(row: Label) -> bool:
    """Return whether a reader would take the row for a finding."""
    return row.p_search < SIGNIFICANT and row.status == "ok"


def share(of: Sequence[bool]) -> float:
    """Return the share of what is true."""
    return float(np.mean(of))


def p_by_space(row: Label, n_concepts: int, length: int) -> float:
    """Return the p-value of a row corrected for all formulas that its search could return."""
    n_tests = n_formulas(n_concepts, length)
    return float(10 ** log10_p_search(np.array(row.p_value), np.array(row.log10_p), n_tests))
