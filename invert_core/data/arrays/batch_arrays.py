"""Checks the batches of an iterable, names their arrays, and cuts them to another size."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from invert_core.errors import DataError
from invert_core.values import as_array

Arrays = dict[str, np.ndarray]


BatchAxes = Mapping[str, int | None]
"""The axis that counts the samples, by input: 0 for inputs that are missing, None for constants."""


def as_arrays(
    batch: Any, input_name: str | None, number: int, axes: BatchAxes
) -> tuple[Arrays, Arrays]:
    """Copy one batch into arrays by input name.

    Parameters
    ----------
    batch : array, tensor, or mapping of input name to these
        In a mapping, numbers and arrays without axes are constants.
    input_name : str or None
        The input that takes a batch without names.
    number : int
        Number of the batch, for messages.
    axes : mapping of input name to int or None
        Where samples are counted.

    Returns
    -------
    samples : dict of input name to array [b, ...]
        Copies, because a loader may reuse its memory.
    constants : dict of input name to array
        What the batch says about inputs that samples do not fill.
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
    samples = {
        name: array
        for name, array in arrays.items()
        if array.ndim and axes.get(name, 0) is not None
    }
    for name, array in samples.items():
        if array.ndim <= axis_of(name, axes):
            raise DataError(
                f"The input {name!r} of batch {number} has shape {array.shape}, without an axis "
                f"{axes[name]} for the samples.",
                f"Yield arrays with that axis, or say which one it is: --batch-axis {name}=0.",
            )
    lengths = {name: array.shape[axis_of(name, axes)] for name, array in samples.items()}
    if len(set(lengths.values())) != 1 or 0 in lengths.values():
        raise DataError(
            f"Batch {number} has these numbers of samples: {lengths or 'none'}.",
            "Yield the same samples for every input, and no empty batches.",
        )
    return samples, {name: array for name, array in arrays.items() if name not in samples}


def axis_of(name: str, axes: BatchAxes) -> int:
    """Return the axis that counts the samples in an input that samples fill."""
    return axes.get(name, 0) or 0


def n_samples(samples: Arrays, axes: BatchAxes) -> int:
    """Return the number of samples in a batch."""
    name, array = next(iter(samples.items()))
    return array.shape[axis_of(name, axes)]


def part_of(samples: Arrays, axes: BatchAxes, start: int, stop: int) -> Arrays:
    """Return some of the samples of a batch."""
    return {
        name: array[(slice(None),) * axis_of(name, axes) + (slice(start, stop),)]
        for name, array in samples.items()
    }


def recut(batches: Iterable[Arrays], batch_size: int, axes: BatchAxes) -> Generator[Arrays]:
    """Cut batches anew to one size; the last may be smaller.

    Examples
    --------
    >>> [a["x"].tolist() for a in recut([{"x": np.arange(3)}, {"x": np.arange(2)}], 2, {})]
    [[0, 1], [2, 0], [1]]
    """
    pieces: list[Arrays] = []
    n_held = 0
    for arrays in batches:
        length = n_samples(arrays, axes)
        start = 0
        while start < length:
            stop = min(length, start + batch_size - n_held)
            pieces.append(part_of(arrays, axes, start, stop))
            n_held += stop - start
            start = stop
            if n_held == batch_size:
                yield _joined(pieces, axes)
                pieces, n_held = [], 0
    if pieces:
        yield _joined(pieces, axes)


def _as_array(value: Any, what: str) -> np.ndarray:
    usable = isinstance(value, bool | int | float) or hasattr(value, "__array__")
    why = f"it is a {type(value).__name__}"
    if usable:
        array = as_array(value, f"the input {what}")
        usable = array.dtype.kind in "biufUS"
        why = f"it has type {array.dtype} and shape {array.shape}"
    if not usable:
        raise DataError(
            f"The input {what} is not an array of numbers ({why}).",
            "Yield NumPy arrays or tensors of a type that NumPy has.",
        )
    return array.astype(array.dtype.newbyteorder("="), order="C", copy=True)


def _joined(pieces: Sequence[Arrays], axes: BatchAxes) -> Arrays:
    if len(pieces) == 1:
        return pieces[0]
    kinds = [
        {name: (a.dtype.name, _of_one_sample(a, axis_of(name, axes))) for name, a in piece.items()}
        for piece in pieces
    ]
    for kind in kinds:
        if kind != kinds[0]:
            raise DataError(
                f"Two batches do not fit together: {kinds[0]} and {kind}.",
                "Yield all batches with the same inputs in one type and shape, padded if needed; "
                "or extract with the batch size of the loader.",
            )
    return {
        name: np.concatenate([piece[name] for piece in pieces], axis_of(name, axes))
        for name in pieces[0]
    }


def _of_one_sample(array: np.ndarray, axis: int) -> tuple[int, ...]:
    return array.shape[:axis] + array.shape[axis + 1 :]
