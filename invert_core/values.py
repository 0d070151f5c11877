"""What counts as activations and as labels: the checks at the edge, in one place."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from invert_core.errors import DataError

SAMPLE_LIMIT = 2**27
"""Up to this many samples 2 n1 n0 <= 2**53, so that every integer of the method is exact."""

INTEGER_LIMIT = 2**53
"""Integers beyond this are not all different as float64."""


def as_floats(values: np.ndarray) -> np.ndarray:
    """Values in the float type that keeps them all apart: float32, or float64 for wide ones.

    Raises
    ------
    DataError
        The dtype is not of real numbers, or an integer lies beyond 2**53.
    """
    if values.dtype.kind in "iu":
        if values.size and (
            int(values.max()) > INTEGER_LIMIT or int(values.min()) < -INTEGER_LIMIT
        ):
            raise DataError(
                "The activations hold integers beyond 2**53, which floats cannot keep apart.",
                "Give float64 or smaller integers.",
            )
        return values.astype(np.float64)
    if values.dtype.kind == "b" or values.dtype in (np.float16, np.float32):
        return values.astype(np.float32, copy=False)
    if values.dtype == np.float64:
        return values.astype(np.float64, copy=False)
    raise DataError(
        f"The activations have dtype {values.dtype}, which is not of real numbers.",
        "Give float16, float32, float64, integers or bool.",
    )


def check_n_samples(n_samples: int) -> None:
    """Refuse fewer samples than can be compared, or more than stay exact."""
    if n_samples < 2:
        raise DataError(
            f"There are {n_samples} samples; nothing can be compared.", "Give at least two samples."
        )
    if n_samples > SAMPLE_LIMIT:
        raise DataError(
            f"There are {n_samples:,} samples, more than {SAMPLE_LIMIT:,}.", "Give fewer samples."
        )


def find_nan(units: np.ndarray) -> tuple[int, int] | None:
    """Row and column of the first NaN of floats [K, N] in order of rows, None if there is none."""
    if units.size == 0 or not np.isnan(units.min()):
        return None
    row = int(np.argmax(np.isnan(units).any(axis=1)))
    return row, int(np.argmax(np.isnan(units[row])))


def as_matrix(activations: npt.ArrayLike) -> tuple[np.ndarray, bool]:
    """Activations [N] or [N, K] as [N, K], and whether they were [N]."""
    values = np.asarray(activations)
    if values.ndim not in (1, 2):
        raise DataError(
            f"The activations have {values.ndim} dimensions.",
            "Give [samples] or [samples, units]; pool other axes first.",
        )
    check_n_samples(values.shape[0])
    if values.size == 0:
        raise DataError("There are no units.", "Give at least one column of activations.")
    return (values[:, None] if values.ndim == 1 else values), values.ndim == 1


def as_labels(labels: npt.ArrayLike) -> tuple[np.ndarray, bool]:
    """Labels [N] or [N, C] as bool [N, C], and whether they were [N]."""
    values = np.asarray(labels)
    if values.ndim not in (1, 2):
        raise DataError(
            f"The labels have {values.ndim} dimensions.", "Give [samples] or [samples, labels]."
        )
    table = values[:, None] if values.ndim == 1 else values
    return as_bool(table, lambda row, label: f"Label {label} of sample {row}"), values.ndim == 1


def as_bool(table: np.ndarray, cell: Callable[[int, int], str]) -> np.ndarray:
    """A table of labels as bool.

    Parameters
    ----------
    table : array [N, C]
    cell : callable
        What a message calls the label in a row and a column.

    Raises
    ------
    DataError
        The dtype is not of real numbers, or a label is neither 0 nor 1.
    """
    hint = "Give bool, or numbers that are 0 or 1."
    if table.dtype.kind not in "biuf":
        raise DataError(f"The labels have dtype {table.dtype}.", hint)
    if table.dtype.kind != "b":
        wrong = (table != 0) & (table != 1)
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            raise DataError(f"{cell(row, column)} is {table[row, column]}, not 0 or 1.", hint)
    return np.ascontiguousarray(table, dtype=np.bool_)
