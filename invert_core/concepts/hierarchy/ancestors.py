"""Adds the ancestors of the concepts of a set, with the marks that follow from below."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from invert_core.concepts.hierarchy.hierarchy import Hierarchy, arrows
from invert_core.concepts.hierarchy.paths import (
    children_first,
    count_chains,
    edges_among,
    find_cycle,
    parents_above,
    reached,
)
from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.errors import DataError, SettingError
from invert_core.kernels.bits import whole_set
from invert_core.wording import counted, first_few

_log = logging.getLogger("invert")


def add_ancestors(concepts: ConceptSet, hierarchy: Hierarchy, min_chains: int = 1) -> ConceptSet:
    """Add the ancestors of the concepts.

    A concept is true where it or any of its descendants is true, else undefined where any of them
    is undefined, else false; parents that the set already has count too. New concepts come last,
    breadth-first. A concept whose name is its id gets its name from the hierarchy. An alias that
    the hierarchy knows becomes a concept again. Log messages count the concepts that are added and
    those that are not in the hierarchy.

    Parameters
    ----------
    concepts : ConceptSet
    hierarchy : Hierarchy
    min_chains : int
        The least number of shortest chains of direct parents, counted from all concepts of the set
        together, that must lead up to an ancestor for it to be added. The parents of an ancestor
        that is left out become the parents of its children.
    """
    if min_chains < 1:
        raise SettingError(
            f"The least number of chains is {min_chains}.", "Give --min-chains 1 or more."
        )
    concepts = _without_known_aliases(concepts, hierarchy)
    known = [id for id in concepts.id if id in hierarchy.parents]
    _check_known(concepts.id, known, hierarchy)
    new = _new_concepts(known, hierarchy, min_chains)
    place = {id: row for row, id in enumerate((*concepts.id, *new))}
    id = tuple(place)
    edges = [(child, parent) for child, parent in concepts.parents.tolist()]
    for child, parent in edges_among([*known, *new], hierarchy.parents):
        edges.append((place[child], place[parent]))
    _check_circles(edges, id, hierarchy)
    bits, defined = marks_upward(
        concepts.bits, concepts.defined, concepts.n_samples, len(new), edges
    )
    name, definition = _called(
        id, (*concepts.name, *new), (*concepts.definition, *[""] * len(new)), hierarchy
    )
    return replace(
        concepts,
        bits=bits,
        defined=defined,
        id=id,
        name=name,
        definition=definition,
        parents=np.array(list(dict.fromkeys(edges)), np.int64),
    )


def _without_known_aliases(concepts: ConceptSet, hierarchy: Hierarchy) -> ConceptSet:
    """Make aliases that the hierarchy knows concepts again: new ancestors may tell them apart."""
    known = [alias for alias in concepts.aliases if alias.id in hierarchy.parents]
    if not known:
        return concepts
    definitions = (hierarchy.definition.get(alias.id, "") for alias in known)
    return replace(
        concepts.with_aliases_apart(known), definition=(*concepts.definition, *definitions)
    )


def _check_known(ids: Sequence[str], known: Sequence[str], hierarchy: Hierarchy) -> None:
    if not known:
        raise DataError(
            f"No concept of the sources is in {hierarchy.source}: the sources have ids like "
            f"{first_few(ids)}, the hierarchy has ids like {first_few(list(hierarchy.parents))}.",
            "Use the hierarchy's ids for the concepts, or give another hierarchy.",
        )
    there = set(known)
    unknown = [id for id in ids if id not in there]
    if unknown:
        one = len(unknown) == 1
        _log.info(
            "%s of the sources %s not in %s and %s without ancestors: %s.",
            counted(len(unknown), "concept"),
            "is" if one else "are",
            hierarchy.source,
            "stays" if one else "stay",
            first_few(unknown),
        )


def _new_concepts(known: Sequence[str], hierarchy: Hierarchy, min_chains: int) -> list[str]:
    chains = count_chains(known, hierarchy.parents)
    ancestors = reached(known, hierarchy.parents)[len(known) :]
    new = [id for id in ancestors if chains[id] >= min_chains]
    n_left_out = len(ancestors) - len(new)
    _log.info(
        "%s added from %s%s.",
        counted(len(new), "ancestor"),
        hierarchy.source,
        f"; {n_left_out:,} with fewer than {min_chains} chains left out" if n_left_out else "",
    )
    return new


def _called(
    ids: Sequence[str], names: Sequence[str], definitions: Sequence[str], hierarchy: Hierarchy
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and definitions, taken from the hierarchy if a name is only the id."""
    pairs = [
        (hierarchy.name.get(id, id), definition or hierarchy.definition.get(id, ""))
        if name == id
        else (name, definition)
        for id, name, definition in zip(ids, names, definitions, strict=True)
    ]
    return tuple(name for name, _ in pairs), tuple(definition for _, definition in pairs)


def _check_circles(
    edges: Sequence[tuple[int, int]], id: Sequence[str], hierarchy: Hierarchy
) -> None:
    cycle = find_cycle(parents_above(edges))
    if cycle:
        raise DataError(
            f"The parents in the sources contradict {hierarchy.source}: "
            f"{arrows([id[row] for row in cycle])}.",
            "Remove one of these edges.",
        )


def marks_upward(
    bits: np.ndarray,
    defined: np.ndarray | None,
    n_samples: int,
    n_new: int,
    edges: Iterable[tuple[int, int]],
) -> tuple[np.ndarray, np.ndarray | None]:
    """The marks of concepts and of new concepts above them.

    A concept is true where it or any of its descendants is true, false where all of these are
    false, and undefined elsewhere.

    Parameters
    ----------
    bits : uint64 array [C, W]
        The samples on which the C concepts are true.
    defined : uint64 array [C, W], or None
        The samples on which they are defined; None means all samples.
    n_samples : int
    n_new : int
        M, the number of new concepts; their indices start at C.
    edges : iterable of (int, int)
        Concept indices of child and parent, without a cycle.

    Returns
    -------
    bits, defined : uint64 arrays [C + M, W]
        The marks of all concepts; `defined` stays None if it was None.
    """
    order = children_first(edges)
    true = _raised(bits, n_new, order)
    if defined is None:
        return true, None
    whole = whole_set(n_samples)
    doubtful = _raised(~defined & whole, n_new, order)
    return true, ~doubtful & whole | true


def _raised(bits: np.ndarray, n_new: int, order: Iterable[tuple[int, int]]) -> np.ndarray:
    raised = np.concatenate([bits, np.zeros((n_new, bits.shape[1]), np.uint64)])
    for child, parent in order:
        raised[parent] |= raised[child]
    return raised
