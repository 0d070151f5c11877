"""Checks the batches of an iterable, names their arrays, and cuts them to another size."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from invert_core.errors import DataError
from invert_core.values import as_array

Arrays = dict[str, np.ndarray]


def as_arrays(batch: Any, input_name: str | None, number: int) -> Arrays:
    """Copy one batch into arrays by input name.

    Parameters
    ----------
    batch : array, tensor, or mapping of input name to these
    input_name : str or None
        The input that takes a batch without names.
    number : int
        Number of the batch, for messages.

    Returns
    -------
    dict of input name to array [b, ...]
        Copies, because a loader may reuse its memory.
    """
    if isinstance(batch, tuple | list):
        raise DataError(
            f"Batch {number} is a {type(batch).__name__} of {len(batch)}, and it is not known "
            "which of them are inputs.",
            "Yield only the inputs, for example BatchSource((x for x, label in loader), "
            "n_samples=len(loader.dataset)), or mappings such as {'input': x}.",
        )
    if not isinstance(batch, Mapping) and input_name is None:
        raise DataError(
            f"Batch {number} does not say which input of the model it is for.",
            "Yield mappings such as {'input': array}, or for a model with one input give "
            "BatchSource its input_name.",
        )
    named = batch if isinstance(batch, Mapping) else {input_name: batch}
    arrays = {
        str(name): _as_array(value, f"{name!r} of batch {number}") for name, value in named.items()
    }
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) != 1 or 0 in lengths.values():
        raise DataError(
            f"Batch {number} has these numbers of samples: {lengths or 'none'}.",
            "Yield the same samples for every input, and no empty batches.",
        )
    return arrays


def recut(batches: Iterable[Arrays], batch_size: int) -> Generator[Arrays]:
    """Cut batches anew to one size; the last may be smaller.

    Examples
    --------
    >>> [a["x"].tolist() for a in recut([{"x": np.arange(3)}, {"x": np.arange(2)}], 2)]
    [[0, 1], [2, 0], [1]]
    """
    pieces: list[Arrays] = []
    n_held = 0
    for arrays in batches:
        length = _length(arrays)
        start = 0
        while start < length:
            stop = min(length, start + batch_size - n_held)
            pieces.append({name: array[start:stop] for name, array in arrays.items()})
            n_held += stop - start
            start = stop
            if n_held == batch_size:
                yield _joined(pieces)
                pieces, n_held = [], 0
    if pieces:
        yield _joined(pieces)


def _as_array(value: Any, what: str) -> np.ndarray:
    why = f"it is a {type(value).__name__}"
    if hasattr(value, "__array__"):
        array = as_array(value, f"the input {what}")
        why = f"it has type {array.dtype} and shape {array.shape}"
    if not hasattr(value, "__array__") or array.dtype.kind not in "biufUS" or array.ndim < 1:
        raise DataError(
            f"The input {what} is not an array of numbers ({why}).",
            "Yield NumPy arrays or tensors of a type that NumPy has; their first axis counts the "
            "samples.",
        )
    return array.astype(array.dtype.newbyteorder("="), order="C", copy=True)


def _length(arrays: Arrays) -> int:
    return len(next(iter(arrays.values())))


def _joined(pieces: Sequence[Arrays]) -> Arrays:
    if len(pieces) == 1:
        return pieces[0]
    kinds = [{name: (a.dtype.name, a.shape[1:]) for name, a in piece.items()} for piece in pieces]
    for kind in kinds:
        if kind != kinds[0]:
            raise DataError(
                f"Two batches do not fit together: {kinds[0]} and {kind}.",
                "Yield all batches with the same inputs in one type and shape, padded if needed; "
                "or extract with the batch size of the loader.",
            )
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
