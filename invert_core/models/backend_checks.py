"""Checks that every backend must make; authors of backends may call them."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from invert_core.errors import DataError, SettingError
from invert_core.models.backend import DEVICES, MASK, POOLS, ModelInput, Reading
from invert_core.wording import choice, nearest


def check_readings(readings: Sequence[Reading], device: str, batch_size: int) -> None:
    """Check the arguments of `Model.open_layers` as far as they do not depend on the model.

    Raises
    ------
    SettingError
        No layer is named, or a layer is named twice; there is no such pool or device; or the batch
        size is below 1.
    """
    if not readings:
        raise SettingError(
            "No layers are named in a list.",
            "Name at least one with -l; `invert layers MODEL` lists them.",
        )
    if not all(isinstance(each.layer, str) for each in readings):
        raise TypeError("layers are named by text")
    counts = Counter(each.layer for each in readings)
    repeated = [name for name, count in counts.items() if count > 1]
    if repeated:
        raise SettingError(f"The layer {repeated[0]!r} is named twice.", "Name it once.")
    for each in readings:
        if each.pool not in POOLS:
            raise choice("pool", each.pool, POOLS)
    if device not in DEVICES:
        raise choice("device", device, DEVICES)
    if batch_size < 1:
        raise SettingError(f"The batch size cannot be {batch_size}.", "Give a number from 1 up.")


def check_batch(
    batch: Mapping[str, np.ndarray],
    inputs: Sequence[ModelInput],
    needed: Collection[str],
    batch_size: int,
) -> int:
    """Check a batch as `Extractor.run` must, and count its samples.

    Parameters
    ----------
    batch : mapping of input name to array
    inputs : sequence of ModelInput
        The inputs of the model.
    needed : collection of str
        Names of the inputs without which the layers cannot be computed.
    batch_size : int
        The most samples that a batch may have.

    Returns
    -------
    int
        Number of samples in the batch.

    Raises
    ------
    DataError
        An input is missing, unknown, or of another shape or type than the model takes; or the
        number of samples is wrong.
    """
    known = {each.name: each for each in inputs}
    listed = f"The model takes {', '.join(map(repr, known))}."
    for name in batch:
        if name not in known:
            hint = nearest(name, known) or listed
            if name == MASK:
                hint = "Call `settled` with an example that has it, so that padding is left out."
            raise DataError(f"The model has no input {name!r}.", hint)
    missing = [name for name in known if name in needed and name not in batch]
    if missing:
        name = missing[0]
        raise DataError(
            f"The input {name!r} is missing.",
            f"{listed} If samples do not fill it, say --constant {name}=VALUE or --zeros {name}.",
        )
    for name, array in batch.items():
        _check_input(known[name], array)
    counts = {
        name: array.shape[axis]
        for name, array in batch.items()
        if (axis := known[name].batch_axis) is not None
    }
    if len(set(counts.values())) > 1:
        raise DataError(
            f"The inputs have different numbers of samples: {counts}.",
            "Bring the same samples for every input.",
        )
    count = next(iter(counts.values()), 0)
    if not 1 <= count <= batch_size:
        raise DataError(
            f"The batch has {count} samples, and the model was opened for 1 to {batch_size}.",
            "Bring smaller batches, or open the model with a larger batch size.",
        )
    return count


def _check_input(wanted: ModelInput, array: np.ndarray) -> None:
    if wanted.dtype is not None and not _same_type(wanted.dtype, array.dtype):
        raise wrong_type(wanted, array.dtype)
    if wanted.batch_axis is not None and array.ndim <= wanted.batch_axis:
        raise DataError(
            f"The input {wanted.name!r} has the shape {array.shape}, without an axis "
            f"{wanted.batch_axis} for the samples.",
            f"Give one value per sample, or one for all: --constant {wanted.name}=VALUE.",
        )
    if wanted.shape is None:
        return
    fits = array.ndim == len(wanted.shape) and all(
        axis == wanted.batch_axis or size is None or size == given
        for axis, (size, given) in enumerate(zip(wanted.shape, array.shape, strict=True))
    )
    if not fits:
        sizes = [
            "samples" if axis == wanted.batch_axis else "any" if size is None else str(size)
            for axis, size in enumerate(wanted.shape)
        ]
        raise DataError(
            f"The input {wanted.name!r} has shape [{', '.join(sizes)}], and the data have "
            f"{array.shape}.",
            "Give data of that shape; for images, set it with --resize, --crop, --mode (RGB or L) "
            "and --layout (NCHW or NHWC).",
        )


def wrong_type(wanted: ModelInput, given: np.dtype, changed: float | None = None) -> DataError:
    """Return the error for data of a type that an input does not take.

    `changed` is a value that would change if the data were converted.
    """
    assert wanted.dtype is not None, "an input that states no type takes all"
    such = "" if changed is None else f" and hold {changed!r}, which {wanted.dtype.name} does not"
    return DataError(
        f"The input {wanted.name!r} takes {wanted.dtype.name}, and the data are {given}{such}.",
        f"Give arrays of that type, for example with .astype({wanted.dtype.name!r}).",
    )


def _same_type(wanted: np.dtype, given: np.dtype) -> bool:
    return wanted == given or wanted.kind == given.kind == "U"


def check_mask(mask: np.ndarray) -> None:
    """Check the `MASK` of a batch.

    Parameters
    ----------
    mask : array [samples, tokens]

    Raises
    ------
    DataError
        The mask does not have rank 2, holds anything but 0 and 1, or leaves a sample without any
        token that counts.
    """
    if mask.ndim != 2 or not ((mask == 0) | (mask == 1)).all():
        raise DataError(
            f"The input {MASK!r} has shape {mask.shape}, and must have shape [samples, tokens] and "
            "hold only 0 and 1.",
            "Give 1 for every token that counts and 0 for padding.",
        )
    empty = np.flatnonzero(~mask.any(axis=1))
    if empty.size:
        raise DataError(
            f"Sample {int(empty[0])} of a batch has no token that counts.",
            f"Leave empty texts out, or correct {MASK!r}.",
        )


def as_float32(layer: str, values: np.ndarray) -> np.ndarray:
    """Convert activations to the type that `Extractor.run` returns.

    Parameters
    ----------
    layer : str
        Name of the layer, for the message.
    values : float array [b, n_units]

    Returns
    -------
    float32 array [b, n_units], C-contiguous

    Raises
    ------
    DataError
        A finite value is too large for float32.
    """
    with np.errstate(over="ignore"):
        narrow = np.ascontiguousarray(values, dtype=np.float32)
    if values.dtype == np.float32:
        return narrow
    too_large = np.argwhere(np.isinf(narrow) & np.isfinite(values))
    if too_large.size:
        sample, unit = too_large[0]
        raise DataError(
            f"The layer {layer!r} gives {values[sample, unit]:g} for unit {unit}, too large "
            "for float32.",
            "Leave this layer or this sample out.",
        )
    return narrow
