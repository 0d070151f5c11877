"""The file evidence.h5 of a run, read: what the highest samples of its units are."""

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
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
from invert_core.results.concept_records import NO_CONCEPT, ConceptEvidence
from invert_core.results.evidence_records import (
    ALIKE,
    CONCEPTS,
    OF_ROWS,
    ROWS,
    UNITS,
    record_types,
)
from invert_core.results.held_out_evidence import HELD_OUT, HELD_OUT_CUTS
from invert_core.results.run_directory import EVIDENCE_FILE, file_identity, read_run

FORMAT = "invert-evidence"
FORMAT_VERSION = 1

DIRECTIONS = ("positive", "negative")
"""The directions, in the order of their numbers in the file."""

_AGAIN = "Label again with: invert label ACTIVATIONS CONCEPTS -o RUN"
_SHA256 = ("activations", "held_out", "labels")


LISTS = ("cuts", "compared", "n_units", "concept_positive", "concept_defined", HELD_OUT_CUTS)
"""The lists of uint32 that a file has of its own."""
NAMES = ("layer", "objective", "concept")
"""The lists of text that a file has of its own."""


Fields = dict[str, np.ndarray]
"""The records of a group: an array of each field."""


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
    concept : tuple of str [C]
        Ids of the concepts.
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
    held_out_cuts : uint32 [K'] or None
        The numbers of held-out samples among which hits are counted; None if none were held out.
    held_out : dict of str to array [R, ...] or None
        What the held-out samples say of each row of the run.
    """

    n_samples: int
    cuts: np.ndarray
    compared: np.ndarray
    concept: tuple[str, ...]
    layer: tuple[str, ...]
    direction: tuple[str, ...]
    objective: tuple[str, ...]
    units: Fields
    rows: Fields
    alike: Fields
    concepts: ConceptEvidence
    shown: dict[int, str]
    sha256: dict[str, str]
    held_out_cuts: np.ndarray | None = None
    held_out: Fields | None = None

    @classmethod
    def of_file(cls, file: h5py.File) -> Self:
        """Read an open file, and check everything in it."""
        lists = {
            name: read_array(own_dataset(file, name)) for name in LISTS if has_item(file, name)
        }
        types = record_types(lists)
        groups = {name: _read_records(own_group(file, name), of) for name, of in types.items()}
        names = {name: tuple(read_strings(own_dataset(file, name))) for name in NAMES}
        layer, objective, direction = (
            _named(file, groups[group].pop(name), known)
            for group, name, known in (
                (UNITS, "layer", names["layer"]),
                (ROWS, "objective", names["objective"]),
                (UNITS, "direction", DIRECTIONS),
            )
        )
        fields = lists["concept_positive"], lists["concept_defined"], groups.pop(CONCEPTS)
        concepts = ConceptEvidence(*fields)
        # Each row has a record of every group of rows, each unit and direction of all others.
        n_records = {(name in OF_ROWS, _n_records(of)) for name, of in groups.items()}
        if len(n_records) > 2 or groups[ROWS]["record"].max(initial=0) >= max(1, len(layer)):
            raise _contradiction(file)
        if not _is_known(groups[UNITS]["share"], len(names["concept"])):
            raise _contradiction(file)
        n_units = int(lists["n_units"].sum()), len(layer) / max(1, len(set(direction)))
        if not concepts.fits(n_units, len(names["concept"])):
            raise _contradiction(file)
        with broken_file_errors(file):
            n_samples = as_whole(file.attrs.get("n_samples"))
            named = {name: file.attrs.get(f"{name}_sha256") for name in _SHA256}
        if n_samples is None:
            raise _contradiction(file)
        return cls(
            n_samples=n_samples,
            layer=layer,
            objective=objective,
            direction=direction,
            shown=_shown(file),
            sha256={name: str(as_text(one)) for name, one in named.items() if one is not None},
            cuts=lists["cuts"],
            compared=lists["compared"],
            concept=names["concept"],
            units=groups[UNITS],
            rows=groups[ROWS],
            alike=groups[ALIKE],
            concepts=concepts,
            held_out_cuts=lists.get(HELD_OUT_CUTS),
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
    run = read_run(place)
    evidence = place / EVIDENCE_FILE
    if not evidence.is_file():
        raise MissingFileError(
            f"The run {str(place)!r} has no evidence.",
            "Label again without --no-evidence.",
        )
    found = read_evidence(evidence)
    expected = file_identity(place / "labels.jsonl")["sha256"]
    if found.sha256.get("labels") != expected or len(found.rows["hits"]) != len(run.labels):
        raise FileFormatError(f"{str(evidence)!r} belongs to other labels.", _AGAIN)
    return found


def _named(file: h5py.File, numbers: np.ndarray, names: Sequence[str]) -> tuple[str, ...]:
    """Return the names that some numbers stand for."""
    if numbers.max(initial=0) >= max(1, len(names)):
        raise _contradiction(file)
    return tuple(names[number] for number in numbers.tolist())


def _shown(file: h5py.File) -> dict[int, str]:
    """Read the samples that are in any list, with their ids."""
    shown = read_array(own_dataset(file, "shown_row")).tolist()
    ids: Sequence[str] = [""] * len(shown)
    if has_item(file, "shown_id"):
        ids = read_strings(own_dataset(file, "shown_id"))
    if len(ids) != len(shown):
        raise _contradiction(file)
    return dict(zip(shown, ids, strict=True))


def _is_known(concepts: np.ndarray, n_concepts: int) -> bool:
    return bool(((concepts < n_concepts) | (concepts == NO_CONCEPT)).all())


def _n_records(fields: Fields) -> int:
    return len(next(iter(fields.values())))


def _contradiction(file: h5py.File) -> FileFormatError:
    return FileFormatError(f"{file.filename!r} contradicts itself.", _AGAIN)


def _read_records(group: h5py.Group, of: np.dtype) -> Fields:
    found = {}
    n_records = None
    for name in of.names or ():
        values = read_array(own_dataset(group, name))
        n_records = values.shape[0] if n_records is None and values.ndim else n_records
        if values.dtype != of[name].base or values.shape != (n_records, *of[name].shape):
            raise FileFormatError(
                f"{group.file.filename!r} has {group.name}/{name} of type {values.dtype} and shape "
                f"{values.shape}.",
                _AGAIN,
            )
        found[name] = values
    return found
