"""The file evidence.h5 of a run, read: what the highest samples of its units are."""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Self

import h5py
import numpy as np

from invert_core.errors import FileFormatError, MissingFileError
from invert_core.files.hdf5 import broken_file_errors, has_item, own_dataset, own_group
from invert_core.files.hdf5_checksums import (
    open_sealed,
    read_array,
    read_strings,
)
from invert_core.files.hdf5_values import as_text, as_whole
from invert_core.files.input_file import input_path
from invert_core.results.concept_records import ConceptEvidence
from invert_core.results.evidence_checks import (
    AGAIN,
    DIRECTIONS,
    Fields,
    contradiction,
    contradictions,
)
from invert_core.results.evidence_of_rows import refuse_other_rows
from invert_core.results.evidence_records import (
    ALIKE,
    CONCEPTS,
    ROWS,
    UNITS,
    record_types,
)
from invert_core.results.held_out_evidence import HELD_OUT, HELD_OUT_CUTS
from invert_core.results.run_directory import EVIDENCE_FILE, Run, read_run, rows_identity
from invert_core.results.shown_datasets import read_ids, read_marks, read_shown, read_source

FORMAT = "invert-evidence"
FORMAT_VERSION = 1

_SHA256 = ("activations", "held_out", "labels")


LISTS = ("cuts", "compared", "n_units", "concept_positive", "concept_defined", HELD_OUT_CUTS)
"""The lists of uint32 that a file has of its own; the last if samples are held out."""
NAMES = ("layer", "objective", "concept")
"""The lists of text that a file has of its own."""
LATER_NAMES = ("concept_name", "concept_definition")
"""The lists of text that earlier versions did not write."""
_WHOLE = np.dtype("<u4")


