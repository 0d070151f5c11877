"""Puts the columns of sparse layers into the file that holds everything else."""

import contextlib
import logging
import shutil
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

import h5py
import numpy as np

from invert_core.activations import layout
from invert_core.activations.writing import partial_file
from invert_core.activations.writing.contents import STRUCTURE_BYTES
from invert_core.activations.writing.sparse_rows import SparseRows, column_starts, columns
from invert_core.files import hdf5
from invert_core.files.checksums import BLOCK_BYTES, TYPE, RunningChecksums
from invert_core.files.hdf5_checksums import SUFFIX, seal, set_checksum
from invert_core.wording import first_line

_log = logging.getLogger("invert")


def gather_columns(path: Path, rows: SparseRows, n_samples: int, dtype: np.dtype) -> None:
    """Replace an unfinished file by a file that also holds the sparse layers.

    The new file is made beside it: if this is killed, it can be done again and nothing is lost.
    Memory does not grow with the number of values, see `sparse_rows.columns`.

    Parameters
    ----------
    path : Path
        The unfinished file, closed, with all rows of the dense layers.
    rows : SparseRows
        All rows of the sparse layers; its file stays.
    n_samples : int
    dtype : numpy.dtype
        The type of the values.
    """
    starts = {
        name: column_starts(rows.records(name), n_units) for name, n_units in rows.n_units.items()
    }
    with partial_file.replacing(path) as new:
        shutil.copyfile(path, new)
        size = sum(_size(each, dtype) for each in starts.values())
        partial_file.try_space(new, STRUCTURE_BYTES, size)
        with _damage(path):
            places = _add_datasets(new, starts, dtype)
        # Plain writes, because HDF5 crashes at exit after a write that failed.
        with cast(BinaryIO, new.open("r+b", buffering=0)) as file:
            for name, each in starts.items():
                _write(file, places[name]["indptr"], each)
                blocks = columns(partial(rows.records, name), each, dtype)
                _write_columns(file, places[name], blocks)
    _warn_of_few_zeros(starts, n_samples, dtype)


def _write_columns(
    file: BinaryIO, places: Mapping[str, int], blocks: Iterable[tuple[np.ndarray, np.ndarray]]
) -> None:
    """Write the indices and the values of a layer, and the checksums of both."""
    parts = ("indices", "data")
    ends = {part: places[part] for part in parts}
    checksums = {part: RunningChecksums() for part in parts}
    for block in blocks:
        for part, values in zip(parts, block, strict=True):
            _write(file, ends[part], values)
            ends[part] += values.nbytes
            checksums[part].add(values)
    for part in parts:
        _write(file, places[part + SUFFIX], checksums[part].finish())


def _size(starts: np.ndarray, dtype: np.dtype) -> int:
    return starts.nbytes + int(starts[-1]) * (layout.COLUMNS["indices"].itemsize + dtype.itemsize)


def _warn_of_few_zeros(starts: Mapping[str, np.ndarray], n_samples: int, dtype: np.dtype) -> None:
    for name, each in starts.items():
        n_cells = n_samples * (each.size - 1)
        if _size(each, dtype) > n_cells * dtype.itemsize:
            _log.warning(
                "Layer %r is zero in only %.0f %% of its activations; without --sparse it would "
                "take less space.",
                name,
                100 * (1 - each[-1] / n_cells),
            )


def _add_datasets(
    path: Path, starts: Mapping[str, np.ndarray], dtype: np.dtype
) -> dict[str, dict[str, int]]:
    """Make the datasets of the sparse layers; return where each begins in the file."""
    with h5py.File(path, "r+") as file:
        places = {}
        for name, each in starts.items():
            group = hdf5.own_group(hdf5.own_group(file, "layers"), layout.layer_key(name))
            indptr = _new_dataset(group, "indptr", each.size, each.dtype)
            set_checksum(indptr, each)
            new = [indptr]
            for part in ("indices", "data"):
                column = _new_dataset(group, part, int(each[-1]), layout.COLUMNS.get(part, dtype))
                n_blocks = -(-column.nbytes // BLOCK_BYTES)
                new += [column, _new_dataset(group, part + SUFFIX, n_blocks, TYPE)]
            # An empty dataset has no place.
            places[name] = {Path(data.name).name: data.id.get_offset() or 0 for data in new}
        del file.attrs[layout.ROWS_ELSEWHERE]
        seal(file)
    return places


@contextlib.contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Turn what h5py raises if a damaged group takes no dataset into an error that says so."""
    try:
        yield
    except ValueError as error:
        raise partial_file.broken(path, first_line(error)) from error


def _new_dataset(group: h5py.Group, name: str, size: int, dtype: np.dtype) -> h5py.Dataset:
    return group.create_dataset(name, (size,), dtype, dcpl=partial_file.preallocated())


def _write(file: BinaryIO, place: int, values: np.ndarray) -> None:
    file.seek(place)
    left = memoryview(values.tobytes())
    while left:
        left = left[file.write(left) :]
