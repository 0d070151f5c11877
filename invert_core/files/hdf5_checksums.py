"""Checksums in HDF5 files: with them, damage anywhere in a file is an error.

Three kinds cover a file. The root attribute ``checksum`` is that of its structure: names, types,
shapes and attributes. The attribute ``checksum`` of a dataset is that of its values, which are read
as a whole. Beside a large array ``x``, the dataset ``x_checksum`` holds one checksum per block
(`checksums.block_checksum`), so that a part can be checked when it is read.
"""

import contextlib
import json
import operator
import zlib
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt

from invert_core.errors import FileFormatError
from invert_core.files import hdf5
from invert_core.files.checksums import BLOCK_BYTES, TYPE, block_checksums
from invert_core.files.hdf5_values import as_whole

CHECKSUM = "checksum"
SUFFIX = "_checksum"

_NOT_STRUCTURE = (CHECKSUM, "rows_done")
"""Root attributes that are outside the checksum of the structure; the latter changes in place."""


def seal(file: h5py.File) -> None:
    """Store the checksum of the structure, which must not change any more."""
    file.attrs[CHECKSUM] = np.array(_structure_checksum(file), TYPE)


@contextlib.contextmanager
def open_sealed(
    path: Path, format_name: str, format_version: int, *, sealed_since: int
) -> Iterator[h5py.File]:
    """Open a file as `hdf5.open_checked`, and check its structure if its version has checksums."""
    with hdf5.open_checked(path, format_name, format_version) as file:
        version = as_whole(file.attrs["format_version"])
        if version is not None and version >= sealed_since:
            check_structure(file)
        elif is_sealed(file):
            raise FileFormatError(
                f"{str(path)!r} is damaged: it has checksums, which its format version {version} "
                "does not know.",
                "Copy it again from where it is whole, or make it again.",
            )
        yield file


def check_structure(file: h5py.File) -> None:
    """Raise unless the structure of a file is as it was when it was sealed."""
    with hdf5.broken_file_errors(file, f"@{CHECKSUM}"):
        stored = file.attrs.get(CHECKSUM)
        actual = _structure_checksum(file)
    if stored is None:
        raise FileFormatError(
            f"{file.filename!r} has no attribute {CHECKSUM!r}, which its format version requires.",
            "Copy it again from where it is whole, or make it again.",
        )
    if as_whole(stored) != actual:
        raise FileFormatError(
            f"{file.filename!r} is damaged: its names, shapes or attributes do not match their "
            "checksum.",
            "Copy it again from where it is whole, or make it again.",
        )


def is_sealed(file: h5py.File) -> bool:
    """Whether a file says that it has checksums."""
    with hdf5.broken_file_errors(file, f"@{CHECKSUM}"):
        return CHECKSUM in file.attrs


def write_strings(group: h5py.Group, name: str, values: tuple[str, ...]) -> None:
    """Store a one-dimensional dataset of UTF-8 strings with their checksum."""
    dataset = hdf5.store_strings(group, name, values)
    dataset.attrs[CHECKSUM] = np.array(_strings_checksum(values), TYPE)


def write_array(group: h5py.Group, name: str, values: np.ndarray) -> None:
    """Store an array with its checksum."""
    set_checksum(group.create_dataset(name, data=values), values)


def set_checksum(dataset: h5py.Dataset, values: np.ndarray) -> None:
    """Store the checksum of the values that an array has, or that it will get."""
    dataset.attrs[CHECKSUM] = np.array(_array_checksum(dataset, values), TYPE)


def write_blocks(group: h5py.Group, name: str, values: np.ndarray) -> None:
    """Store a large array, and the checksums of its blocks beside it."""
    group.create_dataset(name, data=values)
    group.create_dataset(name + SUFFIX, data=block_checksums(values))


def read_strings(dataset: h5py.Dataset) -> tuple[str, ...]:
    """Read a one-dimensional dataset of strings, and check them if they have a checksum."""
    values = hdf5.stored_strings(dataset)
    if _stored(dataset) not in (None, _strings_checksum(values)):
        raise damaged(dataset)
    return values