@dataclass(frozen=True, eq=False)
class RunEvidence:
    """The evidence of a run; docs/file-formats.md says what the arrays mean.

    Attributes
    ----------
    n_samples : int
        Number of samples that were searched.
    cuts : uint32 [K]
        The numbers of samples among which hits are counted.
    compared : uint32 [n]
        The samples by which units are compared, as rows of the activation file.
    concept, concept_name, concept_definition : tuple of str [C]
        Ids, names and definitions of the concepts. In a run of an earlier version the names are
        the ids, and the definitions are empty.
    layer : tuple of str [S]
        The layer of each record of a unit.
    direction : tuple of str [S]
        ``positive`` if the highest samples of the unit are at its top, ``negative`` if the lowest.
    objective : tuple of str [R]
        The objective of each row.
    units : dict of str to array [S, ...]
        Evidence of each unit and direction, among it `unit`, its number.
    rows : dict of str to array [R, ...]
        Evidence of each row of the run, in their order, among it `record`, which of the S records
        it is about; that of a dead unit is 0.
    alike : dict of str to array [S, 5]
        The units alike, numbers in `unit` and rank correlations in `correlation`.
    concepts : ConceptEvidence
        The AUC of single concepts for each unit.
    shown : dict of int to str
        Ids of the samples that any list names, by row of the activation file.
    sha256 : dict of str to str
        SHA-256 of the activations, of labels.jsonl, and of held-out activations.
    shown_text : tuple of str or None
        The beginning of each sample in `shown`, in its order; None if the samples are no texts.
    shown_picture : tuple of bytes or None
        A small image file of each sample in `shown`, b"" for one that has none; None if there are
        no pictures.
    shown_mime : tuple of str or None
        The kind of each picture, ``image/png`` or ``image/webp``, or "" where there is none.
    shown_missing : str
        A sentence that says what is missing of the samples in `shown`, and why; "" if nothing is.
    source : dict of str to str
        Where the samples can be found again, as in the activation file, their number there, and
        what identifies them; {} if that is not known.
    shown_mark : dict of int to int, or None
        A number for each sample in `shown` that changes if the sample changes, if there is one.
    held_out_cuts : uint32 [K'] or None
        The numbers of held-out samples among which hits are counted; None if none were held out.
    held_out : dict of str to array [R, ...] or None
        What the held-out samples say of each row of the run.
    """

    n_samples: int
    cuts: np.ndarray
    compared: np.ndarray
    concept: tuple[str, ...]
    concept_name: tuple[str, ...]
    concept_definition: tuple[str, ...]
    layer: tuple[str, ...]
    direction: tuple[str, ...]
    objective: tuple[str, ...]
    units: Fields
    rows: Fields
    alike: Fields
    concepts: ConceptEvidence
    shown: dict[int, str]
    sha256: dict[str, str]
    shown_text: tuple[str, ...] | None
    shown_picture: tuple[bytes, ...] | None
    shown_mime: tuple[str, ...] | None
    shown_missing: str
    source: dict[str, str]
    shown_mark: dict[int, int] | None
    held_out_cuts: np.ndarray | None = None
    held_out: Fields | None = None

    @classmethod
    def of_file(cls, file: h5py.File) -> Self:
        """Read an open file, and check that all in it fits together."""
        fields = _read_fields(file)
        names = _read_names(file)
        with broken_file_errors(file):
            n_samples = as_whole(file.attrs.get("n_samples"))
            named = {name: file.attrs.get(f"{name}_sha256") for name in _SHA256}
        if n_samples is None:
            raise contradiction(file, "it does not say how many samples were searched")
        for wrong in contradictions(fields, names, n_samples):
            raise contradiction(file, wrong)
        groups = _by_group(fields)
        layer, objective, direction = (
            tuple(known[number] for number in groups[group].pop(name).tolist())
            for group, name, known in (
                (UNITS, "layer", names["layer"]),
                (ROWS, "objective", names["objective"]),
                (UNITS, "direction", DIRECTIONS),
            )
        )
        return cls(
            n_samples=n_samples,
            layer=layer,
            objective=objective,
            direction=direction,
            shown=read_ids(file, fields["shown_row"]),
            **read_shown(file, len(fields["shown_row"])),
            source=read_source(file),
            shown_mark=read_marks(file, fields["shown_row"]),
            sha256={name: str(as_text(one)) for name, one in named.items() if one is not None},
            cuts=fields["cuts"],
            compared=fields["compared"],
            concept=names["concept"],
            concept_name=names["concept_name"],
            concept_definition=names["concept_definition"],
            units=groups[UNITS],
            rows=groups[ROWS],
            alike=groups[ALIKE],
            concepts=ConceptEvidence(
                fields["concept_positive"], fields["concept_defined"], groups[CONCEPTS]
            ),
            held_out_cuts=fields.get(HELD_OUT_CUTS),
            held_out=groups.get(HELD_OUT),
        )

    def concept_auc(self, record: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the AUC of single concepts, seen from the top of one of the S records of units.

        The first array, int64 [k], holds indices into `concept`: all concepts that have an
        AUC or, of very many, the 50 with the highest and the 50 with the lowest. The second one,
        float64 [k], holds their AUC, which falls.
        """
        unit = record * self.concepts.n_units // len(self.direction)
        concept, auc = self.concepts.of_unit(unit)
        if self.direction[record] == "negative":
            return concept[::-1], 1.0 - auc[::-1]
        return concept, auc


def read_evidence(path: str | PathLike[str]) -> RunEvidence:
    """Read the evidence of a run.

    Parameters
    ----------
    path : path
        The run directory, or a file evidence.h5 alone.

    Returns
    -------
    RunEvidence

    Raises
    ------
    MissingFileError
        There is no such run, or it was made without evidence.
    FileFormatError
        The file is broken, was written by a newer version, or belongs to other labels.
    """
    place = input_path(path)
    if place.is_file():
        with open_sealed(place, FORMAT, FORMAT_VERSION, sealed_since=1) as file:
            return RunEvidence.of_file(file)
    return evidence_of(place, read_run(place))


def evidence_of(folder: Path, run: Run) -> RunEvidence:
    """Read the evidence of a run that was read from a directory.

    Raises
    ------
    MissingFileError, FileFormatError
        As for `read_evidence`.
    """
    evidence = folder / EVIDENCE_FILE
    if not evidence.is_file():
        raise MissingFileError(
            f"The run {str(folder)!r} has no evidence.",
            "Label again without --no-evidence.",
        )
    found = read_evidence(evidence)
    expected = rows_identity(folder)["sha256"]
    if found.sha256.get("labels") != expected or len(found.rows["hits"]) != len(run.labels):
        raise FileFormatError(f"{str(evidence)!r} belongs to other labels.", AGAIN)
    refuse_other_rows(found, run.labels, evidence)
    return found


def _read_names(file: h5py.File) -> dict[str, tuple[str, ...]]:
    """Read the lists of text; what an earlier version did not write, names nothing."""
    names = {name: read_strings(own_dataset(file, name)) for name in NAMES}
    ids = names["concept"]
    names |= zip(LATER_NAMES, (ids, ("",) * len(ids)), strict=True)
    for name in LATER_NAMES:
        if has_item(file, name):
            names[name] = read_strings(own_dataset(file, name))
        if len(names[name]) != len(ids):
            raise contradiction(file, f"/{name} has {len(names[name]):,} entries, not {len(ids):,}")
    return names


def _read_fields(file: h5py.File) -> Fields:
    """Read the lists, keyed by name, and the records, keyed as ``group/field``."""
    has_held_out = has_item(file, HELD_OUT) or has_item(file, HELD_OUT_CUTS)
    names = [name for name in LISTS if name != HELD_OUT_CUTS or has_held_out]
    fields = {name: _read(file, name, _WHOLE) for name in (*names, "shown_row")}
    for group, of in record_types(fields).items():
        records = own_group(file, group)
        for name in of.names or ():
            fields[f"{group}/{name}"] = _read(records, name, of[name])
    return fields


def _read(group: h5py.Group, name: str, of: np.dtype) -> np.ndarray:
    """Read an array whose entries are of a type, which may have a shape."""
    values = read_array(own_dataset(group, name))
    if values.dtype != of.base or not values.ndim or values.shape[1:] != of.shape:
        raise FileFormatError(
            f"{group.file.filename!r} has {group.name.rstrip('/')}/{name} of type {values.dtype} "
            f"and shape {values.shape}.",
            AGAIN,
        )
    return values


def _by_group(fields: Fields) -> dict[str, Fields]:
    """Return the fields of each group, keyed by their own names."""
    groups: dict[str, Fields] = {}
    for path, values in fields.items():
        group, _, name = path.rpartition("/")
        groups.setdefault(group, {})[name] = values
    return groups
