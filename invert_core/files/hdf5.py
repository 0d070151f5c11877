"""Opens and checks untrusted HDF5 files.

An HDF5 file can silently point to other files: external links, external raw storage and virtual
datasets read whatever the user can read. Here a dataset is used only if hard links lead to it, it
stores its own bytes, and its chunks and its size are possible.
"""

import contextlib
import errno
import logging
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from invert_core.errors import FileFormatError
from invert_core.files.hdf5_values import as_text, as_whole, decoded, is_padded
from invert_core.files.input_file import check_file, unreadable
from invert_core.files.name_heaps import check_name_heaps
from invert_core.files.outputs import not_replaced
from invert_core.files.string_heaps import check_heaps, check_lengths
from invert_core.files.unchanged import unchanged
from invert_core.wording import UPGRADE, first_line

CHUNK_LIMIT_BYTES = 256 * 2**20

_log = logging.getLogger("invert")

_CACHE_SLOTS = 10_007
"""A prime far above the number of chunks in the cache: two chunks of one slot evict each other."""

_MOST_COMPRESSED = 1_100
"""Deflate never reaches this factor; a dataset that claims more bytes does not hold them."""

_BROKEN = (OSError, RuntimeError, LookupError, ValueError, TypeError, MemoryError)
"""What h5py raises for a damaged file, depending on where the damage is."""

_AGAIN = "Copy it again from where it is whole, or make it again."


@contextlib.contextmanager
def open_file(path: Path, *, cache_bytes: int = 0) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading, whatever it holds.

    Parameters
    ----------
    path : Path
    cache_bytes : int
        The most memory for the chunks of one dataset; 0 is enough if each chunk is read once.
    """
    check_file(path)
    with unchanged(path):
        check_name_heaps(path)
        with _opened(path, cache_bytes) as file:
            check_heaps(path, file)
            yield file


def _opened(path: Path, cache_bytes: int) -> h5py.File:
    try:
        return h5py.File(path, "r", rdcc_nbytes=cache_bytes, rdcc_nslots=_CACHE_SLOTS)
    except BlockingIOError as error:
        raise FileFormatError(
            f"{str(path)!r} is being written by another process.", "Wait until that has finished."
        ) from error
    except PermissionError as error:
        denied = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        raise unreadable(path, denied) from error
    except OSError as error:
        raise FileFormatError(
            f"{str(path)!r} is not a whole HDF5 file.",
            f"It may be cut off or of another kind. {_AGAIN}",
        ) from error


@contextlib.contextmanager
def open_checked(path: Path, format_name: str, format_version: int = 1) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading, and check its `format` and `format_version`."""
    with open_file(path) as file:
        try:
            stored = file.attrs.get("format"), file.attrs.get("format_version")
        except _BROKEN as error:
            raise FileFormatError(
                f"{str(path)!r} is broken: its attributes cannot be read.", _AGAIN
            ) from error
        found, version = as_text(stored[0]) or stored[0], as_whole(stored[1])
        if not isinstance(found, str) or found != format_name:
            raise FileFormatError(
                f"{str(path)!r} is not an {format_name} file (its format is {found!r}).",
                f"Give a file whose root attribute 'format' is {format_name!r}.",
            )
        if version is None or not 1 <= version <= format_version:
            raise FileFormatError(
                f"{str(path)!r} has format version {stored[1]}; "
                f"this program reads up to {format_version}.",
                UPGRADE,
            )
        yield file


def refuse_other_format(path: Path, format_name: str) -> None:
    """Refuse to replace a file that does not say that it is of this format."""
    try:
        with open_file(path) as file:
            found = as_text(file.attrs.get("format"))
    except _BROKEN:  # FileFormatError included
        found = None
    if found != format_name:
        raise not_replaced(path, f"is not an {format_name} file")


@contextlib.contextmanager
def broken_file_errors(item: h5py.Group | h5py.Dataset, name: str = "") -> Iterator[None]:
    """Turn what h5py raises for a damaged file into a FileFormatError that says where."""
    try:
        yield
    except FileFormatError:
        raise
    except _BROKEN as error:
        # HDF5's own words name functions and addresses, and say the same of most kinds of damage.
        if re.search("not registered|plugin|dlopen", str(error)):
            raise FileFormatError(
                f"{_where(item, name)} was compressed with a filter of HDF5 that is missing here.",
                "Write it with gzip, or without compression.",
            ) from error
        raise FileFormatError(f"{_where(item, name)} is broken.", _AGAIN) from error


