"""Says what each ONNX operator does with the axes of its inputs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from invert_core.models import axes
from invert_core.models.axes import CHANNEL, Factor, Size, Trace, words

Dims = tuple[Size, ...]
"""The lengths of the axes of a tensor."""

ONE_BY_ONE = words(
    """
    Abs Acos Acosh Asin Asinh Atan Atanh BiasGelu BitShift Cast CastLike Ceil Celu Clip Cos
    Cosh CumSum Dropout Elu Erf Exp FastGelu Floor Gelu HardSigmoid HardSwish Hardmax Identity
    IsInf IsNaN LeakyRelu Log LogSoftmax Mish Neg Not QuantizeLinear DequantizeLinear
    DynamicQuantizeLinear QuickGelu Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh
    Softmax Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu Trilu
    """
)
"""Operators that keep the axes of their first input and their lengths."""
ALONG = words(
    """
    AveragePool GatherElements GlobalAveragePool GlobalLpPool GlobalMaxPool GridSample LRN
    LpNormalization
    LpPool MaxPool MeanVarianceNormalization Pad QLinearAveragePool QLinearGlobalAveragePool
    QLinearLeakyRelu QLinearSigmoid QLinearSoftmax Resize ReverseSequence RMSNormalization
    RotaryEmbedding ScatterElements ScatterND SimplifiedLayerNormalization Slice Split Tile
    TopK Upsample
    """
)
"""Operators that keep the axes of their first input, but not always their lengths."""
_ELEMENT_WISE = words(
    """
    Add And Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul Or PRelu Pow
    QLinearAdd QLinearMul Sub Sum Where Xor
    """
)
_CHANNELS_SECOND = words(
    """
    Conv ConvInteger ConvTranspose DeformConv DepthToSpace FusedConv Gemm
    QLinearConv SpaceToDepth
    """
)
_ATTENTION = words(
    """
    Attention MultiHeadAttention GroupQueryAttention
    """
)
_PRODUCTS = {
    "MatMul": (0, 1),
    "FusedMatMul": (0, 1),
    "MatMulInteger": (0, 1),
    "MatMulIntegerToFloat": (0, 1),
    "DynamicQuantizeMatMul": (0, 1),
    "MatMulNBits": (0, 1),
    "QLinearMatMul": (0, 3),
}
"""The numbers of the two factors among the inputs of a matrix product."""
_KEEP_CHANNELS = words(
    """
    GroupNormalization InstanceNormalization
    """
)
_NORMALIZE_LAST = words(
    """
    LayerNormalization SkipLayerNormalization SkipSimplifiedLayerNormalization
    """
)
CONVOLUTIONS = words("Conv ConvInteger ConvTranspose DeformConv FusedConv QLinearConv")
_RECURRENT = ("LSTM", "GRU", "RNN", "DynamicQuantizeLSTM")


@dataclass(frozen=True)
class Step:
    """One node, with what is known about its inputs and outputs.

    Attributes
    ----------
    node : onnx.NodeProto
        The node.
    known : mapping of str to Trace
        The traces of tensors so far.
    dims : mapping of str to tuple, or None
        The lengths of the axes of tensors.
    stored : mapping of str to onnx.TensorProto
        The tensors that are stored in the model.
    """

    node: onnx.NodeProto
    known: Mapping[str, Trace]
    dims: Mapping[str, Dims | None]
    stored: Mapping[str, onnx.TensorProto]

    def trace(self, number: int) -> Trace | None:
        """The trace of an input; None if it does not depend on the inputs, or has unknown rank."""
        if number >= len(self.node.input):
            return None
        return self.known.get(self.node.input[number])

    @property
    def traces(self) -> list[Trace]:
        """The traces of all inputs that have one."""
        return [each for number in range(len(self.node.input)) if (each := self.trace(number))]

    def sizes(self, rank: int | None = None, output: int = 0) -> Dims | None:
        """The lengths of the axes of an output; of unknown lengths if only its rank is given."""
        known = self.dims.get(self.node.output[output])
        if known is not None or rank is None:
            return known
        return (None,) * rank

    def given(self, number: int) -> Dims | None:
        """The lengths of the axes of an input."""
        if number >= len(self.node.input):
            return None
        name = self.node.input[number]
        stored = self.stored.get(name)
        return self.dims.get(name) or (None if stored is None else tuple(stored.dims))

    def attribute(self, name: str, default: object = None) -> Any:
        """The value of an attribute."""
        return attribute_of(self.node, name, default)

    def numbers(self, name: str, number: int) -> list[int] | None:
        """Integers from an attribute or, since later opsets, from a stored input."""
        attribute = self.attribute(name)
        if attribute is not None:
            return [int(each) for each in attribute]
        if number >= len(self.node.input) or not self.node.input[number]:
            return None
        stored = self.stored.get(self.node.input[number])
        if stored is None or stored.data_location == onnx.TensorProto.EXTERNAL:
            return None
        return [int(each) for each in np.ravel(numpy_helper.to_array(stored))]

    @property
    def name(self) -> str:
        """What users may know the node by."""
        return f"{self.node.op_type} {self.node.name or self.node.output[0]!r}"


def attribute_of(node: onnx.NodeProto, name: str, default: object) -> Any:
    """Return the value of an attribute of a node."""
    for each in node.attribute:
        if each.name == name:
            return onnx.helper.get_attribute_value(each)
    return default


Followed = Sequence[Trace | None] | None
"""The traces of the outputs of a node; the last one stands for all further outputs."""

Rule = Callable[[Step], Followed]
"""Says what the axes of the outputs of a node count."""


def _same(step: Step) -> Followed:
    trace = step.trace(0)
    return None if trace is None else [trace]


def _along(step: Step) -> Followed:
    trace = step.trace(0)
    if trace is None:
        return None
    found = []
    for number in range(len(step.node.output)):
        sizes = step.sizes(len(trace.axes), number) if step.node.output[number] else None
        fits = sizes is not None and len(sizes) == len(trace.axes)
        found.append(axes.with_sizes(trace, sizes) if fits and sizes else None)
    return found


def _element_wise(step: Step) -> Followed:
    ranks = [len(each.axes) for each in step.traces]
    ranks += [len(given) for number in range(len(step.node.input)) if (given := step.given(number))]
    sizes = step.sizes(max(ranks))
    return None if sizes is None else [axes.joined(step.traces, sizes)]


def _expanded(step: Step) -> Followed:
    trace, sizes = step.trace(0), step.sizes()
    return None if trace is None or sizes is None else [axes.joined([trace], sizes)]


def _channels(axis: int) -> Rule:
    def followed(step: Step) -> Followed:
        trace = step.trace(0)
        if trace is None:
            return None
        sizes = step.sizes(len(trace.axes))
        if sizes is None or len(sizes) != len(trace.axes):
            return None
        return [axes.with_channels(trace, axis, step.name, sizes)]

    return followed


def _normalized(axis: int) -> Rule:
    """Follow a normalisation: it keeps the axes, and shows the channels if nothing did before."""

    def followed(step: Step) -> Followed:
        trace = step.trace(0)
        if trace is None:
            return None
        if any(trace.has(each, CHANNEL) for each in range(len(trace.axes))):
            return [trace, None]
        return [axes.with_channels(trace, axis, step.name, trace.sizes), None]

    return followed


def _layer_norm(step: Step) -> Followed:
    trace = step.trace(0)
    over = int(step.attribute("axis", -1))
    if trace is not None and over not in (-1, len(trace.axes) - 1):
        return [trace, None]
    followed = _normalized(-1)(step)
    # The fourth output of a fused residual is the sum that was normalised.
    return None if followed is None else [followed[0], None, None, trace]


def _product(step: Step) -> Followed:
    first, second = _PRODUCTS[step.node.op_type]
    left, right = step.trace(first), step.trace(second)
    sizes = step.sizes()
    if left is not None and right is not None:
        if sizes is None or min(len(left.axes), len(right.axes)) < 2:
            return None
        return [axes.multiplied(left, right, sizes)]
    trace = left if left is not None else right
    if trace is None:
        return None
    other = step.given(second if left is not None else first)
    rank = len(trace.axes)
    if step.node.op_type == "MatMulNBits":
        other = (None, None)
    if other is None or len(other) != 2 or rank < 2:
        return None
    sizes = step.sizes(rank)
    if sizes is None or len(sizes) != rank:
        return None
    axis = -1 if left is not None else -2
    return [axes.with_channels(trace, axis, step.name, sizes, mixes=True)]


def _recurrent(step: Step) -> Followed:
    trace = step.trace(0)
    if trace is None or len(trace.axes) != 3:
        return None
    sizes = step.sizes(4)
    if sizes is None:
        return None
    directions = 2 if step.attribute("layout", 0) else 1
    one = axes.with_channels(
        trace, -1, step.name, tuple(size for axis, size in enumerate(sizes) if axis != directions)
    )
    both = (Factor(CHANNEL, 2 if step.attribute("direction") == b"bidirectional" else 1),)
    every = (*one.axes[:directions], both, *one.axes[directions:])
    samples = one.axes[0 if step.attribute("layout", 0) else 1]
    final = (samples, both) if step.attribute("layout", 0) else (both, samples)
    return [Trace(every, step.name), Trace((*final, one.axes[2]), step.name)]


def _attended(step: Step) -> Followed:
    """Follow attention, whose heads are merged in rank 3 and apart in rank 4."""
    query, value = step.trace(0), step.trace(2)
    if query is None or len(query.axes) == 3:
        return _channels(-1)(step)
    sizes = step.sizes(len(query.axes))
    if value is None or sizes is None or not len(value.axes) == len(query.axes) == len(sizes):
        return None
    last = axes.resized(value.axes[-1], sizes[-1])
    return [Trace((*axes.with_sizes(query, sizes).axes[:-1], last), query.source), None]


def _gathered(step: Step) -> Followed:
    data, indices = step.trace(0), step.trace(1)
    axis = int(step.attribute("axis", 0))
    if data is not None and indices is None:
        rank = step.given(1)
        if rank is None:
            return None
        if not rank:
            return [axes.without(data, [axis])]
        sizes = step.sizes(len(data.axes)) if len(rank) == 1 else None
        return None if sizes is None else [axes.with_sizes(data, sizes)]
    stored = step.given(0)
    if (
        data is None
        and indices is not None
        and axis == 0
        and stored is not None
        and len(stored) == 2
    ):
        channels = (Factor(CHANNEL, stored[1]),)
        return [Trace((*indices.axes, channels), step.name)]
    return None


def _transposed(step: Step) -> Followed:
    trace = step.trace(0)
    if trace is None:
        return None
    order = step.numbers("perm", 9) or list(range(len(trace.axes)))[::-1]
    return [axes.transposed(trace, order)] if len(order) == len(trace.axes) else None


def _reshaped(step: Step) -> Followed:
    trace, sizes = step.trace(0), step.sizes()
    return None if trace is None or sizes is None else [axes.reshaped(trace, sizes)]


def _squeezed(step: Step) -> Followed:
    trace, gone = step.trace(0), step.numbers("axes", 1)
    if trace is None or gone is None:
        return _reshaped(step)
    return [axes.without(trace, gone)]


def _unsqueezed(step: Step) -> Followed:
    trace, new = step.trace(0), step.numbers("axes", 1)
    if trace is None or new is None:
        return _reshaped(step)
    return [axes.with_new(trace, new)]


def _concatenated(step: Step) -> Followed:
    axis, traces = int(step.attribute("axis", 1)), step.traces
    sizes = step.sizes(len(traces[0].axes))
    if sizes is None or any(len(each.axes) != len(sizes) for each in traces):
        return None
    return [axes.concatenated(traces, axis, sizes)]


def _reduced(step: Step) -> Followed:
    trace = step.trace(0)
    if trace is None:
        return None
    sizes = step.sizes()
    if step.attribute("keepdims", 1):
        return [axes.with_sizes(trace, sizes or trace.sizes)]
    if step.node.op_type in ("ArgMax", "ArgMin"):
        return [axes.without(trace, [int(step.attribute("axis", 0))])]
    gone = step.numbers("axes", 1)
    return None if gone is None else [axes.without(trace, gone)]


def _embedded(step: Step) -> Followed:
    trace, sizes = step.trace(0), step.sizes(3)
    if trace is None or len(trace.axes) != 2 or sizes is None:
        return None
    return [Trace((*trace.axes, (Factor(CHANNEL, sizes[2]),)), step.name), None]


def _einsum(step: Step) -> Followed:
    equation = step.attribute("equation", b"")
    assert isinstance(equation, bytes)
    left, arrow, right = equation.decode(errors="replace").replace(" ", "").partition("->")
    terms, sizes = left.split(","), step.sizes()
    if not arrow or "." in left or sizes is None or len(right) != len(sizes):
        return None
    named: dict[str, list[axes.Axis]] = {}
    for number, term in enumerate(terms):
        trace = step.trace(number)
        if trace is not None and len(trace.axes) == len(term):
            for letter, axis in zip(term, trace.axes, strict=True):
                named.setdefault(letter, []).append(axis)
    made = any(letter not in named for letter in right)
    found: list[axes.Axis] = []
    for letter, size in zip(right, sizes, strict=True):
        if letter not in named:
            found.append((Factor(CHANNEL, size),))
            continue
        axis = axes.resized(named[letter][0], size)
        old_channel = made and all(factor.kind == CHANNEL for factor in axis)
        found.append((Factor(axes.PLACE, size),) if old_channel else axis)
    source = step.name if made else next((each.source for each in step.traces if each.source), "")
    return [Trace(tuple(found), source)]


RULES: dict[str, Rule] = {
    **dict.fromkeys(ONE_BY_ONE, _same),
    **dict.fromkeys(ALONG, _along),
    **dict.fromkeys(_ELEMENT_WISE, _element_wise),
    **dict.fromkeys(_CHANNELS_SECOND, _channels(1)),
    **dict.fromkeys(_ATTENTION, _attended),
    **dict.fromkeys(_KEEP_CHANNELS, _normalized(1)),
    **dict.fromkeys(_NORMALIZE_LAST, _layer_norm),
    **dict.fromkeys(_PRODUCTS, _product),
    **dict.fromkeys(_RECURRENT, _recurrent),
    "BatchNormalization": _normalized(1),
    "Concat": _concatenated,
    "Einsum": _einsum,
    "Expand": _expanded,
    "EmbedLayerNormalization": _embedded,
    "Flatten": _reshaped,
    "Gather": _gathered,
    "Reshape": _reshaped,
    "Squeeze": _squeezed,
    "Transpose": _transposed,
    "Unsqueeze": _unsqueezed,
    "ArgMax": _reduced,
    "ArgMin": _reduced,
    **{
        f"Reduce{kind}": _reduced
        for kind in [
            "L1",
            "L2",
            "LogSum",
            "LogSumExp",
            "Max",
            "Mean",
            "Min",
            "Prod",
            "Sum",
            "SumSquare",
        ]
    },
}
