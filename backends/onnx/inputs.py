"""Reads the inputs of an ONNX model."""

import numpy as np
import onnx

from invert_core.backends.onnx.graph import true_inputs
from invert_core.backends.onnx.shapes import type_of
from invert_core.errors import ModelError
from invert_core.models.backend import ModelInput, shown_shape


def model_inputs(graph: onnx.GraphProto) -> tuple[ModelInput, ...]:
    """Return the inputs of a graph in the form of the backend contract."""
    return tuple(model_input(value) for value in true_inputs(graph))


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
