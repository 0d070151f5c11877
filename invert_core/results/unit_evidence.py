"""What evidence.h5 says about one unit, seen from one end, in terms of its rows and samples."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from invert_core.errors import FileFormatError
from invert_core.results.columns import Label
from invert_core.results.evidence_records import NO_SAMPLE, NO_UNIT

if TYPE_CHECKING:
    from invert_core.results.evidence_file import RunEvidence


@dataclass(frozen=True)
class ShownSample:
    """One of the samples at the top of a unit.

    Attributes
    ----------
    row : int
        Row of the activation file.
    id : str
        "" if samples have no ids.
    value : float
        The activation of the unit.
    text : str or None
        The beginning of the sample, if it is a text that the run holds.
    """

    row: int
    id: str
    value: float
    text: str | None


@dataclass(frozen=True, eq=False)
class RowEvidence:
    """Evidence of one row; arrays are as in docs/file-formats.md.

    Attributes
    ----------
    hits : float32 [K]
        On how many samples at the top the formula is true, at each of the unit's `cuts`.
    hist_in : uint32 [40]
    zeros_in : int
        As `hist` and `zeros` of the unit, of the samples on which the formula is true.
    top_in : uint8 [n]
        Whether it is true (1), false (0) or not defined (2) on each sample in `top`.
    """

    hits: np.ndarray
    hist_in: np.ndarray
    zeros_in: int
    top_in: np.ndarray


@dataclass(frozen=True)
class SharedConcept:
    """A concept that samples at the top share.

    Attributes
    ----------
    id, name : str
    hits : int
        How many samples at the top carry it.
    share : float
        Which share of all samples carries it.
    """

    id: str
    name: str
    hits: int
    share: float


@dataclass(frozen=True, eq=False)
class UnitEvidence:
    """Evidence of a unit in one direction.

    Attributes
    ----------
    n_samples : int
        Number of samples that were searched.
    cuts : uint32 [K]
        The numbers of samples at the top among which hits are counted.
    lowest, highest : float
        Range of the activations.
    zeros : int
        Samples with value 0.
    hist : uint32 [40]
        Histogram of the other values between these.
    top : tuple of ShownSample
        The samples at the top, the first first.
    share : tuple of SharedConcept
        What they share, the least probable first.
    alike : tuple of (int, float)
        Numbers of the units alike, and their rank correlations with this one.
    of_rows : tuple of RowEvidence
        Evidence of the rows of this unit and direction, in their order.
    """

    n_samples: int
    cuts: np.ndarray
    lowest: float
    highest: float
    zeros: int
    hist: np.ndarray
    top: tuple[ShownSample, ...]
    share: tuple[SharedConcept, ...]
    alike: tuple[tuple[int, float], ...]
    of_rows: tuple[RowEvidence, ...]


def unit_evidence(evidence: "RunEvidence", rows: Sequence[Label]) -> dict[str, UnitEvidence]:
    """Return the evidence of one unit, keyed by the directions of its rows.

    Parameters
    ----------
    evidence : RunEvidence
    rows : sequence of Label
        All rows of a unit, as `Labels.at` returns them.

    Raises
    ------
    FileFormatError
        The evidence has other rows of this unit.
    """
    texts = evidence.shown_text or ()
    text_of = dict(zip(evidence.shown, texts, strict=True)) if texts else {}
    found = {}
    for direction in dict.fromkeys(row.direction for row in rows):
        record = _record(evidence, rows[0], direction)
        positions = np.flatnonzero(evidence.rows["record"] == record)
        n_rows = sum(row.direction == direction for row in rows)
        # The row of a dead unit is about no direction.
        if record is None or (positions.size != n_rows and rows[0].formula):
            raise FileFormatError(
                f"The evidence of the run has other rows of {rows[0].address!r} than its labels.",
                "Label again with: invert label ACTIVATIONS CONCEPTS -o RUN",
            )
        found[direction] = _of_record(evidence, record, positions, text_of)
    return found


def _record(evidence: "RunEvidence", row: Label, direction: str) -> int | None:
    """Return which record is about the unit of a row, seen from the top of a direction."""
    of_unit = [
        record
        for record in np.flatnonzero(evidence.units["unit"] == row.unit).tolist()
        if evidence.layer[record] == row.layer
    ]
    if not row.formula:
        return of_unit[0] if of_unit else None
    fitting = [record for record in of_unit if evidence.direction[record] == direction]
    return fitting[0] if fitting else None


def _of_record(
    evidence: "RunEvidence", record: int, positions: np.ndarray, text_of: Mapping[int, str]
) -> UnitEvidence:
    units = {name: values[record] for name, values in evidence.units.items()}
    n_top = int((units["top"] != NO_SAMPLE).sum())
    top = zip(units["top"][:n_top].tolist(), units["top_value"][:n_top].tolist(), strict=True)
    alike = zip(
        evidence.alike["unit"][record].tolist(),
        evidence.alike["correlation"][record].tolist(),
        strict=True,
    )
    lowest, highest = units["range"].tolist()
    return UnitEvidence(
        evidence.n_samples,
        evidence.cuts,
        lowest,
        highest,
        int(units["zeros"]),
        units["hist"],
        tuple(ShownSample(row, evidence.shown[row], value, text_of.get(row)) for row, value in top),
        tuple(_shared(evidence, units["share"], units["share_hits"])),
        tuple((unit, correlation) for unit, correlation in alike if unit != NO_UNIT),
        tuple(
            RowEvidence(
                evidence.rows["hits"][at],
                evidence.rows["hist_in"][at],
                int(evidence.rows["zeros_in"][at]),
                evidence.rows["top_in"][at][:n_top],
            )
            for at in positions.tolist()
        ),
    )


def _shared(
    evidence: "RunEvidence", share: np.ndarray, hits: np.ndarray
) -> Iterator[SharedConcept]:
    of_concepts = evidence.concepts
    for concept, count in zip(share.tolist(), hits.tolist(), strict=True):
        if count:
            positive, defined = (
                int(numbers[concept]) for numbers in (of_concepts.n_positive, of_concepts.n_defined)
            )
            names = evidence.concept[concept], evidence.concept_name[concept]
            yield SharedConcept(*names, count, positive / defined)
