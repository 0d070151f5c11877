"""Pools layers: checks whether they can be pooled, and appends nodes that do it to the graph."""

import math
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import TensorProto, helper

from invert_core.backends.onnx.shapes import FLOATS, BatchAxis, TensorType
from invert_core.errors import ModelError
from invert_core.models.axes import Axes
from invert_core.models.backend import Reading
from invert_core.models.pooling import Pooling

_AXES_OF_SUMS_ARE_AN_INPUT = 13
_AXES_ARE_AN_INPUT = 18
"""The opset from which ReduceMean, ReduceMax and ReduceL1 take their axes as an input."""
_HAS_IS_NAN = 9
_HAS_WHERE = 9
_COUNTS_FROM_THE_END = 11
_GATHERS_PER_SAMPLE = 12
_HAS_BFLOAT16 = 13


_QUANTIZED = {TensorProto.UINT8, TensorProto.INT8}
"""Integers in place of real values; up to a factor and a zero point they are the same."""


def why_not(kind: TensorType, axes: Axes, batch: BatchAxis) -> str:
    """Say why a tensor cannot be extracted, as the end of a sentence; "" if it can be."""
    if kind.elem not in FLOATS | _QUANTIZED:
        return f"holds {kind.dtype}, but only floats and integers of 8 bits can be read"
    if kind.dims is None:
        return ""
    if not kind.dims:
        return "is a single value, not one per sample"
    if not batch.may_be(kind.dims[axes.batch]):
        fitting = [str(axis) for axis, size in enumerate(kind.dims) if batch.may_be(size)]
        others = f"; samples may be on axis {' or '.join(fitting)}" if fitting else ""
        length = kind.dims[axes.batch]
        return f"has length {length} on axis {axes.batch}, which should count the samples{others}"
    return ""


def assumed_rank(reading: Reading) -> int:
    """Return the number of axes of a layer whose shape neither the model nor a trial shows."""
    # Some pools imply the number of axes; running the model shows whether that was right.
    rank = {"none": 2, "first": 3, "last": 3}.get(reading.pool, 0)
    if not rank:
        raise ModelError(
            f"The model does not say how many axes the layer {reading.layer!r} has.",
            "Say --pool none if it has only samples and units; or add shapes to the model with "
            "`python -m onnxruntime.tools.symbolic_shape_infer`.",
        )
    return rank


@dataclass(frozen=True)
class Pooled:
    """Outputs of a graph for one layer.

    `values` names the output with the activations [batch, units]. `shape` names the output with
    the shape of the unpooled layer with the samples in front, or is "" if it is not needed. `axes`
    are the layer's own.
    """

    pooling: Pooling
    axes: Axes
    values: str
    shape: str


def append_pooling(
    proto: onnx.ModelProto,
    tensor: str,
    elem: int,
    pooling: Pooling,
    axes: Axes,
    prefix: str,
    mask: onnx.ValueInfoProto | None = None,
) -> Pooled:
    """Add the nodes that pool a tensor, and make the result an output of the graph.

    Parameters
    ----------
    proto : onnx.ModelProto
        The model, which is changed in place.
    tensor : str
        The layer.
    elem : int
        The element type of the layer.
    pooling : Pooling
        How the layer is pooled.
    axes : Axes
        The axes of the layer, for the result.
    prefix : str
        What the names of added tensors begin with; see `free_prefix`.
    mask : onnx.ValueInfoProto, optional
        The input that says what is padding; it is added to the graph if the layer has token axes.

    Returns
    -------
    Pooled
        Its values are float64 for a float64 layer, and float32 for all others.
    """
    builder = _Builder(proto, prefix)
    # Half precision and integers must be widened before they are summed. Double precision is
    # narrowed later, in Python, where a value that becomes infinite is noticed.
    keeps = elem in (TensorProto.FLOAT, TensorProto.DOUBLE)
    value = tensor if keeps else builder.widened(tensor, elem)
    if pooling.rank == 1:
        value = builder.add_axis(value)
    elif pooling.batch_axis:
        value = builder.add("Transpose", value, perm=pooling.order)
        tensor = value
    elem = elem if keeps else TensorProto.FLOAT
    if pooling.token_axes:
        assert mask is not None, "only a mask gives token axes"
        builder.take(mask)
        value = builder.pooled_tokens(value, elem, pooling, mask.name)
    else:
        value = builder.pooled(value, pooling)
    watched = pooling.kind == "flatten" or pooling.token_axes
    shape = builder.output("Shape", tensor, TensorProto.INT64) if watched else ""
    return Pooled(pooling, axes, builder.output("Identity", value, elem), shape)


def free_prefix(graph: onnx.GraphProto) -> str:
    """Return what no name of a tensor in a graph begins with."""
    taken = {name for node in graph.node for name in (*node.input, *node.output)}
    prefix = "invert/"
    while any(name.startswith(prefix) for name in taken):
        prefix = f"'{prefix}"
    return prefix


