"""Reads the inputs of an ONNX model."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx

from invert_core.backends.onnx.graph import true_inputs
from invert_core.backends.onnx.shapes import TensorType, type_of
from invert_core.errors import ModelError
from invert_core.models.backend import ModelInput, shown_shape


def model_inputs(graph: onnx.GraphProto) -> tuple[ModelInput, ...]:
    """Return the inputs of a graph in the form of the backend contract.

    The samples are on axis 0, unless the names or the lengths of the axes say otherwise. Beside
    ``x [n, 9]``, ``state [2, n, 64]`` has them on axis 1, while ``h [1, 1, 64]`` and scalars hold
    the same for all samples.
    """
    values = true_inputs(graph)
    kinds = [type_of(value) for value in values]
    return tuple(
        _with_batch_axis(model_input(value), kind, kinds)
        for value, kind in zip(values, kinds, strict=True)
    )


def model_input(value: onnx.ValueInfoProto) -> ModelInput:
    """Return one input of a graph; see `model_inputs`."""
    kind = type_of(value)
    if not kind.elem:
        raise ModelError(
            f"The input {value.name!r} is not a tensor.", "Only models that take tensors can run."
        )
    if kind.shape is None:
        raise ModelError(
            f"The model does not say how many axes its input {value.name!r} has.",
            "Add the shape with `onnx.tools.update_model_dims`.",
        )
    if any(size is not None and size < 0 for size in kind.shape):
        raise ModelError(
            f"The input {value.name!r} has the shape {shown_shape(kind.shape)}.",
            "Name the axes that may have any length with `onnx.tools.update_model_dims`.",
        )
    dtype = (
        np.str_
        if kind.elem == onnx.TensorProto.STRING
        else onnx.helper.tensor_dtype_to_np_dtype(kind.elem)
    )
    return ModelInput(value.name, kind.shape, np.dtype(dtype))


def _with_batch_axis(each: ModelInput, kind: TensorType, kinds: Sequence[TensorType]) -> ModelInput:
    if not kind.dims:
        return replace(each, batch_axis=None)
    first = {other.dims[0] for other in kinds if other.dims}
    if not isinstance(kind.dims[0], int) or all(isinstance(size, int) for size in first):
        return each
    named = [axis for axis, size in enumerate(kind.dims) if isinstance(size, str) and size in first]
    if named:
        return replace(each, batch_axis=named[0])
    vary = [axis for axis, size in enumerate(kind.dims) if not isinstance(size, int)]
    if not vary:
        return replace(each, batch_axis=None)
    return each if len(vary) > 1 else replace(each, batch_axis=vary[0], certain=False)
