"""The rows of sparse layers during an extraction, and the columns that are made of them.

Columns can only be written when all rows are known. Until then each save appends one record per
sparse layer: four int64 (the position of the layer, the first row, the number of rows, the number
of values), then the number of values of each row (int32), then the units of the values (int32),
then the values, then the CRC-32 of all this (uint32). Records after the last row that is marked as
done may be torn; they are overwritten.
"""

import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self, cast

import numpy as np

from invert_core.activations.layout import COLUMNS
from invert_core.errors import FileFormatError

_HEAD = np.dtype("<i8")
_NUMBER = np.dtype("<i4")
_HEAD_BYTES = 4 * _HEAD.itemsize
_CHECKSUM = np.dtype("<u4")

VALUES_AT_ONCE = 2**24
BYTES_PER_VALUE = 24
"""An upper bound on the memory for each value of a block of columns."""
_UNITS_AT_ONCE = 2**16
"""With this limit the units of a block fit uint16, which NumPy sorts in linear time."""


@dataclass(frozen=True)
class Record:
    """Consecutive rows of one layer, compressed: a value that is not stored is 0.

    Parameters
    ----------
    first_row : int
    counts : int32 array [rows]
        The number of values of each row.
    units : int32 array [values]
        The unit of each value, ascending within a row.
    values : float array [values]
        The values, row after row.
    """

    first_row: int
    counts: np.ndarray
    units: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, first_row: int, rows: np.ndarray) -> Self:
        """Compress rows [rows, n_units]; -0.0 counts as 0."""
        of_row, units = np.nonzero(rows != 0)
        counts = np.bincount(of_row, minlength=len(rows)).astype(_NUMBER)
        return cls(first_row, counts, units.astype(_NUMBER), rows[of_row, units])

    @classmethod
    def joined(cls, first_row: int, parts: list[Self]) -> Self:
        """Join records of consecutive rows."""
        return cls(
            first_row,
            np.concatenate([part.counts for part in parts]),
            np.concatenate([part.units for part in parts]),
            np.concatenate([part.values for part in parts]),
        )


