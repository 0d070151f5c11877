"""The file evidence.h5 of a run, written in parts."""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from invert_core.files.checksums import TYPE
from invert_core.files.hdf5_checksums import CHECKSUM, seal, write_array, write_strings
from invert_core.parallel import step
from invert_core.results.evidence_file import FORMAT, FORMAT_VERSION, LATER_NAMES, NAMES
from invert_core.results.evidence_records import (
    NO_SAMPLE,
    SAMPLES,
    UNITS,
    EvidenceRecords,
    Records,
    after,
    record_types,
)
from invert_core.results.shown_datasets import write_shown, write_source

if TYPE_CHECKING:
    from invert_core.data.previews.shown import ShownSamples

Samples = Callable[[Mapping[int, str], Mapping[str, str], Mapping[int, int] | None], "ShownSamples"]

_CHUNK, _CHUNK_BYTES = 1024, 2**19
"""The most records of a chunk, and about how many bytes it has at most: HDF5 keeps 1 MiB in memory
while a chunk is filled."""


@dataclass(frozen=True)
class AboutEvidence:
    """What the evidence of a run is about.

    Attributes
    ----------
    n_samples : int
        Number of samples that were searched.
    lists : mapping of str to int array
        The lists in `LISTS` that the file has: `cuts` [K], the numbers of samples among which hits
        are counted; `compared` [n], the samples by which units are compared; `n_units`, how many
        units of each layer there are; `concept_positive` and `concept_defined` [C], on how many
        samples each concept is true, and on how many it is defined; and, if samples are held out,
        `held_out_cuts` [K'], which is to these what `cuts` is to the searched ones.
    names : mapping of str to sequence of str
        The names in `NAMES` and `LATER_NAMES`: `layer`, the `objective` of each search, and of the
        concepts the ids (`concept`), `concept_name` and `concept_definition`.
    sample_id : sequence of str or None
        Ids of all samples of the activation file; None if they have none.
    n_file_samples : int
        Number of samples of the activation file.
    sha256 : mapping of str to str
        SHA-256 of the files `activations` and `labels` (labels.jsonl), and `held_out` if there is
        one.
    source : mapping of str to str
        Where the samples can be found again, as in the activation file; {} if that is not known.
    sample_mark : uint64 array or None
        The marks of all samples of the activation file, if it has them.
    """

    n_samples: int
    lists: Mapping[str, np.ndarray]
    names: Mapping[str, Sequence[str]]
    sample_id: Sequence[str] | None
    n_file_samples: int
    sha256: Mapping[str, str]
    source: Mapping[str, str] = field(default_factory=dict)
    sample_mark: np.ndarray | None = None


def write_evidence(
    path: Path,
    parts: Iterable[EvidenceRecords],
    about: AboutEvidence,
    samples: Samples,
) -> None:
    """Write evidence.h5; memory holds a few units at a time, and what there is to look at.

    Parameters
    ----------
    path : Path
    parts : iterable of EvidenceRecords
        The records. It is gone through twice, the first time to count.
    about : AboutEvidence
    samples : callable
        Called with the ids of all samples that are in any list, by row of the activation file, in
        ascending order, with `about.source`, and with the marks of these samples by row, or None;
        returns what there is to look at of them.
    """
    types = record_types(about.lists)
    numbers = dict.fromkeys(types, 0)
    for part in parts:
        for name in types:
            numbers[name] += len(part[name])
    is_shown = np.zeros(about.n_file_samples, np.bool_)
    with h5py.File(path, "w") as file:
        file.attrs["format"] = FORMAT
        file.attrs["format_version"] = FORMAT_VERSION
        file.attrs["n_samples"] = about.n_samples
        for name, digest in about.sha256.items():
            file.attrs[f"{name}_sha256"] = digest
        for name, numbers_of in about.lists.items():
            write_array(file, name, numbers_of.astype("<u4"))
        for name in (*NAMES, *LATER_NAMES):
            write_strings(file, name, tuple(about.names[name]))
        written = {
            name: _Written(file.create_group(name), numbers[name], of) for name, of in types.items()
        }
        with step("Writing evidence of units", numbers[UNITS]) as tell:
            for part in parts:
                tell(written[UNITS].n_done)
                groups = after(written[UNITS].n_done, part.groups)
                for name, group in written.items():
                    group.add(groups[name])
                _note_shown(groups, is_shown)
        for group in written.values():
            group.close()
        rows = np.flatnonzero(is_shown).tolist()
        ids = about.sample_id
        shown = {row: "" if ids is None else ids[row] for row in rows}
        write_array(file, "shown_row", np.array(rows, "<u4"))
        if ids is not None:
            write_strings(file, "shown_id", tuple(shown.values()))
        marks = about.sample_mark
        of_shown = None if marks is None else {row: int(marks[row]) for row in rows}
        write_source(file, about.source, of_shown)
        write_shown(file, samples(shown, about.source, of_shown))
        seal(file)


def _note_shown(groups: Records, is_shown: np.ndarray) -> None:
    for name, fields in SAMPLES.items():
        for name_of_list in fields:
            listed = groups[name][name_of_list]
            is_shown[listed[listed != NO_SAMPLE]] = True


class _Written:
    """A group with a dataset for each field of the records, which come in parts."""

    def __init__(self, group: h5py.Group, n_records: int, of: np.dtype):
        self.n_done = 0
        names = of.names or ()
        self._datasets = {name: _dataset(group, name, n_records, of[name]) for name in names}
        self._checksums = dict.fromkeys(names, 0)

    def add(self, records: np.ndarray) -> None:
        """Write the next records."""
        stop = self.n_done + len(records)
        for name, dataset in self._datasets.items():
            values = np.ascontiguousarray(records[name])
            if len(values):
                dataset[self.n_done : stop] = values
            self._checksums[name] = zlib.crc32(values.tobytes(), self._checksums[name])
        self.n_done = stop

    def close(self) -> None:
        """Store the checksums."""
        for name, dataset in self._datasets.items():
            dataset.attrs[CHECKSUM] = np.array(self._checksums[name], TYPE)


def _dataset(group: h5py.Group, name: str, n_records: int, of: np.dtype) -> h5py.Dataset:
    shape = (n_records, *of.shape)
    options: dict[str, Any] = {}
    if n_records:
        fitting = max(1, _CHUNK_BYTES // of.itemsize)
        chunks = (min(n_records, _CHUNK, fitting), *of.shape)
        options = {"chunks": chunks, "compression": "gzip", "shuffle": True}
    return group.create_dataset(name, shape, of.base, **options)
