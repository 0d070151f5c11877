"""Concepts one by one, for people to look through."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from invert_core.concepts.concept_set import Alias, ConceptSet
from invert_core.concepts.looking.overlaps import Overlap, most_similar
from invert_core.errors import UnknownNameError
from invert_core.wording import nearest


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
        guess = nearest(search, dict.fromkeys((*concepts.name, *concepts.id, *merged)))
        raise UnknownNameError(
            f"No concept has {search!r} in its id, name, definition or an alias.",
            f"{guess} List all concepts with: invert concepts show CONCEPTS".lstrip(),
        )
    return found
