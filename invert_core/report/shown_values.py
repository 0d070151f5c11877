"""Numbers and texts as the page shows them, as plain values of JSON."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

DIGITS = 4
"""Decimals of an AUC and of scores, and significant digits of other values."""


def rounded(values: Iterable[float | None], digits: int = DIGITS) -> list[float | None]:
    """Round to decimals; what is not a number becomes None.

    >>> rounded([0.123456, float("nan"), None, 1.0])
    [0.1235, None, None, 1.0]
    """
    return [None if one is None or one != one else round(one, digits) for one in values]


def significant(values: np.ndarray) -> list[Any]:
    """Round an array to four significant digits; infinite values become text, NaN becomes None.

    >>> significant(np.array([[1234.56, -np.inf], [3.0, np.nan]]))
    [[1235, '-inf'], [3, None]]
    """
    if values.ndim > 1:
        return [significant(row) for row in values]
    return [_significant(one) for one in values.tolist()]


def _significant(value: float) -> float | str | None:
    if not math.isfinite(value):
        return None if value != value else str(value)
    return _whole_if_equal(float(f"{value:.{DIGITS}g}"))


def _whole_if_equal(value: float) -> float:
    """Return an int for a whole number, because "3" is shorter than "3.0"."""
    return int(value) if value == int(value) else value


def steps(hits: np.ndarray) -> list[list[float]]:
    """Write rows of growing numbers as differences, of which most are small and whole.

    The numbers are rounded to two decimals before, so that errors do not add up.

    >>> steps(np.array([[1.0, 1.5, 3.0]]))
    [[1, 0.5, 1.5]]
    """
    hundredths = np.round(np.asarray(hits, np.float64) * 100).astype(np.int64)
    found = np.diff(hundredths, axis=1, prepend=0)
    return [[one // 100 if one % 100 == 0 else one / 100 for one in row] for row in found.tolist()]


def marks(truth: np.ndarray) -> list[str]:
    """Write rows of 0, 1 and 2 (false, true and not defined) as texts.

    >>> marks(np.array([[1, 0, 2]], np.uint8))
    ['102']
    """
    return [row.tobytes().decode("ascii") for row in truth.astype(np.uint8) + ord("0")]
