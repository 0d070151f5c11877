"""Records of evidence, as plain bytes: of each unit and direction, and of each row."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

N_BINS, N_TOP, N_NEAR = 40, 24, 8
NO_SAMPLE = 2**32 - 1

GROUPS = UNITS, ROWS = "units", "rows"
"""The groups of records in their order: each row has its `record` among the units."""
OF_ROWS = (ROWS,)
"""The groups with one record for each row; the others have records of units."""
SAMPLES = {UNITS: ("top", "middle"), ROWS: ("missed", "alarm")}
"""The fields that hold rows of the activation file."""

UNIT_TYPE = np.dtype(
    [
        ("layer", "<u4"),
        ("unit", "<u4"),
        ("direction", "u1"),
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

Records = Mapping[str, np.ndarray]
"""Records of each group, keyed by its name."""


def row_type(n_cuts: int) -> np.dtype:
    """Return the type of the record of a row, given at how many places hits are counted."""
    return np.dtype(
        [
            ("record", "<u4"),
            ("objective", "u1"),
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


def record_types(lists: Mapping[str, np.ndarray]) -> dict[str, np.dtype]:
    """Return the type of the records of each group of a run, in the order of `GROUPS`.

    The lists that the file has of its own say how long some fields are; a group without its list is
    not there.
    """
    return {UNITS: UNIT_TYPE, ROWS: row_type(lists["cuts"].size)}


@dataclass(frozen=True, eq=False)
class EvidenceRecords:
    """The records of some units and of their rows, in the order of the rows.

    Attributes
    ----------
    groups : mapping of str to array
        The records of each group; the `record` of a row counts from the first unit here.
    """

    groups: Records

    def __getitem__(self, name: str) -> np.ndarray:
        """Return the records of a group."""
        return self.groups[name]

    def with_groups(self, **groups: np.ndarray) -> Self:
        """Return these records and those of further groups."""
        return type(self)({**self.groups, **groups})

    def with_rows(self, at: np.ndarray) -> Self:
        """Return the records with the rows at some positions, int64 [k], in this order."""
        return type(self)(
            {name: one[at] if name in OF_ROWS else one for name, one in self.groups.items()}
        )

    def joined(self, other: Self) -> Self:
        """Return these records and then others."""
        later = after(len(self.groups.get(UNITS, ())), other.groups)
        return type(self)(
            {name: np.concatenate([one, later[name]]) for name, one in self.groups.items()}
        )

    def to_bytes(self) -> bytes:
        """Return the records of all groups, with their numbers before them."""
        groups = [self.groups[name] for name in GROUPS if name in self.groups]
        head = _head(len(groups)).pack(*map(len, groups))
        return head + b"".join(one.tobytes() for one in groups)


def after(n_units: int, groups: Records) -> Records:
    """Return records that come after so many of units."""
    rows = groups[ROWS].copy()
    rows["record"] += n_units
    return {**groups, ROWS: rows}


def _head(n_groups: int) -> struct.Struct:
    return struct.Struct(f"<{n_groups}I")


@dataclass(frozen=True)
class SavedEvidence:
    """The evidence of an unfinished run: what `to_bytes` gave, one after the other.

    Parameters
    ----------
    path : Path
    n_bytes : int
        How much of the file counts.
    types : mapping of str to dtype
        The type of the records of each group, in their order.
    """

    path: Path
    n_bytes: int
    types: Mapping[str, np.dtype]

    def __iter__(self) -> Iterator[EvidenceRecords]:
        """Read the records of a few units at a time."""
        head = _head(len(self.types))
        left = self.n_bytes
        with self.path.open("rb") as file:
            while left:
                numbers = head.unpack(file.read(head.size))
                groups = {
                    name: np.frombuffer(file.read(number * of.itemsize), of)
                    for (name, of), number in zip(self.types.items(), numbers, strict=True)
                }
                left -= head.size + sum(one.nbytes for one in groups.values())
                yield EvidenceRecords(groups)
