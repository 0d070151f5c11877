"""Concepts for people to look through, and which are true on nearly the same samples."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from invert_core.concepts.sets.concept_set import Alias, ConceptSet
from invert_core.errors import UnknownNameError
from invert_core.kernels.overlaps import common_counts
from invert_core.parallel import available_cores
from invert_core.wording import nearest

_BLOCK = 64
"""Concepts compared with all others at a time."""


@dataclass(frozen=True)
class Overlap:
    """How much one concept overlaps with another.

    Attributes
    ----------
    concept : int
        Row of the other one.
    n_common : int
        Number of samples that carry both.
    jaccard : float
        `n_common` by the number of samples that carry one or both; only samples count on which
        both are defined.
    """

    concept: int
    n_common: int
    jaccard: float


@dataclass(frozen=True)
class Entry:
    """One concept of a set.

    Attributes
    ----------
    row : int
        Its row in the set.
    id, name, definition : str
    n_positive, n_defined : int
        Samples that carry it, and those on which it is defined.
    fraction : float
        The one by the other; 0 where it is defined nowhere.
    parents : tuple of int
        Rows of its parents.
    aliases : tuple of Alias
        Concepts that were merged into it.
    overlaps : tuple of Overlap, or None
        The concepts that are most similar to it; None where that was not asked for.
    """

    row: int
    id: str
    name: str
    definition: str
    n_positive: int
    n_defined: int
    fraction: float
    parents: tuple[int, ...]
    aliases: tuple[Alias, ...]
    overlaps: tuple[Overlap, ...] | None


def list_concepts(
    concepts: ConceptSet,
    *,
    search: str | None = None,
    by_count: bool = False,
    top: int | None = None,
    overlaps: int | None = None,
) -> list[Entry]:
    """List the concepts of a set.

    Parameters
    ----------
    concepts : ConceptSet
    search : str, optional
        Only concepts with this text in their id, name, definition or an alias, in any case.
    by_count : bool
        The concepts that most samples carry stand first, equal ones in the order of the set; else
        all are in that order.
    top : int, optional
        Only so many.
    overlaps : int, optional
        How many of the most similar concepts are found for each.

    Returns
    -------
    list of Entry

    Raises
    ------
    UnknownNameError
        No concept has the text; the hint holds the nearest names.

    Examples
    --------
    >>> concepts = ConceptSet.from_arrays(
    ...     [[1, 1], [0, 1]], id=["n1", "n2"], name=["box", "thing"], parents=[[0, 1]]
    ... )
    >>> [(entry.name, entry.n_positive) for entry in list_concepts(concepts, by_count=True)]
    [('thing', 2), ('box', 1)]
    """
    aliases: list[list[Alias]] = [[] for _ in concepts.id]
    for alias in concepts.aliases:
        aliases[alias.concept].append(alias)
    parents: list[list[int]] = [[] for _ in concepts.id]
    for child, parent in concepts.parents.tolist():
        parents[child].append(parent)
    order = np.argsort(-concepts.n_positive if by_count else np.arange(len(parents)), kind="stable")
    rows = order.tolist() if search is None else _found(concepts, aliases, order.tolist(), search)
    rows = rows[:top]
    similar: Sequence[tuple[Overlap, ...] | None] = [None] * len(rows)
    if overlaps is not None:
        similar = most_similar(concepts, overlaps, rows)
    fraction = concepts.fraction
    return [
        Entry(
            row=row,
            id=concepts.id[row],
            name=concepts.name[row],
            definition=concepts.definition[row],
            n_positive=int(concepts.n_positive[row]),
            n_defined=int(concepts.n_defined[row]),
            fraction=float(fraction[row]),
            parents=tuple(parents[row]),
            aliases=tuple(aliases[row]),
            overlaps=others,
        )
        for row, others in zip(rows, similar, strict=True)
    ]


def _found(
    concepts: ConceptSet, aliases: list[list[Alias]], order: list[int], search: str
) -> list[int]:
    text = search.casefold()
    found = []
    for row in order:
        merged = [word for alias in aliases[row] for word in (alias.id, alias.name)]
        words = (concepts.id[row], concepts.name[row], concepts.definition[row], *merged)
        if any(text in word.casefold() for word in words):
            found.append(row)
    if not found:
        merged = [word for alias in concepts.aliases for word in (alias.id, alias.name)]
        known = dict.fromkeys((*concepts.name, *concepts.id, *merged))
        raise UnknownNameError(
            f"No concept has {search!r} in its id, name, definition or an alias.",
            nearest(search, known, "List all concepts with: invert concepts show CONCEPTS"),
        )
    return found


def most_similar(
    concepts: ConceptSet, count: int, of: Sequence[int] | None = None
) -> list[tuple[Overlap, ...]]:
    """Find for each concept those with the largest Jaccard index.

    Parameters
    ----------
    concepts : ConceptSet
    count : int
        How many for each concept. There are fewer where fewer have a sample in common with it.
    of : sequence of int, optional
        Rows of the concepts to compare with all others; None takes all.

    Returns
    -------
    list of tuple of Overlap
        One tuple for each of these concepts, the most similar first, equal ones in the order of the
        set.
    """
    rows = np.arange(len(concepts.id)) if of is None else np.asarray(of, np.int64)
    blocks = [rows[first : first + _BLOCK] for first in range(0, rows.size, _BLOCK)]
    with ThreadPoolExecutor(available_cores()) as pool:
        parts = pool.map(partial(_of_block, concepts, count), blocks)
        return [overlaps for part in parts for overlaps in part]


def _of_block(concepts: ConceptSet, count: int, rows: np.ndarray) -> list[tuple[Overlap, ...]]:
    bits, defined = concepts.bits, concepts.defined
    common = common_counts(bits[rows], bits)
    if defined is None:
        either = concepts.n_positive[rows, None] + concepts.n_positive - common
    else:
        either = common_counts(bits[rows], defined) + common_counts(defined[rows], bits) - common
    jaccard = common / np.maximum(either, 1)
    return [
        tuple(
            Overlap(other, int(common[place, other]), float(jaccard[place, other]))
            for other in _largest(jaccard[place], count, row)
        )
        for place, row in enumerate(rows.tolist())
    ]


def _largest(jaccard: np.ndarray, count: int, row: int) -> list[int]:
    order = np.argsort(-jaccard, kind="stable")
    return [other for other in order[: count + 1].tolist() if other != row and jaccard[other]][
        :count
    ]
