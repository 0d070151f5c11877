"""The unfinished file of an extraction: creates it, opens it, checks it."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from invert_core import atomic, hdf5
from invert_core.activations import layout
from invert_core.errors import FileFormatError, StorageError

_BYTES_PER_ID = 64
_BYTES_PER_CHUNK = 100
"""What HDF5 stores beside the values, on the safe side."""


@dataclass(frozen=True)
class Contents:
    """What an unfinished file is made for."""

    n_samples: int
    n_units: Mapping[str, int]
    dtype: np.dtype
    sample_id: tuple[str, ...] | None
    fingerprint: Mapping[str, Any]
    versions: Mapping[str, str]


def create(path: Path, contents: Contents) -> None:
    """Make the file with all its space but no rows.

    It is complete before it gets its name, so that whatever happens it can be opened again.
    """
    with storage_errors(path), atomic.new_file(path, overwrite=True) as temporary:
        _try_space(temporary, contents)
        _write_empty(temporary, contents)


def _write_empty(path: Path, contents: Contents) -> None:
    with h5py.File(path, "x") as file:
        file.attrs["format"] = layout.FORMAT
        file.attrs["format_version"] = layout.FORMAT_VERSION
        file.attrs["fingerprint"] = json.dumps(contents.fingerprint)
        file.attrs["versions"] = json.dumps(contents.versions)
        file.attrs["rows_done"] = np.int64(0)
        if contents.sample_id is not None:
            hdf5.write_strings(file, "sample_id", contents.sample_id)
        layers = file.create_group("layers", track_order=True)
        for name, count in contents.n_units.items():
            group = layers.create_group(layout.layer_key(name))
            group.attrs["name"] = name
            group.create_dataset(
                "activations",
                (contents.n_samples, count),
                contents.dtype,
                chunks=_chunks(contents.n_samples, count),
                dcpl=_preallocated(),
            )


def open_for_writing(path: Path) -> h5py.File:
    """Open the file and keep other processes from it.

    Raises
    ------
    StorageError
        Another process has it.
    FileFormatError
        It is broken.
    """
    try:
        return h5py.File(path, "r+")
    except BlockingIOError as error:
        raise StorageError(
            f"Another process is writing {str(path)!r}.",
            "Wait until it has finished, or choose another output with -o.",
        ) from error
    except OSError as error:
        raise broken(path, str(error)) from error


def fingerprint(file: h5py.File) -> dict[str, Any]:
    """What the file is made from."""
    stored = layout.stored_fingerprint(file)
    if stored is None or layout.text_attribute(file, "format") != layout.FORMAT:
        raise FileFormatError("it was not made by an extraction")
    return stored


def datasets(file: h5py.File) -> dict[str, h5py.Dataset]:
    """The matrix of every layer, in order."""
    groups = hdf5.own_groups(hdf5.own_group(file, "layers"))
    return {layout.layer_name(group): hdf5.own_dataset(group, "activations") for group in groups}


def fits(matrices: Mapping[str, h5py.Dataset], n_samples: int, dtype: np.dtype) -> bool:
    """Whether the matrices are as `create` makes them."""
    return bool(matrices) and all(
        data.ndim == 2
        and data.shape[0] == n_samples
        and data.dtype == dtype
        and data.chunks == _chunks(n_samples, data.shape[1])
        for data in matrices.values()
    )


def broken(path: Path, reason: str) -> FileFormatError:
    """Make the error that says so."""
    return FileFormatError(
        f"The unfinished file {str(path)!r} is broken ({reason}).",
        "Start anew with --overwrite.",
    )


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what the system or HDF5 says when `path` cannot be written into a sentence."""
    with atomic.storage_errors(path):
        try:
            yield
        except RuntimeError as error:  # what HDF5 raises where it has no number for the error
            raise OSError(str(error)) from error


def _try_space(path: Path, contents: Contents) -> None:
    """Write and remove as much as HDF5 is about to write: where it fails, it crashes at exit."""
    structure, values = 2**20, 0
    for id in contents.sample_id or ():
        structure += len(id.encode()) + _BYTES_PER_ID
    for count in contents.n_units.values():
        rows, units = _chunks(contents.n_samples, count)
        n_chunks = -(-contents.n_samples // rows) * -(-count // units)
        structure += n_chunks * _BYTES_PER_CHUNK
        values += n_chunks * rows * units * contents.dtype.itemsize
    with path.open("xb") as file:
        for start in range(0, structure, 2**20):
            file.write(bytes(min(2**20, structure - start)))
        file.truncate(structure + values)
    path.unlink()


def _chunks(n_samples: int, n_units: int) -> tuple[int, int]:
    return min(layout.STRIPE_ROWS, n_samples), min(layout.CHUNK_UNITS, n_units)


def _preallocated() -> h5py.h5p.PropDCID:
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    plist.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    return plist
