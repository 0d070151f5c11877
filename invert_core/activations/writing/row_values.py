"""Checks the values of rows and converts them to the type of the file."""

import numpy as np

from invert_core.activations.values import bad_value
from invert_core.errors import DataError
from invert_core.values import sample_name


def converted(
    layer: str,
    values: np.ndarray,
    n_units: int,
    dtype: np.dtype,
    sample_id: tuple[str, ...] | None,
    first_row: int,
) -> np.ndarray:
    """Check rows of one layer, and convert them to the type of the file.

    Parameters
    ----------
    layer : str
    values : float array [rows, n_units]
    n_units : int
        The number of units that the layer had before.
    dtype : numpy.dtype
        The type of the file.
    sample_id : tuple of str or None
        The ids of all samples, for messages.
    first_row : int
        The sample of the first row.

    Returns
    -------
    array [rows, n_units] of `dtype`
        `values` itself if it has this type already.
    """
    if values.shape[1:] != (n_units,):
        raise DataError(
            f"Layer {layer!r} had {n_units} units and now has shape {values.shape}.",
            "The model must give the same units for every sample.",
        )

    def refuse(bad: np.ndarray, what: str) -> None:
        if bad.any():
            row, unit = (int(index) for index in np.argwhere(bad)[0])
            raise bad_value(what, layer, unit, sample_name(sample_id, first_row + row))

    refuse(np.isnan(values), "is NaN")
    if values.dtype == dtype:
        return values
    with np.errstate(over="ignore"):
        stored = values.astype(dtype)
    refuse(np.isinf(stored) & np.isfinite(values), f"is too large for {dtype.name}")
    return stored
