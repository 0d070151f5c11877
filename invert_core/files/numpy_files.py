"""Reads untrusted NumPy files, without pickle."""

import contextlib
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from invert_core.errors import DataError, FileFormatError
from invert_core.files.input_file import check_file
from invert_core.files.unchanged import unchanged
from invert_core.files.zip_members import check_members, check_unique
from invert_core.parallel import memory_bytes
from invert_core.values import as_sample_id
from invert_core.wording import first_line

_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_SAMPLE_ID_KEYS = ("sample_id", "sample_ids")


def read_npy(path: Path) -> np.ndarray:
    """The array of a ``.npy`` file, mapped into memory and read-only."""
    with _format_errors(path):
        array = np.lib.format.open_memmap(path, mode="r")
        held = path.stat().st_size - array.offset if isinstance(array, np.memmap) else array.nbytes
        if held != array.nbytes:
            raise ValueError(f"its header tells of {array.nbytes:,} bytes, it holds {held:,}")
        return array


def read_npz(path: Path) -> tuple[dict[str, np.ndarray], tuple[str, ...] | None]:
    """The arrays of an ``.npz`` file, and its sample ids if it has them.

    Returns
    -------
    arrays : dict of str to ndarray
        The arrays in the order of the file, without the ids.
    sample_id : tuple of str or None
        The string array called ``sample_id`` or ``sample_ids``.
    """
    with unchanged(path), _format_errors(path), path.open("rb") as file:
        start = file.read(len(np.lib.format.MAGIC_PREFIX))
        if start == np.lib.format.MAGIC_PREFIX:
            raise ValueError("it is a single array, not an archive")
        if not start.startswith(_MAGIC):
            raise ValueError("it is no archive of NumPy arrays")
        with zipfile.ZipFile(file) as archive:
            check_members(archive)
            check_unique(archive)
            _refuse_too_large(archive)
            arrays = {
                info.filename.removesuffix(".npy"): _read_member(archive, info)
                for info in archive.infolist()
            }
    keys = [key for key in _SAMPLE_ID_KEYS if key in arrays]
    if not keys:
        return arrays, None
    if len(keys) > 1:
        raise DataError(
            f"{str(path)!r} has both 'sample_id' and 'sample_ids'.", "Leave out one of them."
        )
    return arrays, as_sample_id(arrays.pop(keys[0]), repr(str(path)))


def _refuse_too_large(archive: zipfile.ZipFile) -> None:
    """Refuse arrays that together need more memory than the machine has, before reading any."""
    size, most = sum(info.file_size for info in archive.infolist()), memory_bytes()
    if most is not None and size > most:
        raise MemoryError(f"its arrays have {size:,} bytes, this machine {most:,} bytes of memory")


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    """Read an array and test its checksum, which takes reading its member to the end."""
    with archive.open(info) as member:
        if not info.filename.endswith(".npy"):
            raise ValueError(f"its member {info.filename!r} is not an array")
        array = np.lib.format.read_array(member, allow_pickle=False)
        if member.read(1):
            raise ValueError(f"its member {info.filename!r} is longer than its header says")
        return array


@contextlib.contextmanager
def _format_errors(path: Path) -> Iterator[None]:
    check_file(path)
    try:
        yield
    except (
        OSError,
        ValueError,
        EOFError,
        MemoryError,
        OverflowError,
        RuntimeError,
        SyntaxError,
        TypeError,
        tokenize.TokenError,
        struct.error,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        reason = first_line(error)
        if "pickle" in reason:  # NumPy would advise the user to allow pickles
            reason = "it holds Python objects"
        raise FileFormatError(
            f"{str(path)!r} cannot be read as {path.suffix} ({reason}).",
            "Give fewer samples, or store activations as .npy, which is not read all at once."
            if isinstance(error, MemoryError)
            else "Write it again with numpy.save or numpy.savez, as plain numbers and strings.",
        ) from error
