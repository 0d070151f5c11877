"""Columns of rows, made of numbers, addresses and metrics."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from invert_core.metrics.table import METRICS
from invert_core.results.column_fields import OPTIONAL_TYPES, columns
from invert_core.results.columns import Label
from invert_core.results.label_table import OF_ROWS, Column
from invert_core.search.search import Units

Columns = dict[str, np.ndarray]
"""The values of F rows, keyed by column: arrays [F]."""


def chosen(texts: Sequence[str], numbers: np.ndarray) -> np.ndarray:
    """Return a column of texts, given by their numbers; equal texts are stored once."""
    return np.array(texts, object)[numbers.astype(np.int64)]


def by_row(found: Mapping[str, Column]) -> list[dict[str, Any]]:
    """Convert columns to one mapping per row."""
    values = zip(*(column.tolist() for column in found.values()), strict=True)
    return [dict(zip(found, row, strict=True)) for row in values]


def unit_columns(
    addresses: Sequence[tuple[str, int]], unit_names: Mapping[str, Sequence[str]]
) -> Columns:
    """Return the columns that name units; `unit_names` are those of `Workload.unit_names`."""
    names = [unit_names[layer][unit] if layer in unit_names else "" for layer, unit in addresses]
    layers, units = zip(*addresses, strict=True)
    return {
        "layer": np.array(layers, object),
        "unit": np.array(units, np.int64),
        "unit_name": np.array(names, object),
    }


def absent_columns(n_rows: int) -> Columns:
    """Return all columns of rows, not of formulas, that may be empty, empty."""
    found = columns(Label)
    names = [name for name in OF_ROWS if found[name].type in OPTIONAL_TYPES]
    return {name: np.full(n_rows, np.nan) for name in names}


def metric_columns(values: Sequence[Mapping[str, float | None]]) -> Columns:
    """Return the columns that the metrics fill, given what they `measured` for each row."""
    return {
        name: np.array([of_row[name] for of_row in values], np.float64)  # None becomes NaN
        for name in METRICS
    }


def values_of(units: Units, number: int) -> np.ndarray:
    """Return the activations of one of the units: float32 or float64 [N]."""
    if isinstance(units, np.ndarray):
        values = units[number]
    else:
        samples, stored = units[number]
        values = np.zeros(units.n_samples, stored.dtype)
        values[samples] = stored
    # Sums of many float16 would overflow.
    return values.astype(np.float32) if values.dtype == np.float16 else values
