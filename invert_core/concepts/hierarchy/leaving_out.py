"""Leaves out rare concepts, and merges concepts that equal one of their children."""

import logging
from dataclasses import replace

import numpy as np

from invert_core.concepts.hierarchy.paths import edges_among, parents_above
from invert_core.concepts.sets.concept_set import Alias, ConceptSet
from invert_core.errors import DataError, SettingError
from invert_core.wording import counted

_log = logging.getLogger("invert")


def leave_out(concepts: ConceptSet, kept: np.ndarray) -> ConceptSet:
    """Keep the concepts for which `kept`, bool [C], is true; at least one must be.

    A concept becomes a child of its nearest ancestors that are kept.
    """
    if kept.all():
        return concepts
    indices = np.flatnonzero(kept)
    above = parents_above(concepts.parents.tolist())
    place = np.cumsum(kept) - 1
    edges = np.array(edges_among(indices.tolist(), above), np.int64).reshape(-1, 2)
    return replace(concepts.select(indices), parents=place[edges])


def leave_out_rare(concepts: ConceptSet, min_count: int) -> ConceptSet:
    """Leave out concepts that are true on fewer samples than `min_count`, and log how many."""
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


def merge_equal(concepts: ConceptSet) -> ConceptSet:
    """Merge each concept that has the same marks as one of its children into that child.

    The concept becomes an alias of the child, or of the first such child. If that child is merged
    too, the alias belongs to the lowest one. Parents of the concept become parents of its children.
    A log message says how many concepts are merged.

    Parameters
    ----------
    concepts : ConceptSet
        A set whose parents have no cycle.
    """
    into: dict[int, int] = {}
    for child, parent in sorted(concepts.parents.tolist()):
        if parent not in into and _alike(concepts, child, parent):
            into[parent] = child
    if not into:
        return concepts
    kept = np.ones(len(concepts.id), np.bool_)
    kept[list(into)] = False
    place = np.cumsum(kept) - 1

    def lowest(index: int) -> int:
        passed = []
        while index in into:
            passed.append(index)
            index = into[index]
        into.update(dict.fromkeys(passed, index))  # so that long chains are followed only once
        return index

    aliases = [replace(alias, concept=lowest(alias.concept)) for alias in concepts.aliases]
    remaining = leave_out(replace(concepts, aliases=tuple(aliases)), kept)
    merged = (
        Alias(concepts.id[index], concepts.name[index], int(place[lowest(index)]))
        for index in sorted(into)
    )
    _log.info(
        "%s the labels of a child and %s merged into it.",
        f"{counted(len(into), 'concept')} {'has' if len(into) == 1 else 'have'}",
        "is" if len(into) == 1 else "are",
    )
    return replace(remaining, aliases=remaining.aliases + tuple(merged))


def _alike(concepts: ConceptSet, one: int, other: int) -> bool:
    for counts, sets in (
        (concepts.n_positive, concepts.bits),
        (concepts.n_defined, concepts.defined),
    ):
        if counts[one] != counts[other]:
            return False
        if sets is not None and not np.array_equal(sets[one], sets[other]):
            return False
    return True
