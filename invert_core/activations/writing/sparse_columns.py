"""From the rows of a sparse layer to its columns, in bounded memory."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from invert_core.activations.layout import COLUMNS
from invert_core.activations.writing.sparse_rows import Record

VALUES_AT_ONCE = 2**24
BYTES_PER_VALUE = 24
"""Memory for each value that is put in its column at once, at the most."""

_UNITS_AT_ONCE = 2**16
"""So that units within a block are uint16, which NumPy sorts in linear time."""


def column_starts(records: Iterable[Record], n_units: int) -> np.ndarray:
    """Where the values of each unit begin among all of them, unit after unit.

    Parameters
    ----------
    records : iterable of Record
    n_units : int

    Returns
    -------
    int64 array [n_units + 1]
        From 0 to the number of values.
    """
    starts = np.zeros(n_units + 1, COLUMNS["indptr"])
    for record in records:
        starts[1:] += np.bincount(record.units, minlength=n_units)
    return np.cumsum(starts)


def columns(
    records: Callable[[], Iterable[Record]],
    starts: np.ndarray,
    dtype: np.dtype,
    values_at_once: int = VALUES_AT_ONCE,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The values of all units, unit after unit, and within a unit in the order of the rows.

    Parameters
    ----------
    records : callable that gives an iterable of Record
        Called once for every block of units; the records are in the order of the rows.
    starts : int64 array [n_units + 1]
        As `column_starts` gives them.
    dtype : numpy.dtype
        Of the values.
    values_at_once : int
        The most values of a block, if no single unit has more; each takes `BYTES_PER_VALUE` of
        memory.

    Yields
    ------
    indices : int32 array [k]
        The row of each value.
    values : float array [k]
    """
    first = 0
    while first < starts.size - 1:
        last = int(np.searchsorted(starts, starts[first] + values_at_once, side="right")) - 1
        last = min(max(last, first + 1), first + _UNITS_AT_ONCE)
        yield _block(records(), first, last, int(starts[last] - starts[first]), dtype)
        first = last


def _block(
    records: Iterable[Record], first: int, last: int, size: int, dtype: np.dtype
) -> tuple[np.ndarray, np.ndarray]:
    rows, units = np.empty(size, COLUMNS["indices"]), np.empty(size, np.uint16)
    values = np.empty(size, dtype)
    filled = 0
    for record in records:
        inside = np.flatnonzero((record.units >= first) & (record.units < last))
        part = slice(filled, filled + inside.size)
        of_row = np.arange(record.first_row, record.first_row + record.counts.size)
        rows[part] = np.repeat(of_row, record.counts)[inside]
        units[part] = record.units[inside] - first
        values[part] = record.values[inside]
        filled += inside.size
    order = np.argsort(units, kind="stable")
    return rows[order], values[order]
