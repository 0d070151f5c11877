"""Reads untrusted NumPy files, without pickle."""

import contextlib
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from invert_core.errors import DataError, FileFormatError
from invert_core.files.input_file import check_file
from invert_core.files.unchanged import unchanged
from invert_core.values import as_sample_id
from invert_core.wording import first_line

_MAGIC = (b"PK\x03\x04", b"PK\x05\x06", b"\x93NUM")
_SAMPLE_ID_KEYS = ("sample_id", "sample_ids")


def read_npy(path: Path) -> np.ndarray:
    """The array of a ``.npy`` file, mapped into memory and read-only."""
    with _format_errors(path):
        return np.lib.format.open_memmap(path, mode="r")


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
        if not file.read(4).startswith(_MAGIC):
            raise ValueError("it is not a NumPy file")
        file.seek(0)
        archive = np.load(file, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise ValueError("it is a single array, not an archive")
        with archive:
            arrays = {name: archive[name] for name in archive.files}
        for name, array in arrays.items():
            if not isinstance(array, np.ndarray):
                raise ValueError(f"its member {name!r} is not an array")
    keys = [key for key in _SAMPLE_ID_KEYS if key in arrays]
    if not keys:
        return arrays, None
    if len(keys) > 1:
        raise DataError(
            f"{str(path)!r} has both 'sample_id' and 'sample_ids'.", "Leave out one of them."
        )
    return arrays, as_sample_id(arrays.pop(keys[0]), repr(str(path)))


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
