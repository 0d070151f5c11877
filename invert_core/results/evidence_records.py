"""Records of evidence, as plain bytes: of each unit and direction, each row, and each unit."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from invert_core.results.concept_records import HIGHEST, LOWEST, concept_type
from invert_core.results.held_out_evidence import HELD_OUT, HELD_OUT_CUTS, held_out_type

N_BINS, N_TOP, N_NEAR, N_SHARED, N_ALIKE = 40, 24, 8, 6, 5
NO_SAMPLE = NO_UNIT = 2**32 - 1
"""Fills up lists."""

UNITS, ROWS, CONCEPTS, SAMPLED, ALIKE = "units", "rows", "concepts", "sampled", "alike"
GROUPS = UNITS, ROWS, HELD_OUT, CONCEPTS, SAMPLED, ALIKE
"""The groups of records in their order: each row has its `record` among the units."""
OF_ROWS = ROWS, HELD_OUT
"""The groups with one record for each row; the others have records of units."""
SAMPLES = {UNITS: ("top", "middle"), ROWS: ("missed", "alarm")}
"""The fields that hold rows of the activation file."""
INDICES = {
    f"{UNITS}/layer": "layer",
    f"{UNITS}/direction": "direction",
    f"{ROWS}/record": "record",
    f"{ROWS}/objective": "objective",
    f"{ROWS}/top_in": "truth",
}
"""What the numbers in fields stand for, of which there is always one."""
FILLED = {
    f"{UNITS}/share": "concept",
    f"{CONCEPTS}/{HIGHEST}": "concept",
    f"{CONCEPTS}/{LOWEST}": "concept",
} | {f"{group}/{name}": "sample" for group, names in SAMPLES.items() for name in names}
"""What the numbers in lists stand for that are filled up with 2^32 - 1."""

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
        ("share", "<u4", (N_SHARED,)),
        ("share_hits", "u1", (N_SHARED,)),
    ]
)
"""The record of a unit seen from one end; docs/file-formats.md says what the fields mean."""

ALIKE_TYPE = np.dtype([("unit", "<u4", (N_ALIKE,)), ("correlation", "<f4", (N_ALIKE,))])
"""The units alike, one record for each of a unit."""

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


def sampled_type(n_compared: int) -> np.dtype:
    """Return the type of the midranks of a unit, by which units are compared."""
    return np.dtype([("ranks", "<u2", (n_compared,))])


def _types(lists: Mapping[str, np.ndarray]) -> dict[str, np.dtype]:
    """Return the types that a run has from the first unit on; the parameter is as below."""
    n_units = int(lists["n_units"].sum(dtype=np.int64))
    types = {UNITS: UNIT_TYPE, ROWS: row_type(lists["cuts"].size)}
    if HELD_OUT_CUTS in lists:
        types[HELD_OUT] = held_out_type(lists[HELD_OUT_CUTS].size)
    types[CONCEPTS] = concept_type(lists["concept_positive"].size, n_units)
    return types


def record_types(lists: Mapping[str, np.ndarray]) -> dict[str, np.dtype]:
    """Return the type of the records of each group of a run.

    The lists that the file has of its own say how long some fields are; a group without its list is
    not there.
    """
    return _types(lists) | {ALIKE: ALIKE_TYPE}


def saved_types(lists: Mapping[str, np.ndarray]) -> dict[str, np.dtype]:
    """Return the type of the records of each group of an unfinished run.

    Which units are alike is known at the end only.
    """
    return _types(lists) | {SAMPLED: sampled_type(lists["compared"].size)}


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
        The type of the records of each group.
    """

    path: Path
    n_bytes: int
    types: Mapping[str, np.dtype]

    def __iter__(self) -> Iterator[EvidenceRecords]:
        """Read the records of a few units at a time."""
        head = _head(len(self.types))
        types = {name: self.types[name] for name in GROUPS if name in self.types}
        left = self.n_bytes
        with self.path.open("rb") as file:
            while left:
                numbers = head.unpack(file.read(head.size))
                groups = {
                    name: np.frombuffer(file.read(number * of.itemsize), of)
                    for (name, of), number in zip(types.items(), numbers, strict=True)
                }
                left -= head.size + sum(one.nbytes for one in groups.values())
                yield EvidenceRecords(groups)
