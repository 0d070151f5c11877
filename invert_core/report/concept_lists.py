"""Which single concepts the units of a run follow, and which units follow a concept."""

from collections.abc import Mapping

import numpy as np

from invert_core.results.concept_records import (
    HIGHEST,
    LOWEST,
    NO_CONCEPT,
    SCALE,
    UNDEFINED,
    decoded,
)
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
        For each concept, up to 12 of these records, as positions in `records`, with the AUC. A unit
        that is seen from both ends is told of from its top only.
    """
    positive, defined = evidence.concepts.n_positive, np.maximum(evidence.concepts.n_defined, 1)
    rarer = np.minimum(positive, evidence.concepts.n_defined - positive) / defined
    is_usable = rarer >= min_fraction
    units = records * evidence.concepts.n_units // len(evidence.direction)
    is_negative = np.array([evidence.direction[one] == "negative" for one in records.tolist()])
    _, once = np.unique(units, return_index=True)
    stored = evidence.concepts.records
    if "auc" in stored:
        return _of_all(stored["auc"], units, is_negative, is_usable, once)
    return _of_extremes(stored, units, is_negative, is_usable, once)


def _of_all(
    stored: np.ndarray,
    units: np.ndarray,
    is_negative: np.ndarray,
    is_usable: np.ndarray,
    once: np.ndarray,
) -> tuple[Listed, Listed]:
    usable = np.flatnonzero(is_usable)
    of_units: Listed = []
    rows = max(1, _AT_ONCE // max(1, usable.size))
    for start in range(0, units.size, rows):
        part = slice(start, start + rows)
        codes = stored[units[part]][:, usable]
        of_units += _farthest(codes, is_negative[part, None], usable, N_OF_UNIT)
    of_concepts: Listed = [[] for _ in is_usable]
    columns = max(1, _AT_ONCE // max(1, units.size))
    for start in range(0, usable.size, columns):
        some = usable[start : start + columns]
        codes = stored[:, some][units[once]].T
        listed = _farthest(codes, is_negative[None, once], once, N_OF_CONCEPT)
        for concept, found in zip(some.tolist(), listed, strict=True):
            of_concepts[concept] = found
    return of_units, of_concepts


def _of_extremes(
    stored: Mapping[str, np.ndarray],
    units: np.ndarray,
    is_negative: np.ndarray,
    is_usable: np.ndarray,
    once: np.ndarray,
) -> tuple[Listed, Listed]:
    """Do the same where only the extreme concepts of each unit are kept."""
    listed = np.concatenate([stored[HIGHEST], stored[LOWEST]], axis=1)[units]
    codes = np.concatenate([stored[f"{HIGHEST}_auc"], stored[f"{LOWEST}_auc"]], axis=1)[units]
    place = np.repeat(np.arange(units.size), listed.shape[1])
    concept, code = listed.ravel(), codes.ravel()
    # With few concepts, one can be in both lists of a unit.
    _, first = np.unique(place * 2**32 + concept, return_index=True)
    first = first[concept[first] != NO_CONCEPT]
    first = first[is_usable[concept[first]]]
    place, concept, code = place[first], concept[first].astype(np.int64), code[first]
    auc = np.round(_seen_from(decoded(code), is_negative[place]), 4)
    of_units: Listed = [[] for _ in units]
    of_concepts: Listed = [[] for _ in is_usable]
    told_once = frozenset(once.tolist())
    order = np.argsort(-_distance(code), kind="stable")
    columns = (column[order].tolist() for column in (place, concept, auc))
    for at, of, value in zip(*columns, strict=True):
        if len(of_units[at]) < N_OF_UNIT:
            of_units[at].append((of, value))
        if at in told_once and len(of_concepts[of]) < N_OF_CONCEPT:
            of_concepts[of].append((at, value))
    return of_units, of_concepts


def _seen_from(auc: np.ndarray, is_negative: np.ndarray) -> np.ndarray:
    return np.where(is_negative, 1 - auc, auc)


def _distance(codes: np.ndarray) -> np.ndarray:
    """Return how far an AUC, as it is stored, is from 1/2, in whole numbers; -1 without an AUC."""
    return np.where(codes == UNDEFINED, -1, np.abs(codes.astype(np.int64) - SCALE // 2))


def _farthest(codes: np.ndarray, is_negative: np.ndarray, names: np.ndarray, most: int) -> Listed:
    """Return, for each row, the names of the columns whose AUC is farthest from 1/2."""
    most = min(most, codes.shape[1])
    # Of equal ones the first counts, so that the page is the same everywhere.
    at = np.argsort(-_distance(codes), axis=1, kind="stable")[:, :most]
    found = np.take_along_axis(_seen_from(decoded(codes), is_negative), at, 1)
    return [
        [
            (name, round(value, 4))
            for name, value in zip(of_row, values, strict=True)
            if value == value
        ]
        for of_row, values in zip(names[at].tolist(), found.tolist(), strict=True)
    ]
