"""Arrangements: the ways in which samples may change places without changing what chance does."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from invert_core.activations.groups import Groups
from invert_core.kernels.atoms import Atoms
from invert_core.kernels.shuffles import shuffled_sums

SPACE, PERMUTATION, GROUPS, SHIFT = range(4)
CORRECTIONS = ("space", "permutation", "group permutation", "shift")
"""The values of the column `correction` of rows that were searched."""


class Arrangements(NamedTuple):
    """Equally likely arrangements, of which the real one is one.

    `blocks` are the samples that move as one: B groups, or each sample by itself. `draw` returns,
    given a random generator, the block whose marks each block gets: int64 [B]. `correction` is a
    number of `CORRECTIONS`.
    """

    blocks: Atoms
    draw: Callable[[np.random.Generator], np.ndarray]
    correction: int


def any_order(n_samples: int) -> Arrangements:
    """Return all orders of independent samples."""
    blocks = each_sample(n_samples)

    def draw(random: np.random.Generator) -> np.ndarray:
        doubled_ranks = shuffled_sums(random.bit_generator.random_raw(1), blocks, 1)[0]
        return doubled_ranks // 2 - 1

    return Arrangements(blocks, draw, PERMUTATION)


def any_order_of_groups(groups: Groups) -> Arrangements:
    """Return all orders of the marks of groups, whose samples all carry the marks of their group.

    The sizes of the groups may differ, so that sizes of extents do, too.
    """
    n_groups = len(groups.names)
    blocks = Atoms(groups.number, groups.sizes)
    return Arrangements(blocks, lambda random: _order(n_groups, random), GROUPS)


def exchanges(groups: Groups) -> Arrangements:
    """Return all exchanges of groups of one size; their samples keep their order."""
    classes = places_by_size(groups)
    n_samples = groups.number.size

    def draw(random: np.random.Generator) -> np.ndarray:
        source = np.arange(n_samples)
        for places in classes:
            source[places] = places[_order(len(places), random)]
        return source

    return Arrangements(each_sample(n_samples), draw, GROUPS)


def shifts(n_samples: int) -> Arrangements:
    """Return all circular shifts of the samples, which keep what neighbours have in common."""

    def draw(random: np.random.Generator) -> np.ndarray:
        return np.roll(np.arange(n_samples), int(random.random() * n_samples))

    return Arrangements(each_sample(n_samples), draw, SHIFT)


def _order(n_blocks: int, random: np.random.Generator) -> np.ndarray:
    """Return a random order: by sorting, which is the same in every version of NumPy."""
    return random.random(n_blocks).argsort(kind="stable")


def each_sample(n_samples: int) -> Atoms:
    """Return blocks of one sample each."""
    return Atoms(np.arange(n_samples, dtype=np.int32), np.ones(n_samples, np.int64))


def places_by_size(groups: Groups) -> list[np.ndarray]:
    """Return the samples of the groups of one size, for each repeated size: int64 [G, size]."""
    members = np.split(np.argsort(groups.number, kind="stable"), np.cumsum(groups.sizes)[:-1])
    sizes, counts = np.unique(groups.sizes, return_counts=True)
    return [np.array([each for each in members if each.size == size]) for size in sizes[counts > 1]]
