"""Makes, opens and reads the unfinished file of an extraction."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from invert_core.activations import layout
from invert_core.activations.stored_matrix import chunk_grid
from invert_core.activations.writing.contents import Contents
from invert_core.errors import FileFormatError, StorageError
from invert_core.files import atomic, hdf5, storage
from invert_core.files.checksums import TYPE
from invert_core.files.hdf5_checksums import SUFFIX, seal, write_array, write_strings
from invert_core.files.name_heaps import check_name_heaps
from invert_core.files.outputs import refuse_link
from invert_core.files.string_heaps import check_heaps

_ROW_CHECKSUMS = (2, layout.STRIPE_ROWS)
"""Stripes, of which the last two take turns, and their rows."""


def create(path: Path, contents: Contents) -> None:
    """Make the file with space for all rows, but without rows.

    It is complete before it gets its name, so it can be opened again whatever happens.
    """
    with replacing(path) as new:
        try_space(new, contents.bytes_of_structure, contents.bytes_of_matrices)
        _write_empty(new, contents)


def parts(path: Path) -> tuple[Path, Path, Path]:
    """The unfinished file, the file that is to replace it, and the rows of sparse layers."""
    return path, path.with_name(path.name + ".new"), path.with_name(path.name + ".rows")


def clear(path: Path) -> None:
    """Remove what a killed run has left that no later one can use; refuse links in its place."""
    for part in parts(path):
        refuse_link(part)
    _, new, rows = parts(path)
    with write_errors(path):
        new.unlink(missing_ok=True)
        if not path.exists():
            rows.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path beside `path`; it becomes `path` if the block succeeds and is removed if not.

    The path is always the same, so that a file left by a killed run is replaced.
    """
    _, new, _ = parts(path)
    with write_errors(path):
        new.unlink(missing_ok=True)
        try:
            yield new
            atomic.move_into_place(new, path)
        finally:
            new.unlink(missing_ok=True)


def try_space(path: Path, structure: int, values: int) -> None:
    """Append as many bytes to a file as HDF5 is about to write, and remove them again.

    A disk that is too full fails here, because HDF5 would crash at exit. The space for values is
    only reserved: they are written later, by plain writes that fail cleanly.
    """
    with path.open("ab") as file:
        size = file.tell()
        for start in range(0, structure, 2**20):
            file.write(bytes(min(2**20, structure - start)))
        file.truncate(size + structure + values)
        file.truncate(size)


def _write_empty(path: Path, contents: Contents) -> None:
    origin = contents.origin
    with h5py.File(path, "w") as file:
        file.attrs["format"] = layout.FORMAT
        file.attrs["format_version"] = layout.FORMAT_VERSION
        file.attrs["fingerprint"] = json.dumps(origin.fingerprint)
        file.attrs["versions"] = json.dumps(origin.versions)
        file.attrs["rows_done"] = np.int64(0)
        if contents.sparse:
            file.attrs[layout.ROWS_ELSEWHERE] = True
        if origin.sample_id is not None:
            write_strings(file, "sample_id", origin.sample_id)
        if origin.sample_digests is not None:
            file.create_dataset(layout.DIGESTS, data=origin.sample_digests)
        if origin.groups is not None:
            write_array(file, layout.GROUP, origin.groups.number.astype("<i4"))
            write_strings(file, layout.GROUP_NAME, origin.groups.names)
        if origin.source:
            source = file.create_group(layout.SOURCE)
            for key, value in origin.source.items():
                # A path may hold bytes that are not UTF-8.
                source.attrs[key] = value.encode(errors="backslashreplace").decode()
        file.create_dataset(layout.ROW_CHECKSUM, _ROW_CHECKSUMS, TYPE, dcpl=preallocated())
        layers = hdf5.create_ordered_group(file, "layers")
        for name, count in contents.n_units.items():
            group = hdf5.create_ordered_group(layers, layout.layer_key(name))
            group.attrs["name"] = name
            if name in origin.aliases:
                group.attrs["alias"] = origin.aliases[name]
            if name in contents.steadiness:
                contents.steadiness[name].write(group)
            if name in contents.unit_names:
                write_strings(group, "unit", contents.unit_names[name])
            if name in contents.sparse:
                group.attrs["shape"] = np.array([origin.n_samples, count], np.int64)
            else:
                _create_matrix(group, (origin.n_samples, count), origin.type_in_file)
        seal(file)


