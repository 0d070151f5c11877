"""Which single concepts the units of a run follow, and which units follow a concept."""

from collections.abc import Mapping

import numpy as np

from invert_core.results.concept_records import HIGHEST, LOWEST, NO_CONCEPT, decoded
from invert_core.results.evidence_file import RunEvidence

N_OF_UNIT, N_OF_CONCEPT = 6, 12
"""The most concepts that are listed for a unit, and units for a concept."""

_AT_ONCE = 2**22
"""About how many numbers are compared at once."""

Listed = list[list[tuple[int, float]]]
"""Of each unit or concept, others and the AUC, the farthest from 1/2 first."""


def concept_lists(
    evidence: RunEvidence, records: np.ndarray, min_fraction: float
) -> tuple[Listed, Listed]:
    """Return the concepts that units follow most, and the units that follow each concept most.

    Concepts that are true, or false, on a smaller share of the samples than `min_fraction` are in
    no list: among them, some AUC is far from 1/2 by chance.

    Parameters
    ----------
    evidence : RunEvidence
    records : int64 [E]
        Which of its S records of units are asked for.
    min_fraction : float

    Returns
    -------
    of_units : list [E]
        For each of these records, up to 6 concepts with their AUC.
    of_concepts : list [C]
        For each concept, up to 12 of these records, as positions in `records`, with the AUC.
    """
    positive, defined = evidence.concepts.n_positive, np.maximum(evidence.concepts.n_defined, 1)
    rarer = np.minimum(positive, evidence.concepts.n_defined - positive) / defined
    is_usable = rarer >= min_fraction
    units = records * evidence.concepts.n_units // len(evidence.direction)
    is_negative = np.array([evidence.direction[one] == "negative" for one in records.tolist()])
    stored = evidence.concepts.records
    if "auc" in stored:
        return _of_all(stored["auc"], units, is_negative, is_usable)
    return _of_extremes(stored, units, is_negative, is_usable)


def _of_all(
    stored: np.ndarray, units: np.ndarray, is_negative: np.ndarray, is_usable: np.ndarray
) -> tuple[Listed, Listed]:
    usable = np.flatnonzero(is_usable)
    of_units: Listed = []
    rows = max(1, _AT_ONCE // max(1, usable.size))
    for start in range(0, units.size, rows):
        part = slice(start, start + rows)
        auc = _seen_from(decoded(stored[units[part]][:, usable]), is_negative[part, None])
        of_units += _farthest(auc, N_OF_UNIT, usable)
    of_concepts: Listed = [[] for _ in is_usable]
    columns = max(1, _AT_ONCE // max(1, units.size))
    for start in range(0, usable.size, columns):
        some = usable[start : start + columns]
        auc = _seen_from(decoded(stored[:, some][units]), is_negative[:, None]).T
        listed = _farthest(auc, N_OF_CONCEPT, np.arange(units.size))
        for concept, found in zip(some.tolist(), listed, strict=True):
            of_concepts[concept] = found
    return of_units, of_concepts


def _of_extremes(
    stored: Mapping[str, np.ndarray],
    units: np.ndarray,
    is_negative: np.ndarray,
    is_usable: np.ndarray,
) -> tuple[Listed, Listed]:
    """Do the same where only the extreme concepts of each unit are kept."""
    of_units: Listed = []
    of_concepts: Listed = [[] for _ in is_usable]
    for place, unit in enumerate(units.tolist()):
        concepts = np.concatenate([stored[HIGHEST][unit], stored[LOWEST][unit]])
        codes = np.concatenate([stored[f"{HIGHEST}_auc"][unit], stored[f"{LOWEST}_auc"][unit]])
        concepts, first = np.unique(concepts, return_index=True)  # few concepts are in both
        known = concepts != NO_CONCEPT
        concepts, auc = concepts[known], decoded(codes[first[known]])
        auc = _seen_from(auc, is_negative[place])
        auc[~is_usable[concepts]] = np.nan
        of_units += _farthest(auc[None], N_OF_UNIT, concepts)
        for concept, value in zip(concepts.tolist(), auc.tolist(), strict=True):
            if value == value:
                of_concepts[concept].append((place, round(value, 4)))
    for listed in of_concepts:
        listed.sort(key=lambda one: -abs(one[1] - 0.5))
        del listed[N_OF_CONCEPT:]
    return of_units, of_concepts


def _seen_from(auc: np.ndarray, is_negative: np.ndarray | np.bool_) -> np.ndarray:
    return np.where(is_negative, 1 - auc, auc)


def _farthest(auc: np.ndarray, most: int, names: np.ndarray) -> Listed:
    """Return, for each row, the names of the columns that are farthest from 1/2; NaN is none."""
    distance = np.abs(auc - 0.5)
    distance[np.isnan(distance)] = -1
    most = min(most, auc.shape[1])
    if not most:
        return [[] for _ in auc]
    # Of equal ones the first counts, so that the page is the same everywhere.
    at = np.argsort(-distance, axis=1, kind="stable")[:, :most]
    found = np.take_along_axis(auc, at, 1)
    return [
        [
            (name, round(value, 4))
            for name, value in zip(of_row, values, strict=True)
            if value == value
        ]
        for of_row, values in zip(names[at].tolist(), found.tolist(), strict=True)
    ]