class SparseRows:
    """The side file of the sparse layers of an extraction.

    Parameters
    ----------
    path : Path
    n_units : mapping of layer name to int
        The sparse layers in order.
    dtype : numpy.dtype
        The type of the values.
    rows_done : int
        Rows that are saved for good. If it is 0, the file is made anew.
    """

    def __init__(self, path: Path, n_units: Mapping[str, int], dtype: np.dtype, rows_done: int):
        self.path = path
        self.n_units = dict(n_units)
        self._dtype = dtype
        self._held: dict[int, list[Record]] = {}
        if rows_done == 0:
            path.unlink(missing_ok=True)
        # Without a buffer, a failed write is not tried again when the file is closed.
        mode = "r+b" if rows_done else "x+b"
        try:
            self._file = cast(BinaryIO, path.open(mode, buffering=0))
        except FileNotFoundError as error:
            raise FileFormatError(
                f"{str(path)!r} is missing.", "Start anew with --overwrite."
            ) from error
        try:
            self._on_disk = (rows_done, self._end_of(rows_done))
        except BaseException:
            self._file.close()
            raise

    def take(self, first_row: int, rows: Mapping[str, np.ndarray]) -> None:
        """Hold rows of every sparse layer; they replace rows held before at `first_row`."""
        self._held[first_row] = [Record.of(first_row, rows[name]) for name in self.n_units]

    def write(self, last_row: int) -> None:
        """Append the rows that are held before `last_row`, and wait until they are on disk.

        Rows on disk are never written again: a caller that was interrupted may already have marked
        them as done.
        """
        first_row, end = self._on_disk
        taken = sorted(row for row in self._held if first_row <= row < last_row)
        if not taken:
            return
        self._file.seek(end)
        self._file.truncate()
        for layer in range(len(self.n_units)):
            record = Record.joined(first_row, [self._held[row][layer] for row in taken])
            head = np.array([layer, first_row, record.counts.size, record.units.size], _HEAD)
            checksum = 0
            for part in (head, record.counts, record.units, record.values):
                self._append(part)
                checksum = zlib.crc32(part.tobytes(), checksum)
            self._append(np.array(checksum, _CHECKSUM))
        os.fsync(self._file.fileno())
        self._on_disk = (last_row, self._file.tell())
        self._held = {row: held for row, held in self._held.items() if row >= last_row}

    def records(self, layer: str) -> Iterator[Record]:
        """Yield the records of a layer in the order of the rows, as views of the mapped file."""
        wanted = list(self.n_units).index(layer)
        stored = np.memmap(self.path, np.uint8, "r")
        place, (_, end) = 0, self._on_disk
        while place < end:
            head = stored[place : place + _HEAD_BYTES].view(_HEAD)
            number, first_row, n_rows, n_values = map(int, head)
            whole = stored[place : place + self._record_bytes(n_rows, n_values)]
            place += whole.size
            if number == wanted:
                if not _is_whole(whole.data):
                    raise self._broken()
                yield Record(first_row, *self._parts(whole, n_rows, n_values))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _append(self, part: np.ndarray) -> None:
        left = memoryview(part.tobytes())
        while left:
            left = left[self._file.write(left) :]

    def _end_of(self, rows_done: int) -> int:
        """The place where the records of the first `rows_done` rows end."""
        size = os.fstat(self._file.fileno()).st_size
        place = row = 0
        while row < rows_done:
            last_rows = set()
            for layer in range(len(self.n_units)):
                self._file.seek(place)
                head = self._file.read(_HEAD_BYTES)
                if len(head) < _HEAD_BYTES:
                    raise self._broken()
                number, first_row, n_rows, n_values = np.frombuffer(head, _HEAD).tolist()
                possible = 0 < n_rows <= rows_done - row and 0 <= n_values <= size
                if (number, first_row) != (layer, row) or not possible:
                    raise self._broken()
                n_bytes = self._record_bytes(n_rows, n_values)
                if place + n_bytes > size:
                    raise self._broken()
                # Reading could stop early: systems limit the bytes of one call.
                if not _is_whole(np.memmap(self.path, np.uint8, "r", place, n_bytes).data):
                    raise self._broken()
                place += n_bytes
                last_rows.add(row + n_rows)
            if len(last_rows) > 1:
                raise self._broken()
            row = last_rows.pop()
        return place

    def _record_bytes(self, n_rows: int, n_values: int) -> int:
        of_values = n_values * (_NUMBER.itemsize + self._dtype.itemsize)
        return _HEAD_BYTES + n_rows * _NUMBER.itemsize + of_values + _CHECKSUM.itemsize

    def _parts(self, record: np.ndarray, n_rows: int, n_values: int) -> list[np.ndarray]:
        """The counts, units and values in the bytes of a record."""
        place, parts = _HEAD_BYTES, []
        for count, dtype in ((n_rows, _NUMBER), (n_values, _NUMBER), (n_values, self._dtype)):
            parts.append(record[place : place + count * dtype.itemsize].view(dtype))
            place += count * dtype.itemsize
        return parts

    def _broken(self) -> FileFormatError:
        return FileFormatError(
            f"{str(self.path)!r} does not hold the rows that it should.",
            "Start anew with --overwrite.",
        )


def _is_whole(record: bytes | memoryview) -> bool:
    """Return whether the bytes of a record match the checksum at their end."""
    end = len(record) - _CHECKSUM.itemsize
    return zlib.crc32(record[:end]) == int.from_bytes(record[end:], "little")


def column_starts(records: Iterable[Record], n_units: int) -> np.ndarray:
    """The position of the first value of each unit when values are ordered by unit.

    Parameters
    ----------
    records : iterable of Record
    n_units : int

    Returns
    -------
    int64 array [n_units + 1]
        Positions from 0 to the number of values.
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
    """Yield the values of all units in blocks, ordered by unit and then by row.

    Parameters
    ----------
    records : callable that returns an iterable of Record
        It is called once for every block of units and gives the records in the order of the rows.
    starts : int64 array [n_units + 1]
        The result of `column_starts`.
    dtype : numpy.dtype
        The type of the values.
    values_at_once : int
        The most values of a block, unless a single unit has more; each takes `BYTES_PER_VALUE` of
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