def _create_matrix(group: h5py.Group, shape: tuple[int, int], dtype: np.dtype) -> None:
    chunks = layout.chunks(*shape)
    matrix = group.create_dataset("activations", shape, dtype, chunks=chunks, dcpl=preallocated())
    name = "activations" + SUFFIX
    group.create_dataset(name, chunk_grid(matrix), TYPE, dcpl=preallocated())


def open_for_writing(path: Path) -> h5py.File:
    """Open the file for this process alone."""
    try:
        check_name_heaps(path)
        file = h5py.File(path, "r+")
    except FileFormatError as error:
        raise broken(path, error.message.rstrip(".")) from error
    except BlockingIOError as error:
        raise StorageError(
            f"Another process is writing {str(path)!r}.",
            "Wait until it has finished, or choose another output with -o.",
        ) from error
    except OSError as error:
        raise broken(path, str(error)) from error
    try:
        check_heaps(path, file)
    except FileFormatError as error:
        file.close()
        raise broken(path, error.message.rstrip(".")) from error
    return file


def fingerprint(file: h5py.File) -> dict[str, Any]:
    """The fingerprint of the file."""
    stored = layout.stored_fingerprint(file)
    if stored is None or layout.text_attribute(file, "format") != layout.FORMAT:
        raise FileFormatError("it was not made by an extraction")
    return stored


def shapes(file: h5py.File) -> dict[str, tuple[int, ...]]:
    """The shape of every layer, in order."""
    found = {}
    for group in hdf5.own_groups(hdf5.own_group(file, "layers")):
        sparse = not hdf5.has_item(group, "activations")
        found[layout.layer_name(group)] = (
            layout.sparse_shape(group) if sparse else hdf5.own_dataset(group, "activations").shape
        )
    return found


def matrices(file: h5py.File) -> dict[str, h5py.Dataset]:
    """The matrix of every dense layer, in order."""
    groups = hdf5.own_groups(hdf5.own_group(file, "layers"))
    return {
        layout.layer_name(group): hdf5.own_dataset(group, "activations")
        for group in groups
        if hdf5.has_item(group, "activations")
    }


def chunk_checksums(matrix: h5py.Dataset) -> h5py.Dataset:
    """The checksums of the chunks of a dense layer."""
    return _checksums(matrix.parent, "activations" + SUFFIX, chunk_grid(matrix))


def row_checksums(file: h5py.File) -> h5py.Dataset:
    """The checksums of the rows of the last stripes."""
    return _checksums(file, layout.ROW_CHECKSUM, _ROW_CHECKSUMS)


def _checksums(group: h5py.Group, name: str, shape: tuple[int, int]) -> h5py.Dataset:
    found = hdf5.own_dataset(group, name)
    if found.shape != shape or found.dtype != TYPE:
        raise FileFormatError(f"its checksums {found.name} are not laid out as they should be")
    return found


def fits(file: h5py.File, n_samples: int, dtype: np.dtype, rows_done: int) -> bool:
    """Return whether the layers are laid out as `create` lays them out for `n_samples` rows."""
    found = shapes(file)
    return (
        bool(found)
        and rows_done <= n_samples
        and all(len(shape) == 2 and shape[0] == n_samples for shape in found.values())
        and all(shape[1] <= layout.UNIT_LIMIT for shape in found.values())
        and all(
            data.dtype == dtype
            and data.chunks == layout.chunks(n_samples, data.shape[1])
            and data.id.get_create_plist().get_nfilters() == 0
            for data in matrices(file).values()
        )
    )


def broken(path: Path, reason: str) -> FileFormatError:
    """The error for a broken unfinished file."""
    return FileFormatError(
        f"The unfinished file {str(path)!r} is broken ({reason}).",
        "Start anew with --overwrite.",
    )


@contextlib.contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Turn an error of the system or of HDF5 about writing `path` into a StorageError."""
    with storage.storage_errors(path):
        try:
            yield
        except RuntimeError as error:  # h5py raises it if HDF5 gives no error number
            raise OSError(str(error)) from error


def preallocated() -> h5py.h5p.PropDCID:
    """Properties of a dataset that gets its space in the file at once, but no values."""
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    plist.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    return plist
