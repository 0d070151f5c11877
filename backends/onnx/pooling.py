"""How a layer becomes one number per unit, as nodes appended to the graph."""

from dataclasses import dataclass
from typing import Any

import onnx
from onnx import TensorProto, helper

from invert_core.backends.onnx.shapes import FLOATS, BatchAxis, TensorType
from invert_core.errors import ModelError

_AXES_ARE_AN_INPUT = 18
"""Opset from which ReduceMean, ReduceMax and ReduceL1 take their axes as an input."""
_HAS_IS_NAN = 9
_HAS_BFLOAT16 = 13


@dataclass(frozen=True)
class Pooling:
    """What is done to a layer of `rank` axes: `kind` is "mean", "max", "first" or "none"."""

    kind: str
    rank: int
    channel_axis: int

    @property
    def other_axes(self) -> list[int]:
        """The axes that pooling removes."""
        return [axis for axis in range(1, self.rank) if axis != self.channel_axis]


def why_not(kind: TensorType, batch: BatchAxis) -> str:
    """Say why such a tensor cannot be extracted, as the end of a sentence; "" if it can be."""
    if kind.elem not in FLOATS:
        quantized = kind.elem in (TensorProto.UINT8, TensorProto.INT8)
        advice = "; take what the DequantizeLinear after it makes" if quantized else ""
        return f"holds {kind.dtype}, and only floats of 16 to 64 bits can be read{advice}"
    if kind.dims is not None and len(kind.dims) < 2:
        return f"has {len(kind.dims)} axes, so that there is none for the units"
    if not batch.may_lead(kind):
        return f"has {kind.dims[0] if kind.dims else None} where the batch should be"
    return ""


def choose(layer: str, kind: TensorType, pool: str, channel_axis: int | None) -> Pooling:
    """Settle how a layer is pooled.

    Parameters
    ----------
    layer : str
        For messages.
    kind : TensorType
        Of a layer that `why_not` says nothing against.
    pool : {"auto", "mean", "max", "first", "none"}
    channel_axis : int or None
        As `Model.extractor` takes it; counted from the end if negative.

    Returns
    -------
    Pooling

    Raises
    ------
    ModelError
        The layer cannot be pooled in this way.
    """
    if kind.dims is None:
        # Some choices imply the number of axes; whether it is true shows when the model runs.
        rank = {"none": 2, "first": 3}.get(pool, 0)
        if not rank:
            raise ModelError(
                f"The model does not say how many axes the layer {layer!r} has.",
                "Say --pool none if it has just samples and units, --pool first if it has "
                "samples, tokens and units; or add shapes to the model with "
                "`python -m onnxruntime.tools.symbolic_shape_infer`.",
            )
    else:
        rank = len(kind.dims)
    axis = channel_axis
    if axis is None:
        axis = 2 if rank == 3 else 1
    elif axis < 0:
        axis += rank
    if not 1 <= axis < rank:
        raise ModelError(
            f"The layer {layer!r} has {rank} axes, and the channel axis cannot be {channel_axis}.",
            f"Choose one from 1 to {rank - 1}, or -1 for the last of every layer.",
        )
    if pool == "auto":
        pool = "none" if rank == 2 else "mean"
    if pool == "none" and rank != 2:
        raise ModelError(
            f"The layer {layer!r} has {rank} axes, and without pooling there can only be 2.",
            "Choose --pool mean or --pool max.",
        )
    if pool == "first" and rank != 3:
        raise ModelError(
            f"The layer {layer!r} has {rank} axes, and the first token exists only where 3 are.",
            "Choose --pool auto or --pool max.",
        )
    return Pooling("none" if rank == 2 else pool, rank, axis)


def append_pooling(proto: onnx.ModelProto, tensor: str, elem: int, pooling: Pooling) -> str:
    """Add the nodes that pool a tensor, and make the result an output of the graph.

    Parameters
    ----------
    proto : onnx.ModelProto
        Changed in place.
    tensor : str
        The layer.
    elem : int
        Its element type.
    pooling : Pooling

    Returns
    -------
    str
        Name of the new output [batch, units], float64 for a float64 layer and else float32.

    Raises
    ------
    ModelError
        The model uses operators too old for this.
    """
    builder = _Builder(proto, f"invert/{len(proto.graph.output)}")
    # Half precision is widened before it is summed, not after. Double precision is narrowed where
    # it can be seen that a value becomes infinite.
    keeps = elem in (TensorProto.FLOAT, TensorProto.DOUBLE)
    value = tensor if keeps else builder.cast(tensor, elem)
    if pooling.kind == "mean":
        value = builder.reduce("ReduceMean", value, pooling.other_axes)
    elif pooling.kind == "max":
        value = builder.maximum(value, pooling.other_axes)
    elif pooling.kind == "first":
        value = builder.first(value, pooling.other_axes[0])
    return builder.finish(value, elem if keeps else TensorProto.FLOAT)


class _Builder:
    def __init__(self, proto: onnx.ModelProto, prefix: str):
        self.graph = proto.graph
        versions = [entry for entry in proto.opset_import if entry.domain in ("", "ai.onnx")]
        if not versions:
            proto.opset_import.append(helper.make_opsetid("", _AXES_ARE_AN_INPUT))
            versions = [proto.opset_import[-1]]
        self.opset = versions[0].version
        self.domain = versions[0].domain
        taken = {name for node in proto.graph.node for name in (*node.input, *node.output)}
        while any(name.startswith(prefix) for name in taken):
            prefix += "'"
        self.prefix = prefix

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        output = f"{self.prefix}/{op}"
        self.graph.node.append(
            helper.make_node(op, inputs, [output], output, domain=self.domain, **attributes)
        )
        return output

    def constant(self, name: str, value: TensorProto) -> str:
        value.name = f"{self.prefix}/{name}"
        self.graph.initializer.append(value)
        return value.name

    def require(self, opset: int, what: str) -> None:
        if self.opset < opset:
            raise ModelError(
                f"{what} needs opset {opset}, and the model has {self.opset}.",
                "Convert the model with `onnx.version_converter`.",
            )

    def cast(self, value: str, elem: int) -> str:
        if elem == TensorProto.BFLOAT16:
            self.require(_HAS_BFLOAT16, "A layer of bfloat16")
        return self.add("Cast", value, to=TensorProto.FLOAT)

    def reduce(self, op: str, value: str, axes: list[int]) -> str:
        if self.opset < _AXES_ARE_AN_INPUT:
            return self.add(op, value, axes=axes, keepdims=0)
        stored = helper.make_tensor("", TensorProto.INT64, [len(axes)], axes)
        return self.add(op, value, self.constant(f"{op}_axes", stored), keepdims=0)

    def maximum(self, value: str, axes: list[int]) -> str:
        # ReduceMax loses NaN. The sum of absolute values is NaN exactly if one of them is.
        self.require(_HAS_IS_NAN, "The maximum of a layer")
        largest = self.reduce("ReduceMax", value, axes)
        total = self.reduce("ReduceL1", value, axes)
        return self.add("Where", self.add("IsNaN", total), total, largest)

    def first(self, value: str, axis: int) -> str:
        zero = helper.make_tensor("", TensorProto.INT64, [], [0])
        return self.add("Gather", value, self.constant("first", zero), axis=axis)

    def finish(self, value: str, elem: int) -> str:
        name = self.add("Identity", value)
        self.graph.output.append(helper.make_tensor_value_info(name, elem, None))
        return name
