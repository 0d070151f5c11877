"""The metrics there are, by the column that each fills."""

from collections.abc import Callable

import numpy as np

Metric = Callable[[np.ndarray, np.ndarray], float]
"""From the activations of a unit, floats [N], and an extent, bool [N], to a number.

N counts the samples on which the formula is defined; the extent is neither empty nor all of them,
and no activation is NaN.
"""

METRICS: dict[str, Metric] = {}
"""For every field of `results.columns.Label` that is a metric, what computes it."""


def measured(values: np.ndarray, extent: np.ndarray) -> dict[str, float]:
    """The columns that the metrics fill; arguments as for a `Metric`."""
    return {name: metric(values, extent) for name, metric in METRICS.items()}
