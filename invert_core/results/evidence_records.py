"""Records of evidence, as plain bytes: of each unit, objective and direction, and of each row."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

N_BINS, N_TOP, N_NEAR = 40, 24, 8
NO_SAMPLE = 2**32 - 1

UNIT_TYPE = np.dtype(
    [
        ("layer", "<u4"),
        ("unit", "<u4"),
        ("objective", "u1"),
        ("direction", "u1"),
        ("n_rows", "<u4"),
        ("range", "<f8", (2,)),
        ("zeros", "<u4"),
        ("n_distinct", "<u4"),
        ("mode_count", "<u4"),
        ("hist", "<u4", (N_BINS,)),
        ("top", "<u4", (N_TOP,)),
        ("top_value", "<f4", (N_TOP,)),
        ("middle", "<u4", (N_NEAR,)),
        ("middle_value", "<f4", (N_NEAR,)),
    ]
)
"""The record of a unit seen from one end; docs/file-formats.md says what the fields mean."""

SAMPLES_OF_UNITS, SAMPLES_OF_ROWS = ("top", "middle"), ("missed", "alarm")
"""The fields that hold rows of the activation file."""

_HEAD = struct.Struct("<II")


def row_type(n_cuts: int) -> np.dtype:
    """Return the type of the record of a row, given at how many places hits are counted."""
    return np.dtype(
        [
            ("hits", "<f4", (n_cuts,)),
            ("hist_in", "<u4", (N_BINS,)),
            ("zeros_in", "<u4"),
            ("top_in", "u1", (N_TOP,)),
            ("missed", "<u4", (N_NEAR,)),
            ("missed_value", "<f4", (N_NEAR,)),
            ("alarm", "<u4", (N_NEAR,)),
            ("alarm_value", "<f4", (N_NEAR,)),
        ]
    )


@dataclass(frozen=True, eq=False)
class EvidenceRecords:
    """The records of some units and of their rows, in the order of the rows.

    Attributes
    ----------
    units : array of `UNIT_TYPE` [S]
        One for each unit, objective and direction; each has its `n_rows` among the rows.
    rows : array of `row_type` [R]
    """

    units: np.ndarray
    rows: np.ndarray

    def with_rows(self, at: np.ndarray) -> Self:
        """Return the records with the rows at some positions, int64 [k], in this order."""
        return replace(self, rows=self.rows[at])

    def joined(self, other: Self) -> Self:
        """Return these records and then others."""
        return type(self)(
            np.concatenate([self.units, other.units]), np.concatenate([self.rows, other.rows])
        )

    def to_bytes(self) -> bytes:
        """Return the records with their numbers before them."""
        head = _HEAD.pack(len(self.units), len(self.rows))
        return head + self.units.tobytes() + self.rows.tobytes()


@dataclass(frozen=True)
class SavedEvidence:
    """The evidence of an unfinished run: what `to_bytes` gave, one after the other.

    Parameters
    ----------
    path : Path
    n_bytes : int
        How much of the file counts.
    n_cuts : int
        At how many places hits are counted.
    """

    path: Path
    n_bytes: int
    n_cuts: int

    def __iter__(self) -> Iterator[EvidenceRecords]:
        """Read the records of a few units at a time."""
        of_row = row_type(self.n_cuts)
        left = self.n_bytes
        with self.path.open("rb") as file:
            while left:
                n_units, n_rows = _HEAD.unpack(file.read(_HEAD.size))
                units = np.frombuffer(file.read(n_units * UNIT_TYPE.itemsize), UNIT_TYPE)
                rows = np.frombuffer(file.read(n_rows * of_row.itemsize), of_row)
                left -= _HEAD.size + units.nbytes + rows.nbytes
                yield EvidenceRecords(units, rows)
