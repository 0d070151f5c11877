"""Records of the units alike, which are known once all units of a layer are."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from invert_core.metrics.alike import NO_UNIT, units_alike
from invert_core.results.evidence_records import (
    ALIKE,
    ALIKE_TYPE,
    SAMPLED,
    UNITS,
    EvidenceRecords,
)
from invert_core.results.evidence_writing import AboutEvidence, Samples, write_evidence
from invert_core.results.run_directory import EVIDENCE_FILE, saved_file
from invert_core.results.unfinished_record import Saved


@dataclass(frozen=True)
class WithAlike:
    """The records of a whole run, a few units at a time, with those of the units alike.

    Attributes
    ----------
    parts : iterable of EvidenceRecords
        The records without these; it is gone through as often as this.
    n_ways : int
        Number of directions, and so of records of a unit.
    alike : array of `ALIKE_TYPE` [U]
        The units alike of each unit.
    """

    parts: Iterable[EvidenceRecords]
    n_ways: int
    alike: np.ndarray

    @classmethod
    def of(cls, parts: Iterable[EvidenceRecords], n_ways: int) -> "WithAlike":
        """Compare the units of each layer; memory holds the ranks of one layer at a time."""
        found = [_compared(*of_layer) for of_layer in _layers(parts, n_ways)]
        return cls(parts, n_ways, found[0] if len(found) == 1 else np.concatenate(found))

    def __iter__(self) -> Iterator[EvidenceRecords]:
        """Yield the records of a few units at a time."""
        start = 0
        for part in self.parts:
            stop = start + len(part[SAMPLED])
            of_part = np.repeat(self.alike[start:stop], self.n_ways)
            yield part.with_groups(**{ALIKE: of_part})
            start = stop


def write_whole_evidence(
    folder: Path,
    parts: Iterable[EvidenceRecords],
    n_ways: int,
    about: AboutEvidence,
    samples: Samples,
) -> Saved:
    """Write evidence.h5 of a run, with the units alike.

    Parameters
    ----------
    folder : Path
        The run directory.
    parts, n_ways
        As for `WithAlike`.
    about, samples
        As for `write_evidence`.
    """
    path = folder / EVIDENCE_FILE
    write_evidence(path, WithAlike.of(parts, n_ways), about, samples)
    return saved_file(path)


def _layers(
    parts: Iterable[EvidenceRecords], n_ways: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the numbers [U] and the ranks [U, n] of the units of each layer."""
    numbers: list[np.ndarray] = []
    ranks: list[np.ndarray] = []
    last = None
    for part in parts:
        units = part[UNITS][::n_ways]
        for layer in np.unique(units["layer"]).tolist():
            if numbers and layer != last:
                yield np.concatenate(numbers), np.concatenate(ranks)
                numbers, ranks = [], []
            at = np.flatnonzero(units["layer"] == layer)
            numbers.append(units["unit"][at])
            ranks.append(part[SAMPLED]["ranks"][at])
            last = layer
    yield np.concatenate(numbers), np.concatenate(ranks)


def _compared(numbers: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    alike, correlation = units_alike(ranks)
    records = np.zeros(numbers.size, ALIKE_TYPE)
    records["unit"] = np.append(numbers, NO_UNIT)[np.minimum(alike, numbers.size)]
    records["correlation"] = correlation
    return records
