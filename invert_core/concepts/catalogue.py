"""Lists the concepts of a set for people, with the most similar ones of each."""

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
        Concept index of the other concept.
    n_common : int
        Number of samples that carry both concepts.
    jaccard : float
        `n_common` divided by the number of samples that carry one or both; only samples on which
        both are defined count.
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
        Concept index in the set.
    id, name, definition : str
    n_positive, n_defined : int
        Number of samples that carry the concept, and number on which it is defined.
    fraction : float
        `n_positive` divided by `n_defined`; 0 if the concept is defined nowhere.
    parents : tuple of int
        Concept indices of the parents.
    aliases : tuple of Alias
        Concepts that were merged into this one.
    overlaps : tuple of Overlap, or None
        The most similar concepts; None if they were not asked for.
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
        A text that must be in the id, name, definition or an alias, in any case. If no concept has
        it, the error holds the nearest names.
    by_count : bool
        Whether the concepts that most samples carry come first; otherwise, and among equal counts,
        concepts are in the order of the set.
    top : int, optional
        The most entries to list.
    overlaps : int, optional
        The number of most similar concepts to find for each concept.

    Returns
    -------
    list of Entry

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
    listed = order.tolist() if search is None else _found(concepts, aliases, order.tolist(), search)
    listed = listed[:top]
    similar: Sequence[tuple[Overlap, ...] | None] = [None] * len(listed)
    if overlaps is not None:
        similar = most_similar(concepts, overlaps, listed)
    fraction = concepts.fraction
    return [
        Entry(
            row=index,
            id=concepts.id[index],
            name=concepts.name[index],
            definition=concepts.definition[index],
            n_positive=int(concepts.n_positive[index]),
            n_defined=int(concepts.n_defined[index]),
            fraction=float(fraction[index]),
            parents=tuple(parents[index]),
            aliases=tuple(aliases[index]),
            overlaps=others,
        )
        for index, others in zip(listed, similar, strict=True)
    ]


def _found(
    concepts: ConceptSet, aliases: list[list[Alias]], order: list[int], search: str
) -> list[int]:
    text = search.casefold()
    found = []
    for index in order:
        merged = [word for alias in aliases[index] for word in (alias.id, alias.name)]
        words = (concepts.id[index], concepts.name[index], concepts.definition[index], *merged)
        if any(text in word.casefold() for word in words):
            found.append(index)
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
    """Find for each concept the others with the largest Jaccard index.

    Parameters
    ----------
    concepts : ConceptSet
    count : int
        The most concepts to find for each; concepts without a common sample are never found.
    of : sequence of int, optional
        Concept indices to compare with all others; None takes all.

    Returns
    -------
    list of tuple of Overlap
        One tuple for each of these concepts, the most similar first and equally similar ones in
        the order of the set.
    """
    chosen = np.arange(len(concepts.id)) if of is None else np.asarray(of, np.int64)
    blocks = [chosen[first : first + _BLOCK] for first in range(0, chosen.size, _BLOCK)]
    with ThreadPoolExecutor(available_cores()) as pool:
        parts = pool.map(partial(_of_block, concepts, count), blocks)
        return [overlaps for part in parts for overlaps in part]


def _of_block(concepts: ConceptSet, count: int, block: np.ndarray) -> list[tuple[Overlap, ...]]:
    bits, defined = concepts.bits, concepts.defined
    common = common_counts(bits[block], bits)
    if defined is None:
        either = concepts.n_positive[block, None] + concepts.n_positive - common
    else:
        either = common_counts(bits[block], defined) + common_counts(defined[block], bits) - common
    jaccard = common / np.maximum(either, 1)
    return [
        tuple(
            Overlap(other, int(common[place, other]), float(jaccard[place, other]))
            for other in _largest(jaccard[place], count, index)
        )
        for place, index in enumerate(block.tolist())
    ]


def _largest(jaccard: np.ndarray, count: int, index: int) -> list[int]:
    order = np.argsort(-jaccard, kind="stable")
    return [other for other in order[: count + 1].tolist() if other != index and jaccard[other]][
        :count
    ]