def read_array(dataset: h5py.Dataset) -> np.ndarray:
    """Read an array in the byte order of the machine, and check it if it has a checksum."""
    with hdf5.broken_file_errors(dataset):
        values = dataset[...]
    if _stored(dataset) not in (None, _array_checksum(dataset, values)):
        raise damaged(dataset)
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def read_blocks(dataset: h5py.Dataset) -> np.ndarray:
    """Read an array as `read_array`, and check its blocks if they have checksums."""
    values = read_array(dataset)
    stored = stored_checksums(dataset, (-(-values.nbytes // BLOCK_BYTES),))
    if stored is not None and not np.array_equal(stored, block_checksums(values)):
        raise damaged(dataset)
    return values


def stored_checksums(
    dataset: h5py.Dataset, shape: tuple[int, ...]
) -> npt.NDArray[np.uint32] | None:
    """Read the checksums of the blocks of an array, which must have this shape.

    Returns
    -------
    uint32 array [*shape] or None
        None if the file has no checksums, because its format is older.
    """
    name = dataset.name.rsplit("/", 1)[-1] + SUFFIX
    if not is_sealed(dataset.file):
        return None
    found = hdf5.own_dataset(dataset.parent, name)
    if found.dtype != TYPE or found.shape != shape:
        raise FileFormatError(
            f"{dataset.file.filename!r} has checksums {found.name} of type {found.dtype} and shape "
            f"{found.shape}; they must be {TYPE} of shape {shape}.",
            "Make the file again.",
        )
    with hdf5.broken_file_errors(found):
        return found[...].astype(np.uint32, copy=False)


class Blocks:
    """A large one-dimensional array in a file; the blocks that are read are checked.

    Parameters
    ----------
    dataset : h5py.Dataset [n]
    """

    def __init__(self, dataset: h5py.Dataset):
        self.dtype: np.dtype = dataset.dtype
        self.shape: tuple[int, ...] = dataset.shape
        self._dataset = dataset
        self._in_a_block = BLOCK_BYTES // dataset.dtype.itemsize
        self._stored = stored_checksums(dataset, (-(-dataset.nbytes // BLOCK_BYTES),))

    @property
    def size(self) -> int:
        """The number of values."""
        return self.shape[0]

    def __getitem__(self, part: slice) -> np.ndarray:
        """The values of a slice without a step."""
        start, stop, _ = part.indices(self.size)
        with hdf5.broken_file_errors(self._dataset):
            if self._stored is None or start >= stop:
                return self._dataset[start:stop]
            first = start // self._in_a_block
            whole = self._dataset[first * self._in_a_block : self._end_of_block(stop)]
        stored = self._stored[first : first - (-whole.nbytes // BLOCK_BYTES)]
        if not np.array_equal(stored, block_checksums(whole)):
            raise damaged(self._dataset)
        return whole[start - first * self._in_a_block :][: stop - start]

    def verify(self) -> None:
        """Read all blocks, and raise unless they match their checksums."""
        for start in range(0, self.size, self._in_a_block):
            _ = self[start : start + self._in_a_block]

    def _end_of_block(self, stop: int) -> int:
        return min(self.size, -(-stop // self._in_a_block) * self._in_a_block)


def damaged(dataset: h5py.Dataset) -> FileFormatError:
    """The error for values that do not match their checksum."""
    return FileFormatError(
        f"{dataset.file.filename!r} is damaged: {dataset.name} does not match its checksum.",
        "Copy it again from where it is whole, or make it again.",
    )


def _stored(dataset: h5py.Dataset) -> int | None:
    if not is_sealed(dataset.file):
        return None
    with hdf5.broken_file_errors(dataset, f"@{CHECKSUM}"):
        value = dataset.attrs.get(CHECKSUM)
    return as_whole(value)


def _strings_checksum(values: tuple[str, ...]) -> int:
    return zlib.crc32("\0".join(values).encode())


def _array_checksum(dataset: h5py.Dataset, values: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(values, dataset.dtype).tobytes())


def _structure_checksum(file: h5py.File) -> int:
    items: list[tuple[str, h5py.Group | h5py.Dataset]] = [("/", file)]
    file.visititems(lambda name, item: items.append((name, item)))
    items.sort(key=operator.itemgetter(0))
    listed = [[name, *_described(item), dict(_attributes(item))] for name, item in items]
    return zlib.crc32(json.dumps(listed, sort_keys=True, default=str).encode())


def _described(item: h5py.Group | h5py.Dataset) -> tuple[str, list[int]]:
    if not isinstance(item, h5py.Dataset):
        return "group", []
    text = h5py.check_string_dtype(item.dtype)
    kind = item.dtype.str if text is None else f"{text.encoding} {text.length}"
    return kind, list(item.shape or ())


def _attributes(item: h5py.Group | h5py.Dataset) -> Iterator[tuple[str, object]]:
    for name, value in item.attrs.items():
        if item.name != "/" or name not in _NOT_STRUCTURE:
            array = np.asarray(value)
            yield name, value if isinstance(value, str) else [array.dtype.str, array.tolist()]
