"""Concepts that a set can do without: rare ones, and those equal to a kind of theirs."""

import logging
from dataclasses import replace

import numpy as np

from invert_core.concepts.hierarchy.paths import edges_among, parents_above
from invert_core.concepts.sets.concept_set import Alias, ConceptSet
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


def merge_equal(concepts: ConceptSet) -> ConceptSet:
    """Merge each concept that has the labels of one of its children into that child.

    It becomes an alias of the child, of several such children of the first, and where that one is
    merged too, of the lowest. Its parents become parents of its children. How many are merged is
    said in a log message.

    Parameters
    ----------
    concepts : ConceptSet
        Its parents lead in no circle.
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

    def lowest(row: int) -> int:
        passed = []
        while row in into:
            passed.append(row)
            row = into[row]
        into.update(dict.fromkeys(passed, row))  # or a long chain is walked again for each in it
        return row

    aliases = [replace(alias, concept=lowest(alias.concept)) for alias in concepts.aliases]
    remaining = leave_out(replace(concepts, aliases=tuple(aliases)), kept)
    merged = (
        Alias(concepts.id[row], concepts.name[row], int(place[lowest(row)])) for row in sorted(into)
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
