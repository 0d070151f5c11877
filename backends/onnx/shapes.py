"""Finds the types and shapes of the tensors in a graph."""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import TensorProto

from invert_core.backends.onnx.graph import prune, true_inputs
from invert_core.backends.onnx.session import create_session
from invert_core.models.backend import ModelInput

_log = logging.getLogger("invert")

FLOATS = frozenset(
    {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16}
)
_MOST_VALUES_OF_A_SHAPE = 1024


@dataclass(frozen=True)
class TensorType:
    """What is known about a tensor before it is computed.

    `elem` is a member of `onnx.TensorProto.DataType`, or 0 if it is unknown or not a tensor.
    `dims` is None if even the number of axes is unknown; each of them is a number, a name or None.
    """

    elem: int
    dims: tuple[int | str | None, ...] | None

    @property
    def shape(self) -> tuple[int | None, ...] | None:
        """The dimensions with None instead of names."""
        if self.dims is None:
            return None
        return tuple(dim if isinstance(dim, int) else None for dim in self.dims)

    @property
    def dtype(self) -> str:
        """The name of the element type, such as "float32"."""
        if not self.elem:
            return "no tensor"
        return str(onnx.helper.tensor_dtype_to_np_dtype(self.elem))


UNKNOWN = TensorType(0, None)


def type_of(value: onnx.ValueInfoProto) -> TensorType:
    """Read the type and shape that a model states for a tensor."""
    tensor = value.type.tensor_type
    elem = tensor.elem_type if tensor.elem_type in TensorProto.DataType.values() else 0
    if not tensor.HasField("shape"):
        return TensorType(elem, None)
    dims = (
        dim.dim_value if dim.HasField("dim_value") else dim.dim_param or None
        for dim in tensor.shape.dim
    )
    return TensorType(elem, tuple(dims))


def infer_types(proto: onnx.ModelProto) -> dict[str, TensorType]:
    """Infer the types and shapes of the tensors of the main graph, without the weights.

    Parameters
    ----------
    proto : onnx.ModelProto
        The model.

    Returns
    -------
    dict of str to TensorType
        Tensors that could not be inferred are missing, such as all that follow an operator which
        is not part of ONNX.
    """
    try:
        graph = onnx.shape_inference.infer_shapes(_skeleton(proto), data_prop=True).graph
    # A constant of an unknown type is a ValueError.
    except (onnx.shape_inference.InferenceError, ValueError) as error:
        _log.info("ONNX cannot infer shapes in this model: %s", str(error).strip().split("\n")[0])
        graph = _skeleton(proto).graph
    values = (*graph.input, *graph.value_info, *graph.output)
    return {value.name: type_of(value) for value in values}


def ask_runtime(
    proto: onnx.ModelProto, folder: Path, names: Iterable[str]
) -> dict[str, TensorType]:
    """Let ONNX Runtime infer types and shapes; it knows more operators but loads the weights.

    Parameters
    ----------
    proto : onnx.ModelProto
        The model.
    folder : Path
        The folder that holds its external data.
    names : iterable of str
        The tensors in question.

    Returns
    -------
    dict of str to TensorType
        One for each name; its `dims` are None if ONNX Runtime does not know them either.
    """
    wanted = list(names)
    part = prune(proto, wanted)
    part.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted)
    session = create_session(part, folder, ["CPUExecutionProvider"], optimize=False)
    elems = {
        "tensor(float)": TensorProto.FLOAT,
        "tensor(float16)": TensorProto.FLOAT16,
        "tensor(double)": TensorProto.DOUBLE,
        "tensor(bfloat16)": TensorProto.BFLOAT16,
        "tensor(int64)": TensorProto.INT64,
        "tensor(int32)": TensorProto.INT32,
        "tensor(uint8)": TensorProto.UINT8,
        "tensor(int8)": TensorProto.INT8,
        "tensor(bool)": TensorProto.BOOL,
    }
    # ONNX Runtime reports [] both for a scalar and for an unknown number of axes.
    return {
        value.name: TensorType(elems.get(value.type, 0), tuple(value.shape) or None)
        for value in session.get_outputs()
    }


@dataclass(frozen=True)
class BatchAxis:
    """The names and the length of the axes that count samples in a model's inputs.

    `size` is None if the length may vary. `names` are names of these axes, `others` are names of
    other axes.
    """

    size: int | None
    names: frozenset[str]
    others: frozenset[str]

    @classmethod
    def of(cls, graph: onnx.GraphProto, inputs: Iterable[ModelInput]) -> "BatchAxis":
        """Read the axes from the inputs of a graph; the smallest of several sizes counts."""
        dims = {value.name: type_of(value).dims or () for value in true_inputs(graph)}
        axes = {each.name: each.batch_axis for each in inputs if each.name in dims}
        counted = [dims[name][axis] for name, axis in axes.items() if axis is not None]
        sizes = [size for size in counted if isinstance(size, int)]
        names = {size for size in counted if isinstance(size, str)}
        others = {size for each in dims.values() for size in each if isinstance(size, str)}
        return cls(min(sizes, default=None), frozenset(names), frozenset(others - names))

    def may_be(self, size: int | str | None) -> bool:
        """Return whether an axis of this length can count the samples, as far as the model says."""
        if size is None or size in self.names:
            return True
        if isinstance(size, int):
            return size == self.size
        mentioned = set(re.findall(r"[^\W\d]\w*", size))
        return mentioned.isdisjoint(self.names | self.others)


def _skeleton(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Copy a model without its large weights, because only small ones determine shapes."""
    copy = onnx.ModelProto()
    copy.ir_version = proto.ir_version
    copy.opset_import.extend(proto.opset_import)
    copy.functions.extend(proto.functions)
    graph = copy.graph
    graph.name = proto.graph.name
    graph.node.extend(proto.graph.node)
    graph.input.extend(proto.graph.input)
    # What a model says of its outputs may be wrong, so it is inferred like everything else.
    for value in proto.graph.output:
        elem = value.type.tensor_type.elem_type
        graph.output.append(onnx.helper.make_tensor_value_info(value.name, elem, None))
    graph.value_info.extend(proto.graph.value_info)
    graph.sparse_initializer.extend(proto.graph.sparse_initializer)
    for tensor in proto.graph.initializer:
        external = tensor.data_location == TensorProto.EXTERNAL
        if external or _size(tensor) > _MOST_VALUES_OF_A_SHAPE:
            graph.initializer.append(
                TensorProto(name=tensor.name, dims=tensor.dims, data_type=tensor.data_type)
            )
        else:
            graph.initializer.append(tensor)
    return copy


def _size(tensor: TensorProto) -> int:
    size = 1
    for dim in tensor.dims:
        size *= dim
    return size
