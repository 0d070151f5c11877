"""Sample digests: they tell whether an unfinished file still fits its samples.

A sample digest is a number that identifies the content of a sample. An unfinished file can be
resumed if the digests of all samples that are done are still the same; other samples may have been
repaired in the meantime. In the file the dataset of digests is called ``/sample_mark``.
"""

import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from invert_core.activations import layout
from invert_core.activations.writing import partial_file
from invert_core.activations.writing.contents import STRUCTURE_BYTES
from invert_core.errors import FileFormatError, StaleFileError
from invert_core.files import hdf5
from invert_core.files.hdf5_checksums import read_strings, seal
from invert_core.wording import counted, first_few

_log = logging.getLogger("invert")

_DATA = "data"
"""The field of a fingerprint that identifies the samples; it changes with any of them."""


def same_but_data(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Return whether two fingerprints are equal apart from their data."""
    return {**first, _DATA: None} == {**second, _DATA: None}


def are_in(file: h5py.File) -> bool:
    """Return whether an unfinished file has sample digests; some sources give none."""
    return hdf5.has_item(file, layout.DIGESTS)


def may_go_on(
    file: h5py.File, sample_id: tuple[str, ...] | None, digests: np.ndarray, rows_done: int
) -> bool:
    """Return whether an unfinished file with sample digests holds rows of these samples.

    Samples that are done but have changed since are a StaleFileError, which names them.

    Parameters
    ----------
    file : h5py.File
    sample_id : tuple of str or None
    digests : uint64 array [n_samples]
        The digests of the samples as they are now.
    rows_done : int

    Returns
    -------
    bool
        False if the file is about other samples.
    """
    if not _same_samples(file, sample_id, digests.size):
        return False
    before = _read(file, digests.size)
    changed = np.flatnonzero(before[:rows_done] != digests[:rows_done])
    if changed.size:
        names = [f"row {row}" if sample_id is None else repr(sample_id[row]) for row in changed]
        raise StaleFileError(
            f"Samples whose rows are in {file.filename!r} have changed since: "
            f"{first_few(names, called=str)}.",
            "Put them back as they were, choose another output with -o, or start anew with "
            "--overwrite.",
        )
    return True


def renew(file: h5py.File, digests: np.ndarray) -> None:
    """Store the present digests in an unfinished file; those of done samples have not changed.

    The fingerprint stays until the file is whole: to change it, HDF5 would move other data, which
    is not safe if the process is killed.
    """
    changed = int(np.count_nonzero(_read(file, digests.size) != digests))
    if changed:
        file[layout.DIGESTS][:] = digests
        file.flush()
        _log.warning(
            "%s that %s not done yet changed in the meantime; the work goes on with what is there "
            "now.",
            counted(changed, "sample"),
            "is" if changed == 1 else "are",
        )


def renew_fingerprint(path: Path, fingerprint: Mapping[str, Any]) -> None:
    """Give a closed file that has all its rows the present fingerprint."""
    with h5py.File(path, "r") as file:
        if layout.stored_fingerprint(file) == fingerprint:
            return
    with partial_file.replacing(path) as new:
        shutil.copyfile(path, new)
        stored = json.dumps(fingerprint)
        partial_file.try_space(new, STRUCTURE_BYTES + len(stored), 0)
        with h5py.File(new, "r+") as file:
            file.attrs["fingerprint"] = stored
            seal(file)


def _same_samples(file: h5py.File, sample_id: tuple[str, ...] | None, n_samples: int) -> bool:
    """Return whether the file has these ids; without ids, whether it has as many samples."""
    if not hdf5.has_item(file, "sample_id"):
        stored_digests = hdf5.own_dataset(file, layout.DIGESTS)
        return sample_id is None and stored_digests.shape == (n_samples,)
    stored_id = hdf5.own_dataset(file, "sample_id")
    return stored_id.shape == (n_samples,) and read_strings(stored_id) == sample_id


def _read(file: h5py.File, n_samples: int) -> np.ndarray:
    dataset = hdf5.own_dataset(file, layout.DIGESTS)
    # Digests in chunks could not be overwritten in place.
    if dataset.dtype != np.uint64 or dataset.ndim != 1 or dataset.chunks is not None:
        raise FileFormatError("its sample digests have another type")
    if dataset.size != n_samples:
        raise FileFormatError("its sample digests are not as many as its samples")
    with hdf5.broken_file_errors(dataset):
        return dataset[:]