class _Builder:
    def __init__(self, proto: onnx.ModelProto, prefix: str):
        self.graph = proto.graph
        versions = [entry for entry in proto.opset_import if entry.domain in ("", "ai.onnx")]
        if not versions:
            proto.opset_import.append(helper.make_opsetid("", _AXES_ARE_AN_INPUT))
            versions = [proto.opset_import[-1]]
        self.opset = versions[0].version
        self.domain = versions[0].domain
        self.prefix = f"{prefix}{len(proto.graph.output)}"
        self.count = 0

    def pooled(self, value: str, pooling: Pooling) -> str:
        if pooling.kind == "mean":
            return self.reduce("ReduceMean", value, pooling.other_axes)
        if pooling.kind == "max":
            return self.maximum(value, pooling.other_axes)
        if pooling.kind == "first":
            return self.token(value, 0, pooling.other_axes[0])
        if pooling.kind == "last":
            self.require(_COUNTS_FROM_THE_END, "The last token of a layer")
            return self.token(value, -1, pooling.other_axes[0])
        if pooling.kind == "flatten":
            return self.add("Flatten", self.channel_first(value, pooling), axis=1)
        return value

    def pooled_tokens(self, value: str, elem: int, pooling: Pooling, mask: str) -> str:
        """Pool the tokens that the mask selects; the others may hold anything, even NaN."""
        if pooling.kind in ("first", "last"):
            return self.counted_token(value, pooling, mask)
        self.require(_HAS_WHERE, "Leaving padding out")
        counts = self.counts(pooling, mask)
        if pooling.kind == "max":
            lowest = self.constant(elem, [], [-math.inf])
            return self.maximum(self.add("Where", counts, value, lowest), pooling.other_axes)
        inner = [axis for axis in pooling.other_axes if axis not in pooling.token_axes]
        if inner:
            value = self.reduce("ReduceMean", value, inner, keepdims=1)
        kept = self.add("Where", counts, value, self.constant(elem, [], [0]))
        total = self.reduce("ReduceSum", kept, pooling.other_axes)
        number = self.reduce("ReduceSum", self.add("Cast", counts, to=elem), pooling.other_axes)
        return self.add("Div", total, number)

    def add_axis(self, value: str) -> str:
        """Make one unit of a layer that has samples only."""
        return self.add("Reshape", value, self.constant(TensorProto.INT64, [2], [-1, 1]))

    def counts(self, pooling: Pooling, mask: str) -> str:
        """Add booleans that broadcast to the layer: True if all tokens of a position count."""
        true = self.add("Cast", mask, to=TensorProto.BOOL)
        along = []
        for axis in pooling.token_axes:
            shape = [0, *(-1 if other == axis else 1 for other in range(1, pooling.rank))]
            stored = self.constant(TensorProto.INT64, [pooling.rank], shape)
            along.append(self.add("Reshape", true, stored))
        both = along[0]
        for other in along[1:]:
            both = self.add("And", both, other)
        return both

    def counted_token(self, value: str, pooling: Pooling, mask: str) -> str:
        self.require(_GATHERS_PER_SAMPLE, f"The {pooling.kind} token of each sample")
        numbers = self.add("Cast", mask, to=TensorProto.FLOAT)
        last = int(pooling.kind == "last")
        place = self.add("ArgMax", numbers, axis=1, keepdims=1, select_last_index=last)
        if pooling.channel_axis == 1:
            value = self.add("Transpose", value, perm=[0, 2, 1])
        return self.add("GatherND", value, place, batch_dims=1)

    def maximum(self, value: str, axes: list[int]) -> str:
        # ReduceMax loses NaN. The sum of absolute values is NaN exactly if one of them is.
        self.require(_HAS_IS_NAN, "The maximum of a layer")
        largest = self.reduce("ReduceMax", value, axes)
        total = self.reduce("ReduceL1", value, axes)
        return self.add("Where", self.add("IsNaN", total), total, largest)

    def token(self, value: str, place: int, axis: int) -> str:
        return self.add("Gather", value, self.constant(TensorProto.INT64, [], [place]), axis=axis)

    def channel_first(self, value: str, pooling: Pooling) -> str:
        return self.add("Transpose", value, perm=[0, pooling.channel_axis, *pooling.other_axes])

    def reduce(self, op: str, value: str, axes: list[int], keepdims: int = 0) -> str:
        since = _AXES_OF_SUMS_ARE_AN_INPUT if op == "ReduceSum" else _AXES_ARE_AN_INPUT
        if self.opset < since:
            return self.add(op, value, axes=axes, keepdims=keepdims)
        stored = self.constant(TensorProto.INT64, [len(axes)], axes)
        return self.add(op, value, stored, keepdims=keepdims)

    def widened(self, value: str, elem: int) -> str:
        if elem == TensorProto.BFLOAT16:
            self.require(_HAS_BFLOAT16, "A layer of bfloat16")
        return self.add("Cast", value, to=TensorProto.FLOAT)

    def require(self, opset: int, what: str) -> None:
        if self.opset < opset:
            raise ModelError(
                f"{what} needs opset {opset}, and the model has {self.opset}.",
                "Convert the model with `onnx.version_converter`.",
            )

    def take(self, value: onnx.ValueInfoProto) -> None:
        if all(given.name != value.name for given in self.graph.input):
            self.graph.input.append(value)

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        output = self._name(op)
        self.graph.node.append(
            helper.make_node(op, inputs, [output], output, domain=self.domain, **attributes)
        )
        return output

    def constant(self, elem: int, shape: list[int], values: list[int] | list[float]) -> str:
        name = self._name("constant")
        self.graph.initializer.append(helper.make_tensor(name, elem, shape, values))
        return name

    def output(self, op: str, value: str, elem: int) -> str:
        name = self.add(op, value)
        self.graph.output.append(helper.make_tensor_value_info(name, elem, None))
        return name

    def _name(self, what: str) -> str:
        self.count += 1
        return f"{self.prefix}/{self.count}/{what}"
