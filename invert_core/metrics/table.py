"""The table of all metrics, keyed by the column that each fills."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Metric = Callable[[np.ndarray, np.ndarray], float | None]
"""A function of the activations of a unit, float32 or float64 [N], and of an extent, bool [N].

N is the number of samples on which the formula is defined. The extent holds at least one of them
but not all, and no activation is NaN. A metric without a value for these arguments returns None.
"""

METRICS: dict[str, Metric] = {}
"""The function that computes each field of `results.columns.Label` that is a metric."""


def measured(values: np.ndarray, extent: np.ndarray) -> dict[str, Any]:
    """Return the columns that the metrics fill, for the arguments of a `Metric`.

    Raises
    ------
    ValueError
        A metric returned NaN or an infinity, which no run can hold.
    """
    return {name: _number(name, metric(values, extent)) for name, metric in METRICS.items()}


def _number(name: str, value: float | None) -> float | None:
    if value is None:
        return None
    number = float(value)  # no integer and no number of NumPy: a run is read as it was written
    if not math.isfinite(number):
        raise ValueError(f"The metric {name!r} is {number}; let it return None without a value.")
    return number
