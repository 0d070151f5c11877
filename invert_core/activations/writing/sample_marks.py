"""What each sample was when its rows were made, so that later ones may be repaired meanwhile.

A mark is a number that changes with the sample. An unfinished file goes on where the marks of all
samples that are done are those of now, whatever has become of the others.
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
from invert_core.wording import counted, first_few

_log = logging.getLogger("invert")

_DATA = "data"
"""The field of a fingerprint that says which samples there are, and that changes with each."""


def same_but_data(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether two fingerprints differ in their data at most."""
    return {**first, _DATA: None} == {**second, _DATA: None}


def are_in(file: h5py.File) -> bool:
    """Whether an unfinished file has marks; that of a source without them has none."""
    return hdf5.has_item(file, layout.MARKS)


def may_go_on(
    file: h5py.File, sample_id: tuple[str, ...], marks: np.ndarray, rows_done: int
) -> bool:
    """Whether an unfinished file with marks holds rows of these samples, as they are now.

    Parameters
    ----------
    file : h5py.File
    sample_id : tuple of str
    marks : uint64 array [n_samples]
        Of the samples now.
    rows_done : int

    Returns
    -------
    bool
        False where the samples are others.

    Raises
    ------
    StaleFileError
        Samples that are done have changed; it names them.
    FileFormatError
        The marks in the file are broken.
    """
    stored_id = hdf5.own_dataset(file, "sample_id")
    if stored_id.shape != marks.shape or hdf5.read_strings(stored_id) != sample_id:
        return False
    before = _read(file, marks.size)
    changed = np.flatnonzero(before[:rows_done] != marks[:rows_done])
    if changed.size:
        raise StaleFileError(
            f"Samples whose rows are in {file.filename!r} have changed since: "
            f"{first_few([sample_id[row] for row in changed])}.",
            "Put them back as they were, choose another output with -o, or start anew with "
            "--overwrite.",
        )
    return True


def renew(file: h5py.File, marks: np.ndarray) -> None:
    """Note in an unfinished file what the samples are now; those of done ones are the same.

    The fingerprint stays until the file is whole: to change it, HDF5 would move things about,
    which does not survive a kill.
    """
    changed = int(np.count_nonzero(_read(file, marks.size) != marks))
    if changed:
        file[layout.MARKS][:] = marks
        file.flush()
        _log.info(
            "%s that %s not done yet changed meanwhile; the work goes on with what is there now.",
            counted(changed, "sample"),
            "is" if changed == 1 else "are",
        )


def renew_fingerprint(path: Path, fingerprint: Mapping[str, Any]) -> None:
    """Give a file whose rows are all there, and which is closed, the fingerprint of now."""
    with h5py.File(path, "r") as file:
        if layout.stored_fingerprint(file) == fingerprint:
            return
    with partial_file.replacing(path) as new:
        shutil.copyfile(path, new)
        stored = json.dumps(fingerprint)
        partial_file.try_space(new, STRUCTURE_BYTES + len(stored), 0)
        with h5py.File(new, "r+") as file:
            file.attrs["fingerprint"] = stored


def _read(file: h5py.File, n_samples: int) -> np.ndarray:
    dataset = hdf5.own_dataset(file, layout.MARKS)
    # In chunks they could not be renewed in their place.
    if dataset.dtype != np.uint64 or dataset.ndim != 1 or dataset.chunks is not None:
        raise FileFormatError("its marks of samples are of another type")
    if dataset.size != n_samples:
        raise FileFormatError("it has another number of marks than of samples")
    with hdf5.broken_file_errors(dataset):
        return dataset[:]
