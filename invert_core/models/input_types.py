"""Converts arrays to the types that the inputs of a model take, if no value changes."""

from collections.abc import Mapping, Sequence

import numpy as np

from invert_core.models.backend import ModelInput
from invert_core.models.backend_checks import wrong_type


def in_types_of(
    inputs: Sequence[ModelInput], arrays: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Convert the arrays of a batch, the same way for every backend.

    Booleans and integers become any type of numbers or booleans, and floats become floats. Strings,
    floats for integers, and arrays of unknown inputs are returned unchanged; the backend refuses
    them by `check_batch`.

    Parameters
    ----------
    inputs : sequence of ModelInput
        The inputs of the model.
    arrays : mapping of input name to array [b, ...]

    Returns
    -------
    dict of input name to array [b, ...]

    Raises
    ------
    DataError
        A value does not exist in the type of the input.
    """
    known = {each.name: each for each in inputs}
    return {
        name: _converted(known[name], array) if name in known else array
        for name, array in arrays.items()
    }


def _converted(wanted: ModelInput, array: np.ndarray) -> np.ndarray:
    if wanted.dtype is None or wanted.dtype == array.dtype or not array.size:
        return array
    kinds = array.dtype.kind + wanted.dtype.kind
    if kinds in _WHOLE:
        changed: float | None = _out_of_range(array, *_range(wanted.dtype))
    elif kinds == "ff":
        changed = _rounded(array, wanted.dtype)
    else:
        return array
    if changed is not None:
        raise wrong_type(wanted, array.dtype, changed)
    return array.astype(wanted.dtype)


_WHOLE = {given + wanted for given in "biu" for wanted in "biuf"}
"""The kinds of types whose values are whole numbers, and of those that hold them in a range."""


def _range(dtype: np.dtype) -> tuple[int, int]:
    """The range of whole numbers that a type tells apart."""
    if dtype.kind == "b":
        return 0, 1
    if dtype.kind == "f":
        limit = 2 ** (np.finfo(dtype).nmant + 1)
        return -limit, limit
    return np.iinfo(dtype).min, np.iinfo(dtype).max


def _out_of_range(array: np.ndarray, least: int, most: int) -> int | None:
    """Return a value outside of a range, or None."""
    # Python's integers compare exactly with each other, NumPy's of different types do not.
    for value in (int(array.min()), int(array.max())):
        if not least <= value <= most:
            return value
    return None


def _rounded(array: np.ndarray, dtype: np.dtype) -> float | None:
    """Return a value that a float type would round, or None."""
    if np.can_cast(array.dtype, dtype):
        return None
    with np.errstate(over="ignore"):
        back = array.astype(dtype).astype(array.dtype)
    wrong = (back != array) & ~np.isnan(array)
    return float(array[wrong][0]) if wrong.any() else None
