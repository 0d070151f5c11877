"""The AUC of single concepts, from the rank sums that a search finds on its way."""

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.results.concept_records import (
    HIGHEST,
    LOWEST,
    N_EXTREME,
    NO_CONCEPT,
    SCALE,
    UNDEFINED,
    concept_type,
)
from invert_core.settings import Settings


class ConceptAUC:
    """Makes the records of a labelling from rank sums; several threads may call it at once.

    Parameters
    ----------
    concepts : ConceptSet
    settings : Settings
    n_units : int
        Number of units of the whole run.
    """

    def __init__(self, concepts: ConceptSet, settings: Settings, n_units: int):
        self._type = concept_type(len(concepts.id), n_units)
        n, n_inside = concepts.n_defined, concepts.n_positive
        pairs = 2.0 * n_inside * (n - n_inside)
        has_none = (pairs == 0.0) | (n / concepts.n_samples < settings.min_defined)
        self._least, self._pairs = n_inside * (n_inside + 1), np.where(has_none, np.nan, pairs)

    def __call__(self, sums: np.ndarray) -> np.ndarray:
        """Return the records of K units, given `Scored.of_concepts`: array [K]."""
        records = np.zeros(len(sums), self._type)
        # One unit after the other: what is made for it stays in the nearest cache.
        for number, of_unit in enumerate(sums):
            # From exact integers, as the AUC of a formula.
            auc = (of_unit - self._least) / self._pairs
            if "auc" in records.dtype.fields:
                records["auc"][number] = stored(auc)
            else:
                _list_extremes(auc, records, number)
        return records


def _list_extremes(auc: np.ndarray, records: np.ndarray, number: int) -> None:
    for name, sign in ((HIGHEST, -1.0), (LOWEST, 1.0)):
        first = smallest(sign * auc, N_EXTREME)
        for field, values, none in (
            (name, first, NO_CONCEPT),
            (f"{name}_auc", stored(auc[first]), UNDEFINED),
        ):
            records[field][number] = none
            records[field][number, : first.size] = values


def stored(auc: np.ndarray) -> np.ndarray:
    """Return what is stored for an AUC, or for NaN: uint16.

    >>> stored(np.array([0.0, 0.5, 1.0, np.nan])).tolist()
    [0, 32767, 65534, 65535]
    """
    return np.where(np.isnan(auc), UNDEFINED, np.rint(auc * SCALE)).astype(np.uint16)


def smallest(values: np.ndarray, n: int) -> np.ndarray:
    """Return the positions of the smallest values but NaN, ascending, the first in a tie: int64.

    >>> smallest(np.array([2.0, np.nan, 1.0, 2.0, 3.0]), 2).tolist()
    [2, 0]
    """
    at = np.flatnonzero(~np.isnan(values))
    if at.size > n:
        # Sorting all of many values would take several times as long.
        at = at[values[at] <= np.partition(values[at], n - 1)[n - 1]]
    return at[np.argsort(values[at], kind="stable")[:n]]
