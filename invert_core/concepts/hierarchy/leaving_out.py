"""Concepts that are left out of a set, and parents that connect over them."""

import logging
from dataclasses import replace

import numpy as np

from invert_core.concepts.concept_set import ConceptSet
from invert_core.concepts.hierarchy.paths import edges_among, parents_above
from invert_core.errors import DataError, SettingError
from invert_core.wording import counted

_log = logging.getLogger("invert")


def leave_out(concepts: ConceptSet, kept: np.ndarray) -> ConceptSet:
    """The concepts where `kept`, bool [C], is true, at least one.

    A child becomes a child of the nearest kept ones above it.
    """
    if kept.all():
        return concepts
    rows = np.flatnonzero(kept)
    above = parents_above(concepts.parents.tolist())
    place = np.cumsum(kept) - 1
    edges = np.array(edges_among(rows.tolist(), above), np.int64).reshape(-1, 2)
    return replace(concepts.select(rows), parents=place[edges])


def leave_out_rare(concepts: ConceptSet, min_count: int) -> ConceptSet:
    """Leave out concepts that are true on fewer samples than `min_count`, and say how many.

    Raises
    ------
    DataError
        No concept is true on so many samples.
    SettingError
        `min_count` is negative.
    """
    if min_count < 0:
        raise SettingError(f"The least count is {min_count}.", "Give --min-count 0 or more.")
    kept = concepts.n_positive >= min_count
    n_rare = int(np.count_nonzero(~kept))
    if n_rare == kept.size:
        raise DataError(
            f"No concept is true on {counted(min_count, 'sample')}.",
            f"The largest is true on {concepts.n_positive.max():,}: give a smaller --min-count.",
        )
    if n_rare:
        _log.info(
            "%s true on fewer than %s and left out.",
            f"{counted(n_rare, 'concept')} {'is' if n_rare == 1 else 'are'}",
            counted(min_count, "sample"),
        )
    return leave_out(concepts, kept)
