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

from invert_core import hdf5
from invert_core.activations import layout
from invert_core.activations.writing import partial_file
from invert_core.errors import FileFormatError, StaleFileError, first_few
from invert_core.text import counted

_log = logging.getLogger("invert")

DATA = "data"
"""The field of a fingerprint that says which samples there are, and that changes with each."""


def same_but_data(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether two fingerprints differ in their data at most."""
    return {**first, DATA: None} == {**second, DATA: None}


def may_go_on(
    file: h5py.File, sample_id: tuple[str, ...], marks: np.ndarray, rows_done: int
) -> bool:
    """Whether an unfinished file holds rows of these samples, as they are now.

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
        False where the samples are others, or the file has no marks.

    Raises
    ------
    StaleFileError
        Samples that are done have changed; it names them.
    FileFormatError
        The marks in the file are broken.
    """
    if not hdf5.has_item(file, layout.MARKS):
        return False
    before = _read(file)
    if hdf5.read_strings(hdf5.own_dataset(file, "sample_id")) != sample_id:
        return False
    if before.size != marks.size:
        raise FileFormatError("it has another number of marks than of samples")
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
    changed = int(np.count_nonzero(_read(file) != marks))
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
        with h5py.File(new, "r+") as file:
            file.attrs["fingerprint"] = json.dumps(fingerprint)


def _read(file: h5py.File) -> np.ndarray:
    dataset = hdf5.own_dataset(file, layout.MARKS)
    if dataset.dtype != np.uint64 or dataset.ndim != 1:
        raise FileFormatError("its marks of samples are of another type")
    with hdf5.broken_file_errors(dataset):
        return dataset[:]
