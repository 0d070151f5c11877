"""Runs a model on one batch, and checks what comes back."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from invert_core.activations import layout
from invert_core.data.arrays.batch_arrays import BatchAxes
from invert_core.errors import ModelError
from invert_core.extraction.unit_names import UnitNames
from invert_core.models.backend import Extractor

Inputs = Mapping[str, np.ndarray]

ON_THE_FIRST: BatchAxes = MappingProxyType({})
"""All inputs count the samples on the first axis."""


def count_samples(inputs: Inputs, axes: BatchAxes) -> int:
    """Return the number of samples that a batch brings."""
    counted = ((array, axes.get(name, 0)) for name, array in inputs.items())
    return next(
        (array.shape[axis] for array, axis in counted if axis is not None and axis < array.ndim), 0
    )


def take_samples(inputs: Inputs, axes: BatchAxes, positions: np.ndarray) -> dict[str, np.ndarray]:
    """Return the batch of the samples at some positions."""
    return {
        name: array if axis is None else np.take(array, positions, axis)
        for name, array in inputs.items()
        for axis in (axes.get(name, 0),)
    }


def run_batch(
    extractor: Extractor, inputs: Inputs, axes: BatchAxes = ON_THE_FIRST
) -> dict[str, np.ndarray]:
    """Run the model on one batch, and check the shapes of the activations."""
    activations = extractor.run(inputs)
    n_samples = count_samples(inputs, axes)
    for name, values in activations.items():
        if values.ndim != 2 or len(values) != n_samples or values.shape[1] == 0:
            raise ModelError(
                f"Layer {name!r} gave activations of shape {values.shape} for {n_samples} samples.",
                "It must be [samples, units] with at least one unit; choose another layer.",
            )
        if values.shape[1] > layout.UNIT_LIMIT:
            raise ModelError(
                f"Layer {name!r} has {values.shape[1]:,} units, more than {layout.UNIT_LIMIT:,}.",
                "Choose another pool or layer.",
            )
    return activations


def unit_names(
    extractor: Extractor, activations: Mapping[str, np.ndarray], named: UnitNames
) -> dict[str, tuple[str, ...]]:
    """Return the unit names of layers that have some; call this after a batch was run.

    Parameters
    ----------
    extractor : Extractor
    activations : mapping of layer name to array [rows, n_units]
        The activations of the batch.
    named : UnitNames
        The names that the user gave.
    """
    names = dict(extractor.unit_names())
    for layer, of_layer in names.items():
        n_units = activations[layer].shape[1]
        if len(of_layer) != n_units:
            raise ModelError(
                f"Layer {layer!r} has {n_units} units, but the backend names {len(of_layer)}.",
                "The backend is at fault; choose another pool or layer.",
            )
    for layer in named.of_layer:
        names[layer] = named.of_units(layer, activations[layer].shape[1], names.get(layer))
    return names
