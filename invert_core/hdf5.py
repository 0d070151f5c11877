"""HDF5 files of strangers, opened with a check.

HDF5 can point outside a file in silence: external links, external raw storage and virtual
datasets read whatever the user can read. Here a dataset is used only if it is reached by hard
links and stores its own bytes, with a type, shape and chunk size that were asked for.
"""

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from invert_core.errors import FileFormatError, MissingFileError

CHUNK_CACHE_BYTES = 64 * 2**20
CHUNK_LIMIT_BYTES = 256 * 2**20


@contextlib.contextmanager
def open_checked(path: Path, format_name: str, format_version: int = 1) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading, after a look at its `format` and `format_version`.

    Raises
    ------
    MissingFileError
        There is no such file.
    FileFormatError
        It is not HDF5, is cut off, or is of another format or a newer version.
    """
    if not path.is_file():
        raise MissingFileError(f"There is no file {str(path)!r}.", "Check the path.")
    try:
        file = h5py.File(path, "r", rdcc_nbytes=CHUNK_CACHE_BYTES)
    except BlockingIOError as error:
        raise FileFormatError(
            f"{str(path)!r} is being written by another process.", "Wait until that has finished."
        ) from error
    except OSError as error:
        raise FileFormatError(
            f"{str(path)!r} is not a whole HDF5 file ({_first_line(error)}).",
            "It may be cut off or of another kind; make it again.",
        ) from error
    with file:
        try:
            found = file.attrs.get("format")
            version = file.attrs.get("format_version")
        except (OSError, RuntimeError, ValueError, TypeError) as error:
            raise FileFormatError(
                f"{str(path)!r} is broken ({_first_line(error)}).", "Make it again."
            ) from error
        if not isinstance(found, str) or found != format_name:
            raise FileFormatError(
                f"{str(path)!r} is not an {format_name} file (its format is {found!r}).",
                f"Give a file whose root attribute 'format' is {format_name!r}.",
            )
        if not isinstance(version, (int, np.integer)) or not 1 <= version <= format_version:
            raise FileFormatError(
                f"{str(path)!r} has format version {version!r}, "
                f"this program reads up to {format_version}.",
                "Update it with: pip install --upgrade invert-core",
            )
        yield file


def own_dataset(group: h5py.Group, name: str) -> h5py.Dataset:
    """The dataset `name` of `group`, if the file itself holds it.

    Raises
    ------
    FileFormatError
        It is absent, not a dataset, or stored elsewhere.
    """
    where = f"{Path(group.file.filename).name}:{group.name.rstrip('/')}/{name}"
    item = own_item(group, name)
    if not isinstance(item, h5py.Dataset):
        raise FileFormatError(f"{where} is not a dataset.", "Make the file again.")
    if item.is_virtual or item.external:
        raise FileFormatError(
            f"{where} keeps its data in other files, which is not read.",
            "Copy the data into the file itself.",
        )
    try:
        chunk = math.prod(item.chunks) * item.dtype.itemsize if item.chunks else 0
    except TypeError as error:
        raise FileFormatError(
            f"{where} has a type that NumPy does not know ({_first_line(error)}).",
            "Store it as plain numbers or strings.",
        ) from error
    if chunk > CHUNK_LIMIT_BYTES:
        raise FileFormatError(
            f"{where} has chunks of {chunk:,} bytes, more than {CHUNK_LIMIT_BYTES:,}.",
            "Write it with smaller chunks.",
        )
    return item


def own_group(group: h5py.Group, name: str) -> h5py.Group:
    """The group `name` of `group`, if the file itself holds it."""
    item = own_item(group, name)
    if not isinstance(item, h5py.Group):
        raise FileFormatError(
            f"{Path(group.file.filename).name}:{name} is not a group.", "Make the file again."
        )
    return item


def has_item(group: h5py.Group, name: str) -> bool:
    """Whether anything hangs at `name`; links are not followed to find out."""
    return group.get(name, getlink=True) is not None


def own_item(group: h5py.Group, name: str) -> h5py.Dataset | h5py.Group | h5py.Datatype:
    """What hangs at `name` by a hard link."""
    where = f"{Path(group.file.filename).name}:{group.name.rstrip('/')}/{name}"
    try:
        link = group.get(name, getlink=True)
        if link is None:
            raise FileFormatError(f"{where} is missing.", "Make the file again.")
        if not isinstance(link, h5py.HardLink):
            raise FileFormatError(
                f"{where} is a link to somewhere else, which is not followed.",
                "Copy the data into the file itself.",
            )
        return group[name]
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(
            f"{where} is broken ({_first_line(error)}).", "Make the file again."
        ) from error


def read_strings(dataset: h5py.Dataset) -> tuple[str, ...]:
    """The values of a one-dimensional dataset of UTF-8 strings.

    Raises
    ------
    FileFormatError
        It has another type or shape, or bytes that are not UTF-8.
    """
    where = f"{Path(dataset.file.filename).name}:{dataset.name}"
    if h5py.check_string_dtype(dataset.dtype) is None or dataset.ndim != 1:
        raise FileFormatError(f"{where} is not a list of strings.", "Make the file again.")
    try:
        return tuple(dataset.asstr()[:].tolist())
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(
            f"{where} cannot be read ({_first_line(error)}).", "Make the file again."
        ) from error


def write_strings(group: h5py.Group, name: str, values: tuple[str, ...]) -> None:
    """Store `values` as a one-dimensional dataset of UTF-8 strings."""
    group.create_dataset(name, data=np.array(values, dtype=object), dtype=h5py.string_dtype())


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
