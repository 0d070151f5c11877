"""Null distributions of a search, by all arrangements of groups of samples."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet

Statistic = Callable[[Sequence[AbstractSet[int]]], float]
"""What is compared of a search among some concepts: the smaller, the better."""


def orders_of_labels(
    concepts: Sequence[AbstractSet[int]], groups: Sequence[AbstractSet[int]]
) -> Iterator[list[set[int]]]:
    """Yield the concepts after the labels of all groups were put in every order.

    All samples of a group must carry the same concepts.
    """
    for order in itertools.permutations(range(len(groups))):
        yield [
            set().union(*(groups[g] for g, h in enumerate(order) if groups[h] <= concept))
            for concept in concepts
        ]


def exchanges_of_groups(
    concepts: Sequence[AbstractSet[int]], groups: Sequence[Sequence[int]]
) -> Iterator[list[set[int]]]:
    """Yield the concepts after groups of one size changed places, in every way."""
    for order in itertools.permutations(range(len(groups))):
        if any(len(groups[g]) != len(groups[h]) for g, h in enumerate(order)):
            continue
        moved = {
            old: new
            for g, h in enumerate(order)
            for old, new in zip(groups[g], groups[h], strict=True)
        }
        yield [{moved[sample] for sample in concept} for concept in concepts]


def shifts_of_samples(
    concepts: Sequence[AbstractSet[int]], n_samples: int
) -> Iterator[list[set[int]]]:
    """Yield the concepts after all samples were moved on in a circle, by every number of places."""
    for shift in range(n_samples):
        yield [{(sample + shift) % n_samples for sample in concept} for concept in concepts]


def share_as_small(
    arranged: Iterator[list[set[int]]], real: Sequence[AbstractSet[int]], statistic: Statistic
) -> float:
    """Return the share of arrangements whose statistic is at most the real one."""
    limit = statistic(real) + 1e-9
    found = [statistic(concepts) <= limit for concepts in arranged]
    return sum(found) / len(found)
