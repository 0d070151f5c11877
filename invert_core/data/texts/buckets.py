"""Which texts share a batch: those of similar length, so that little padding is needed."""

from collections.abc import Iterator, Sequence

import numpy as np

WINDOW_ROWS = 1024
"""Texts are sorted among about so many neighbours, which are held in memory until all are done."""

_STEP = 8
"""Lengths are rounded up to a multiple of this: few shapes of batches are faster than many."""


def windows(start: int, stop: int, batch_size: int) -> Iterator[range]:
    """Rows that are sorted together, from the window that holds row `start` on.

    A window is a whole number of batches, so which rows it holds does not depend on `start`.

    >>> list(windows(1500, 2100, 1000))
    [range(1000, 2000), range(2000, 2100)]
    """
    rows = max(1, WINDOW_ROWS // batch_size) * batch_size
    for first in range(start // rows * rows, stop, rows):
        yield range(first, min(first + rows, stop))


def batches_by_length(lengths: Sequence[int], batch_size: int) -> list[np.ndarray]:
    """Positions in `lengths` that share a batch, in the order of their lengths.

    Texts of one length stay in their order; every position stands in one batch. The longer half
    of the batches comes first: those at the beginning, from which the time of all is estimated,
    are of common length.

    >>> [batch.tolist() for batch in batches_by_length([5, 2, 9, 2], 2)]
    [[0, 2], [1, 3]]
    """
    order = np.argsort(lengths, kind="stable")
    batches = [order[first : first + batch_size] for first in range(0, len(order), batch_size)]
    middle = len(batches) // 2
    return batches[middle:] + batches[:middle]


def padded_length(longest: int, max_length: int | None) -> int:
    """The length to which a batch is padded: a multiple of 8, but no more than `max_length`.

    >>> padded_length(9, None), padded_length(9, 10)
    (16, 10)
    """
    rounded = -(-longest // _STEP) * _STEP
    return rounded if max_length is None else min(rounded, max_length)
