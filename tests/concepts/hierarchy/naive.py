"""Hierarchies once more, in the slowest and plainest code that can be read.

`parents` holds edges (child, parent) as a set of pairs. A concept is a list with a label for each
sample: True, False, or None where it is undefined.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

Edges = Collection[tuple[str, str]]
Labels = Mapping[str, Sequence[bool | None]]


def ways(child: str, parents: Edges) -> list[tuple[str, ...]]:
    """All ways up from a concept, each as the concepts on it; the one of no step is among them."""
    found = [(child,)]
    for lower, upper in parents:
        if lower == child:
            found += [(child, *rest) for rest in ways(upper, parents)]
    return found


def above(id: str, parents: Edges) -> set[str]:
    """A concept and all that it is a kind of."""
    return {way[-1] for way in ways(id, parents)}


def n_chains(ancestor: str, concepts: Collection[str], parents: Edges) -> int:
    """Shortest ways from each of the concepts up to one that is above it."""
    total = 0
    for concept in concepts:
        lengths = [len(way) for way in ways(concept, parents) if way[-1] == ancestor]
        if concept != ancestor and lengths:
            total += lengths.count(min(lengths))
    return total


def with_ancestors(
    labels: Labels, own: Edges, parents: Edges, min_chains: int
) -> dict[str, list[bool | None]]:
    """Labels of concepts that have edges of their own, and of their ancestors in a hierarchy."""
    all_above = {ancestor for concept in labels for ancestor in above(concept, parents)}
    kept = set(labels) | {
        ancestor for ancestor in all_above if n_chains(ancestor, labels, parents) >= min_chains
    }
    n_samples = len(next(iter(labels.values())))
    return {
        ancestor: [
            any_of([labels[c][sample] for c in labels if ancestor in above(c, {*own, *parents})])
            for sample in range(n_samples)
        ]
        for ancestor in kept
    }


def any_of(values: Sequence[bool | None]) -> bool | None:
    """True if any is, else None if any is, else False."""
    if True in values:
        return True
    return None if None in values else False


def connected(kept: Collection[str], parents: Edges) -> set[tuple[str, str]]:
    """Edges where a way leads from one kept concept to another with no kept one between."""
    return {
        (child, way[-1])
        for child in kept
        for way in ways(child, parents)
        if len(way) > 1 and way[-1] in kept and not set(way[1:-1]) & set(kept)
    }


def stand_ins(labels: Labels, order: Sequence[str], parents: Edges) -> dict[str, str]:
    """For each concept the one it is merged into; itself if it is merged into none."""

    def lowest(id: str) -> str:
        for child in order:
            if (child, id) in parents and labels[child] == labels[id]:
                return lowest(child)
        return id

    return {id: lowest(id) for id in labels}


def is_way(nodes: Sequence[str], parents: Edges) -> bool:
    """Whether each concept is a child of the next."""
    return all(edge in parents for edge in pairwise(nodes))
