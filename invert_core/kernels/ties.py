"""Tie profiles of units: which values are equal, as far as it matters to a sum of ranks."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

import numpy as np

from invert_core.kernels._jit import frugal_inner, inner

N_LARGE = 512
"""A tie group is large if it holds more than 1 / 512 of the samples, and more than one sample."""
_SHORT = 4
"""Runs of as many values are tie groups of one, in a unit without longer ones."""


class Ties(NamedTuple):
    """The large tie groups of K units, ascending within each unit.

    Group i has `size[i]` samples, and `below[i]` samples of the unit are below it; both are int64
    [T]. Unit k has the groups ``first[k]`` to ``first[k + 1]``, int64 [K + 1], among
    ``n_samples[k]``, int64 [K]. All values outside the large groups count as untied: in a sum of
    ranks, small ties change nothing that could be seen.
    """

    below: np.ndarray
    size: np.ndarray
    first: np.ndarray
    n_samples: np.ndarray

    @classmethod
    def of(cls, units: Iterable[np.ndarray]) -> Self:
        """Find the large tie groups of units, each an array [N] without NaN; slow."""
        return cls.join([cls._of_unit(np.asarray(values)) for values in units])

    @classmethod
    def _of_unit(cls, values: np.ndarray) -> Self:
        _, sizes = np.unique(values, return_counts=True)
        below = np.cumsum(sizes) - sizes
        is_large = sizes > least_large(values.size) - 1
        first = np.array([0, is_large.sum()])
        return cls(below[is_large], sizes[is_large], first, np.array([values.size]))

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Put the units of several profiles one after the other."""
        if not parts:
            nothing = np.zeros(0, np.int64)
            return cls(nothing, nothing, np.zeros(1, np.int64), nothing)
        n_groups = np.concatenate([np.diff(part.first) for part in parts])
        return cls(
            np.concatenate([part.below for part in parts]),
            np.concatenate([part.size for part in parts]),
            np.concatenate([[0], np.cumsum(n_groups)]),
            np.concatenate([part.n_samples for part in parts]),
        )

    def take(self, units: np.ndarray) -> Self:
        """Return the profiles of some units, int64 [J], in this order."""
        units = np.asarray(units, np.int64)
        starts, n_groups = self.first[units], np.diff(self.first)[units]
        first = np.concatenate([[0], np.cumsum(n_groups)])
        groups = np.arange(first[-1]) + np.repeat(starts - first[:-1], n_groups)
        return type(self)(self.below[groups], self.size[groups], first, self.n_samples[units])


@inner
def least_large(n_samples):
    """Return how many samples the smallest large tie group has among `n_samples`."""
    return max(1, n_samples // N_LARGE) + 1


class Large(NamedTuple):
    """Room for the large tie groups of one unit, in any order; ``n[0]`` of them are there.

    `below` and `size` are int64 [M], where no unit of as many samples has more than M groups.
    """

    below: np.ndarray
    size: np.ndarray
    n: np.ndarray


def most_large(n_samples: int) -> int:
    """Return how many large tie groups a unit can have at most."""
    return n_samples // least_large(n_samples)


def room_for_large(n_samples: int) -> Large:
    """Return room for the large tie groups of one unit."""
    below, size = np.empty((2, most_large(n_samples)), np.int64)
    return Large(below, size, np.zeros(1, np.int64))


@inner
def note_large(below, size, least, large):
    """Note a tie group if it has at least `least` samples."""
    if size >= least:
        number = large.n[0]
        large.below[number] = below
        large.size[number] = size
        large.n[0] = number + 1


def ties_of(below: np.ndarray, size: np.ndarray, n: np.ndarray, n_samples: np.ndarray) -> Ties:
    """Put the noted groups of K units in order.

    Parameters
    ----------
    below, size : int64 [K, M]
        The rooms of the units; see `Large`.
    n, n_samples : int64 [K]
        Number of groups, and of samples, of each unit.
    """
    is_used = np.arange(below.shape[1]) < n[:, None]
    below, size = below[is_used], size[is_used]
    order = np.lexsort((below, np.nonzero(is_used)[0]))
    return Ties(below[order], size[order], np.append(0, np.cumsum(n)), n_samples)


class Pieces(NamedTuple):
    """A population of numbers, as tie groups and runs of untied values, ascending.

    Piece i, one of ``n[0]``, has the `size[i]` values level[i], level[i] + step[i],
    level[i] + 2 step[i], and so on: the step of a tie group is 0, that of a run 2. Levels are
    doubled midranks minus (N + 1), so that the values of a unit add up to 0; `before[i]` values are
    in the pieces before. All are int64 [P], with room for as many pieces made of these. Divided by
    ``scale[0]``, the number of samples, levels are between -1 and 1.
    """

    size: np.ndarray
    level: np.ndarray
    step: np.ndarray
    before: np.ndarray
    n: np.ndarray
    scale: np.ndarray


def room_for_pieces(ties: Ties) -> Pieces:
    """Return room for the pieces of any one of some units."""
    n_groups = int(np.diff(ties.first).max(initial=0))
    n_pieces = n_groups + _SHORT * (n_groups + 1)
    size, level, step, before = np.zeros((4, 2 * n_pieces + 1), np.int64)
    return Pieces(size, level, step, before, np.zeros(1, np.int64), np.empty(1))


@frugal_inner
def add_piece(number, size, level, step, pieces):
    """Write a piece after those before it, and return the number of the next one."""
    pieces.size[number], pieces.level[number], pieces.step[number] = size, level, step
    pieces.before[number + 1] = pieces.before[number] + size
    return number + 1


@frugal_inner
def fill_pieces(pieces, ties, unit, is_reversed):
    """Fill in the doubled midranks of a unit; those of -1 times its values if reversed."""
    n_samples = ties.n_samples[unit]
    n_groups = ties.first[unit + 1] - ties.first[unit]
    longest = np.int64(0)
    n_pieces = np.int64(0)
    # Runs are noted in the second turn, when it is known how long they are.
    for turn in range(2):
        done = np.int64(0)
        for number in range(n_groups + 1):
            below, size = n_samples, np.int64(0)
            if number < n_groups:
                group = ties.first[unit] + (n_groups - 1 - number if is_reversed else number)
                below, size = ties.below[group], ties.size[group]
                if is_reversed:
                    below = n_samples - below - size
            run = below - done
            if turn == 0:
                longest = max(longest, run)
            else:
                # Short runs count as tie groups of one.
                n_parts = run if longest <= _SHORT else min(run, 1)
                for part in range(n_parts):
                    level = 2 * (done + part) + 1 - n_samples
                    step = 2 if run > n_parts else 0
                    n_pieces = add_piece(n_pieces, run // n_parts, level, step, pieces)
                if size > 0:
                    level = 2 * below + size - n_samples
                    n_pieces = add_piece(n_pieces, size, level, 0, pieces)
            done = below + size
    pieces.n[0] = n_pieces
    pieces.scale[0] = n_samples
