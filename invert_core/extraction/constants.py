"""Turns what users give as a constant into the array that an input of a model takes."""

from pathlib import Path
from typing import Any

import numpy as np

from invert_core.errors import SettingError
from invert_core.files.numpy_files import read_npy
from invert_core.models.backend import ModelInput, shown_shape
from invert_core.values import as_array

_WORDS = {"true": True, "false": False}


def as_constant(value: Any, wanted: ModelInput) -> np.ndarray:
    """Return a constant in the type and shape of an input.

    Parameters
    ----------
    value : number, str, path, or array
        A str is a number, numbers separated by commas, ``true`` or ``false``, or the path of a
        ``.npy`` file; or any text, if the input takes text.
    wanted : ModelInput
        The input. The constant may be that of one sample, without the axis of the samples.

    Raises
    ------
    SettingError
        The value is none of these, does not have the shape of the input, or cannot be converted to
        its type without a change. Decimal numbers are rounded to the nearest float.
    DataError
        Values are masked, or the value is no array at all.
    MissingFileError, FileFormatError
        The file does not exist, or is no ``.npy`` file.

    Examples
    --------
    >>> as_constant("16000", ModelInput("sr", (1,), np.dtype("float32")))
    array([16000.], dtype=float32)
    """
    read = _read(value, wanted)
    array = as_array(read, f"the constant {wanted.name!r}")
    if array.dtype.kind not in "biufUS":
        raise SettingError(
            f"The constant {wanted.name!r} is {str(value)[:40]!r}, which is no array of numbers.",
            _SPELLINGS.format(name=wanted.name),
        )
    decimal = not isinstance(read, np.ndarray | np.generic)
    return _in_shape(_in_type(array, wanted, decimal=decimal), wanted)


_SPELLINGS = (
    "Give a number, numbers separated by commas, or a file: --constant {name}=1, "
    "--constant {name}=640,480 or --constant {name}=values.npy."
)


def _read(value: Any, wanted: ModelInput) -> Any:
    if isinstance(value, Path):
        return read_npy(value)
    if not isinstance(value, str) or (wanted.dtype is not None and wanted.dtype.kind == "U"):
        return value
    if value.lower().endswith(".npy"):
        return read_npy(Path(value))
    try:
        numbers = [_number(part.strip()) for part in value.split(",")]
    except ValueError:
        raise SettingError(
            f"The constant {wanted.name!r} is {value!r}, neither a number nor a .npy file.",
            _SPELLINGS.format(name=wanted.name),
        ) from None
    return numbers if len(numbers) > 1 else numbers[0]


def _number(text: str) -> bool | int | float:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        return int(text)
    except ValueError:
        return float(text)


def _in_type(array: np.ndarray, wanted: ModelInput, *, decimal: bool) -> np.ndarray:
    dtype = wanted.dtype
    if dtype is None or array.dtype == dtype or array.dtype.kind == dtype.kind == "U":
        return array
    if array.dtype.kind in "biuf" and dtype.kind in "biuf":
        with np.errstate(all="ignore"):
            converted = array.astype(dtype)
            exact = np.array_equal(converted.astype(array.dtype), array, equal_nan=True)
            rounded = decimal and array.dtype.kind == dtype.kind == "f"
        if exact or (rounded and np.array_equal(np.isinf(converted), np.isinf(array))):
            return converted
    raise SettingError(
        f"The constant {wanted.name!r} is {_shown(array)}, and the input takes {dtype.name}, which "
        "cannot hold that exactly.",
        "Give another number."
        if decimal
        else f"Give an array of that type, for example with .astype({dtype.name!r}).",
    )


def _in_shape(array: np.ndarray, wanted: ModelInput) -> np.ndarray:
    shape = wanted.shape
    if shape is None:
        return array
    if array.size == 1 and all(size in (1, None) for size in shape):
        return array.reshape((1,) * len(shape))
    of_one = wanted.batch_axis is not None and array.ndim == len(shape) - 1
    whole = np.expand_dims(array, wanted.batch_axis or 0) if of_one else array
    fits = whole.ndim == len(shape) and all(
        size in (None, given) or (axis == wanted.batch_axis and given == 1)
        for axis, (size, given) in enumerate(zip(shape, whole.shape, strict=True))
    )
    if not fits:
        raise SettingError(
            f"The constant {wanted.name!r} is {_shown(array)}, and the input has shape "
            f"{shown_shape(shape)}.",
            f"Give an array of that shape, as in --constant {wanted.name}=FILE.npy.",
        )
    return whole


def _shown(array: np.ndarray) -> str:
    if array.size == 1:
        return f"{array.dtype.name} {array.reshape(-1)[0]}"
    return f"{array.dtype.name} of shape {array.shape}"
