"""The table of all metrics, keyed by the column that each fills."""

from collections.abc import Callable

import numpy as np

Metric = Callable[[np.ndarray, np.ndarray], float]
"""A function of the activations of a unit, floats [N], and of an extent, bool [N].

N is the number of samples on which the formula is defined. The extent holds at least one of them
but not all, and no activation is NaN.
"""

METRICS: dict[str, Metric] = {}
"""The function that computes each field of `results.columns.Label` that is a metric."""


def measured(values: np.ndarray, extent: np.ndarray) -> dict[str, float]:
    """Return the columns that the metrics fill, for the arguments of a `Metric`."""
    return {name: metric(values, extent) for name, metric in METRICS.items()}
