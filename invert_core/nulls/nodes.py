"""Nodes: the tie profiles for which null distributions are computed, and shared by all units."""

import math
from typing import NamedTuple

import numpy as np

from invert_core.kernels.ties import Ties, least_large

_SMALL = 0.05
"""A tie group of a smaller share of the samples hardly changes the null distribution."""


class Node(NamedTuple):
    """A tie profile with at most one tie group, of the lowest or of the highest samples.

    `n_untied` is the number of the other samples. If only the set of the highest samples matters,
    and so with `is_of_highest`, these are the highest, and tied.
    """

    n_untied: int
    is_highest: bool = False
    is_of_highest: bool = False


class Places(NamedTuple):
    """Where units lie between nodes.

    `nodes` are all nodes that the units lie next to. Unit k lies between ``nodes[above[k]]`` and
    ``nodes[below[k]]``, which are the same if it is exactly like a node, int64 [K]; both are -1 for
    a unit that is unlike all nodes.
    """

    nodes: list[Node]
    above: np.ndarray
    below: np.ndarray


def places_of(ties: Ties) -> Places:
    """Find the nodes on both sides of each unit of N samples.

    The numbers of untied samples of the nodes are in ratios of the square root of 2. A unit between
    two nodes must be held against both, because the null distribution does not change steadily with
    the size of the tie group.
    """
    n_samples = int(ties.n_samples[0])
    unit = np.repeat(np.arange(ties.n_samples.size), np.diff(ties.first))
    large = np.flatnonzero(ties.size >= _SMALL * n_samples)
    n_large = np.bincount(unit[large], minlength=ties.n_samples.size)
    n_below, n_tied = np.zeros((2, n_large.size), np.int64)
    n_below[unit[large]], n_tied[unit[large]] = ties.below[large], ties.size[large]
    n_above = n_samples - n_below - n_tied
    is_highest = (n_large == 1) & (n_above < n_below)
    # A few values on the other side matter, because they may be many of those that are not tied.
    is_at_an_end = np.minimum(n_below, n_above) == 0
    has_node = (n_large == 0) | ((n_large == 1) & is_at_an_end & (n_tied < n_samples))

    steps = _steps(n_samples)
    n_untied = n_samples - n_tied
    # Ascending, so the first step that is not smaller is the node above.
    above = np.searchsorted(steps, n_untied)
    below = np.where(steps[above] == n_untied, above, above - 1)
    numbers = np.where(has_node, 2 * np.stack([above, below]) + is_highest, -1)
    used = np.unique(numbers[numbers >= 0])
    nodes = [Node(int(steps[one // 2]), bool(one % 2)) for one in used.tolist()]
    places = np.where(numbers < 0, -1, np.searchsorted(used, numbers))
    return Places(nodes, places[0], places[1])


def places_of_highest(n_highest: np.ndarray, n_samples: int, target: int) -> Places:
    """Find the nodes on both sides of units of which only the set of the highest samples matters.

    Parameters
    ----------
    n_highest : int64 [K, W]
        Number of highest samples of each unit, in each direction; 0 for a dead unit. A unit whose
        numbers differ, or whose highest and lowest samples overlap, is unlike all nodes.
    n_samples, target : int
        N, and the number of highest samples that is usual, which has a node of its own.
    """
    number = n_highest[:, 0]
    n_ways = n_highest.shape[1]
    has_node = (n_highest == number[:, None]).all(axis=1) & (number > 0)
    steps = np.unique(np.append(_steps(n_samples), min(target, n_samples)))
    above = np.searchsorted(steps, number)
    below = np.where(steps[above] == number, above, above - 1)
    # With both directions, the lowest samples are as many, and others.
    has_node &= (n_ways * steps[above] <= n_samples) & (steps[above] < n_samples)
    numbers = np.where(has_node, np.stack([above, below]), -1)
    used = np.unique(numbers[numbers >= 0])
    nodes = [Node(int(steps[one]), is_of_highest=True) for one in used.tolist()]
    places = np.where(numbers < 0, -1, np.searchsorted(used, numbers))
    return Places(nodes, places[0], places[1])


def _steps(n_samples: int) -> np.ndarray:
    """Return the numbers of untied samples of all nodes, ascending, from 1 to N."""
    n_steps = math.ceil(2 * math.log2(n_samples)) + 1
    powers = np.arange(n_steps)
    return np.unique(np.maximum(1, np.rint(n_samples / np.sqrt(2.0) ** powers).astype(np.int64)))


def profile_of(node: Node, n_samples: int, n_units: int) -> tuple[list[int], Ties]:
    """Return the tie sums and tie profiles of some units that are exactly like a node."""
    n_tied = n_samples - node.n_untied
    is_large = n_tied >= least_large(n_samples)
    n_groups = n_units if is_large else 0
    ties = Ties(
        np.full(n_groups, node.n_untied if node.is_highest else 0),
        np.full(n_groups, n_tied),
        np.arange(n_units + 1) * is_large,
        np.full(n_units, n_samples),
    )
    return [n_tied**3 - n_tied] * n_units, ties
