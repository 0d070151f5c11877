"""Paths from concepts up to their ancestors.

`parents` maps each concept to its direct parents; a concept that is not a key has none.
"""

import graphlib
from collections import Counter, deque
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def parents_above(edges: Iterable[tuple[Node, Node]]) -> dict[Node, list[Node]]:
    """The parents of each child, from edges (child, parent)."""
    above: dict[Node, list[Node]] = {}
    for child, parent in edges:
        above.setdefault(child, []).append(parent)
    return above


def find_cycle(parents: Mapping[Node, Iterable[Node]]) -> list[Node]:
    """A chain from a concept through its ancestors back to itself; empty if there is none."""
    finished: set[Node] = set()
    for start in parents:
        way: dict[Node, Iterator[Node]] = {}
        if start not in finished:
            way[start] = iter(parents[start])
        while way:
            node = next(reversed(way))
            for parent in way[node]:
                if parent in way:
                    nodes = [*way, parent]
                    return nodes[nodes.index(parent) :]
                if parent not in finished:
                    way[parent] = iter(parents.get(parent, ()))
                    break
            else:
                finished.add(node)
                way.popitem()
    return []


def children_first(edges: Iterable[tuple[Node, Node]]) -> list[tuple[Node, Node]]:
    """Sort edges (child, parent) without a cycle: edges to a concept come before edges from it."""
    below: dict[Node, dict[Node, None]] = {}
    for child, parent in edges:
        below.setdefault(parent, {})[child] = None
    order = graphlib.TopologicalSorter(below).static_order()
    return [(child, parent) for parent in order for child in below.get(parent, ())]


def reached(starts: Iterable[Node], parents: Mapping[Node, Iterable[Node]]) -> list[Node]:
    """The starts and all their ancestors, breadth-first."""
    found = dict.fromkeys(starts)
    waiting = deque(found)
    while waiting:
        for parent in parents.get(waiting.popleft(), ()):
            if parent not in found:
                found[parent] = None
                waiting.append(parent)
    return list(found)


def count_chains(starts: Iterable[Node], parents: Mapping[Node, Iterable[Node]]) -> Counter[Node]:
    """Count the shortest paths that lead up to each ancestor from all starts together.

    A start has no path to itself.
    """
    chains: Counter[Node] = Counter()
    for start in starts:
        seen = {start}
        level = Counter([start])
        while level:
            above: Counter[Node] = Counter()
            for node, ways in level.items():
                for parent in parents.get(node, ()):
                    if parent not in seen:
                        above[parent] += ways
            chains.update(above)
            seen.update(above)
            level = above
    return chains


def edges_among(
    kept: Collection[Node], parents: Mapping[Node, Iterable[Node]]
) -> list[tuple[Node, Node]]:
    """Edges (child, parent) among the kept concepts, across the others.

    There is an edge if a path leads up from the child to the parent with none of `kept` between
    them. The edges of a child are in the order of the length of their paths.
    """
    members = set(kept)
    edges: dict[tuple[Node, Node], None] = {}
    for child in kept:
        seen = {child}
        waiting = deque([child])
        while waiting:
            for parent in parents.get(waiting.popleft(), ()):
                if parent in seen:
                    continue
                seen.add(parent)
                if parent in members:
                    edges[child, parent] = None
                else:
                    waiting.append(parent)
    return list(edges)