def own_dataset(group: h5py.Group, name: str) -> h5py.Dataset:
    """Return the dataset `name` of `group`, which the file itself must hold in full."""
    item = own_item(group, name)
    where = _where(group, name)
    if not isinstance(item, h5py.Dataset):
        raise FileFormatError(f"{where} is not a dataset.", "Make the file again.")
    with broken_file_errors(group, name):
        elsewhere = item.is_virtual or item.external
        chunk = math.prod(item.chunks) * item.dtype.itemsize if item.chunks else 0
        claimed, held = item.nbytes, item.id.get_storage_size()
    if elsewhere:
        raise FileFormatError(
            f"{where} keeps its data in other files, which are not read.",
            "Copy the data into the file itself.",
        )
    if chunk > CHUNK_LIMIT_BYTES:
        raise FileFormatError(
            f"{where} has chunks of {chunk:,} bytes, more than {CHUNK_LIMIT_BYTES:,}.",
            "Write it with smaller chunks.",
        )
    if claimed > _MOST_COMPRESSED * held:
        raise FileFormatError(
            f"{where} claims {claimed:,} bytes, which the file does not hold.",
            "Make the file again.",
        )
    return item


def own_group(group: h5py.Group, name: str) -> h5py.Group:
    """Return the group `name` of `group`, which the file itself must hold."""
    item = own_item(group, name)
    if not isinstance(item, h5py.Group):
        raise FileFormatError(f"{_where(group, name)} is not a group.", "Make the file again.")
    return item


def own_groups(group: h5py.Group) -> list[h5py.Group]:
    """Return all members of `group`, which must be groups that the file itself holds."""
    with broken_file_errors(group):
        names = list(group)
    return [own_group(group, name) for name in names]


def has_item(group: h5py.Group, name: str) -> bool:
    """Return whether `group` has an item `name`, without following links."""
    with broken_file_errors(group, name):
        return group.get(name, getlink=True) is not None


def own_item(group: h5py.Group, name: str) -> h5py.Dataset | h5py.Group | h5py.Datatype:
    """Return the item `name` of `group`, which must be a hard link."""
    if not has_item(group, name):
        raise FileFormatError(f"{_where(group, name)} is missing.", "Make the file again.")
    with broken_file_errors(group, name):
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise FileFormatError(
                f"{_where(group, name)} is a link to somewhere else, which is not followed.",
                "Copy the data into the file itself.",
            )
        return group[name]


def stored_strings(dataset: h5py.Dataset) -> tuple[str, ...]:
    """Read the values of a one-dimensional dataset of strings, of fixed or variable length."""
    kind = h5py.check_string_dtype(dataset.dtype)
    if kind is None or dataset.ndim != 1:
        raise FileFormatError(
            f"{_where(dataset)} is not a list of strings.", "Make the file again."
        )
    with broken_file_errors(dataset):
        if kind.length is None:
            check_lengths(dataset)
        stored = dataset[:].tolist()
    if kind.length is not None and is_padded(stored, kind.length):
        _log.warning("The strings in %s are filled up with blanks, which are cut.", _where(dataset))
        stored = [each.rstrip(b" ") for each in stored]
    try:
        return tuple(decoded(stored))
    except UnicodeDecodeError as error:
        raise FileFormatError(
            f"{_where(dataset)} holds a string that is not UTF-8 ({first_line(error)}).",
            "Write all strings in UTF-8.",
        ) from error


def store_strings(group: h5py.Group, name: str, values: tuple[str, ...]) -> h5py.Dataset:
    """Store `values` as a one-dimensional dataset of UTF-8 strings."""
    strings = np.array(values, dtype=object)
    return group.create_dataset(name, data=strings, dtype=h5py.string_dtype())


def _where(item: h5py.Group | h5py.Dataset, name: str = "") -> str:
    path = f"{item.name.rstrip('/')}/{name}" if name else item.name
    return f"{Path(item.file.filename).name}:{path}"


def create_ordered_group(parent: h5py.Group, name: str) -> h5py.Group:
    """Make a group whose members keep the order in which they are made.

    `create_group` of h5py before 3.15 also stores the time, so no two files would be the same.
    """
    order = h5py.h5p.CRT_ORDER_TRACKED | h5py.h5p.CRT_ORDER_INDEXED
    creation = h5py.h5p.create(h5py.h5p.GROUP_CREATE)
    creation.set_link_creation_order(order)
    creation.set_attr_creation_order(order)
    creation.set_obj_track_times(False)
    return h5py.Group(h5py.h5g.create(parent.id, name.encode(), gcpl=creation))
