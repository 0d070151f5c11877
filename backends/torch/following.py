"""Follows the axes of samples and channels through the operators that a module calls."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from invert_core.models import axes
from invert_core.models.axes import CHANNEL, Factor, Trace, words

_log = logging.getLogger("invert")

_SAME_AXES = words(
    """
    abs acos alias asin atan avg_pool1d avg_pool2d avg_pool3d bernoulli ceil celu clamp
    clamp_max clamp_min clone constant_pad_nd copysign cos cumprod cumsum detach dropout elu
    erf exp expm1 flip floor gelu glu hardsigmoid hardswish hardtanh leaky_relu lift_fresh log
    log1p logit masked_fill max_pool2d_with_indices max_pool3d_with_indices mish
    mkldnn_max_pool2d native_dropout neg pow reciprocal reflection_pad1d reflection_pad2d
    reflection_pad3d relu relu6 replication_pad1d replication_pad2d replication_pad3d roll
    round rsqrt selu sigmoid sign silu sin slice softplus softsign sqrt square tan tanh
    threshold tril triu _adaptive_avg_pool2d _adaptive_avg_pool3d _conj_physical _log_softmax
    _prelu_kernel _softmax _to_copy adaptive_max_pool2d adaptive_max_pool3d upsample_bicubic2d
    upsample_bilinear2d upsample_linear1d upsample_nearest1d upsample_nearest2d
    upsample_nearest3d upsample_trilinear3d _upsample_bicubic2d_aa _upsample_bilinear2d_aa
    _upsample_nearest_exact1d _upsample_nearest_exact2d _fused_rms_norm
    split split_with_sizes unsafe_split unsafe_split_with_sizes chunk sort topk
    repeat index_select grid_sampler_2d grid_sampler_3d log_sigmoid_forward
    """
)
"""Operators that keep the axes of their first tensor, but not always their lengths."""
_ELEMENT_WISE = words(
    """
    add addcdiv addcmul atan2 div fmod lerp maximum minimum mul remainder rsub sub where eq ge
    gt le lt ne logical_and logical_or
    """
)
_RESHAPES = words(
    """
    view _unsafe_view _reshape_alias reshape _reshape_copy view_copy
    """
)
_SUMS = words(
    """
    sum mean amax amin var std prod norm linalg_vector_norm logsumexp max min var_mean std_mean
    """
)
_ATTENTION = words(
    """
    _scaled_dot_product_flash_attention_for_cpu _scaled_dot_product_flash_attention
    _scaled_dot_product_efficient_attention _scaled_dot_product_cudnn_attention
    _scaled_dot_product_fused_attention_overrideable
    """
)


class Following(TorchDispatchMode):
    """Keeps the trace of every tensor that depends on an input, while it is the current mode.

    Attributes
    ----------
    source : str
        The module that is running, to say what made channels.
    """

    def __init__(self) -> None:
        super().__init__()
        self.source = ""
        self._traces = WeakTensorKeyDictionary()

    def begin(self, tensor: torch.Tensor, trace: Trace) -> None:
        """Say what the axes of an input count."""
        self._traces[tensor] = trace

    def leave(self, module: torch.nn.Module, output: Any) -> None:
        """Say what a recurrent module returns: its layers and directions are not places."""
        if isinstance(module, torch.nn.RNNBase):
            states = output[1] if isinstance(output[1], tuple) else (output[1],)
            for state in states:
                trace = self.trace(state)
                if trace is not None:
                    layers = (Factor(CHANNEL, state.shape[0]),)
                    self._traces[state] = Trace((layers, *trace.axes[1:]), trace.source)

    def trace(self, tensor: object) -> Trace | None:
        """Return the trace of a tensor; None if it does not depend on an input."""
        return self._traces.get(tensor) if isinstance(tensor, torch.Tensor) else None

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call an operator, and note the traces of its results."""
        results = func(*args, **(kwargs or {}))
        self._note(func, args, kwargs or {}, results)
        return results

    def _note(
        self, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any], results: Any
    ) -> None:
        name = func._schema.name.removeprefix("aten::").removesuffix("_")
        outputs = list(results) if isinstance(results, list | tuple) else [results]
        call = Call(name, args, kwargs, outputs, self)
        if not call.traced or name.startswith("new_") or name.endswith("_like"):
            return
        followed = self._follow(call)
        for number, output in enumerate(outputs):
            if not isinstance(output, torch.Tensor) or output.layout is not torch.strided:
                continue
            found = followed[min(number, len(followed) - 1)] if followed else None
            if found is None or found.sizes != tuple(output.shape):
                found = axes.traced(tuple(output.shape))
            self._traces[output] = found

    def _follow(self, call: "Call") -> "Followed":
        try:
            return _RULES[call.name](call) if call.name in _RULES else None
        except (IndexError, KeyError, TypeError, ValueError) as error:
            # The model runs all the same, and only loses a trace that no rule foresaw.
            _log.debug("The axes behind %s are not followed: %s", call.name, error)
            return None


@dataclass(frozen=True)
class Call:
    """One call of an operator, with its results."""

    name: str
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    outputs: Sequence[Any]
    following: Following

    @property
    def traced(self) -> list[Trace]:
        """The traces of all arguments that depend on an input."""
        given: list[Any] = []
        for each in (*self.args, *self.kwargs.values()):
            given += each if isinstance(each, list | tuple) else [each]
        return [trace for each in given if (trace := self.following.trace(each)) is not None]

    def trace(self, number: int) -> Trace | None:
        """The trace of an argument; None if it does not depend on an input."""
        return self.following.trace(self.args[number]) if number < len(self.args) else None

    def argument(self, number: int, name: str, default: Any = None) -> Any:
        """The value of an argument."""
        return self.args[number] if number < len(self.args) else self.kwargs.get(name, default)

    def sizes(self, number: int = 0) -> tuple[int, ...]:
        """The lengths of the axes of a result."""
        output = self.outputs[number]
        return tuple(output.shape) if isinstance(output, torch.Tensor) else ()

    @property
    def source(self) -> str:
        """What users may know the call by."""
        return self.following.source or self.name


Followed = Sequence[Trace | None] | None
"""The traces of the results; the last one stands for all further results."""


def _same_axes(call: Call) -> Followed:
    trace = call.trace(0)
    if trace is None:
        return None
    ranks = [len(call.sizes(number)) for number in range(len(call.outputs))]
    return [
        axes.with_sizes(trace, call.sizes(number)) if rank == len(trace.axes) else None
        for number, rank in enumerate(ranks)
    ]


def _element_wise(call: Call) -> Followed:
    return [axes.joined(call.traced, call.sizes())]


def _reshaped(call: Call) -> Followed:
    trace = call.trace(0)
    return None if trace is None else [axes.reshaped(trace, call.sizes())]


def _expanded(call: Call) -> Followed:
    trace = call.trace(0)
    return None if trace is None else [axes.joined([trace], call.sizes())]


def _channels(axis: int) -> Callable[[Call], Followed]:
    def followed(call: Call) -> Followed:
        trace = call.trace(0)
        if trace is None or len(trace.axes) != len(call.sizes()):
            return None
        return [axes.with_channels(trace, axis, call.source, call.sizes()), None]

    return followed


def _normalized(axis: int) -> Callable[[Call], Followed]:
    """Follow a normalisation: it keeps the axes, and shows the channels if nothing did before."""

    def followed(call: Call) -> Followed:
        trace = call.trace(0)
        if trace is None or any(trace.has(each, CHANNEL) for each in range(len(trace.axes))):
            return [trace, None]
        return [axes.with_channels(trace, axis, call.source, call.sizes()), None]

    return followed


def _layer_norm(call: Call) -> Followed:
    if len(call.argument(1, "normalized_shape", ())) != 1:
        return [call.trace(0), None]
    return _normalized(-1)(call)


def _product(left_number: int, right_number: int) -> Callable[[Call], Followed]:
    def followed(call: Call) -> Followed:
        left, right, sizes = call.trace(left_number), call.trace(right_number), call.sizes()
        if left is not None and right is not None:
            return [axes.multiplied(left, right, sizes)]
        one = left if left is not None else right
        if one is None or len(one.axes) != len(sizes):
            return None
        axis = -1 if left is not None else -2
        return [axes.with_channels(one, axis, call.source, sizes, mixes=True)]

    return followed


def _linear(call: Call) -> Followed:
    trace = call.trace(0)
    if trace is None or len(trace.axes) != len(call.sizes()):
        return None
    return [axes.with_channels(trace, -1, call.source, call.sizes(), mixes=True)]


def _copied(call: Call) -> Followed:
    """Follow a copy into a tensor; what that is a view of is then not known any more."""
    into = call.args[0]
    if into._base is not None:
        call.following.begin(into._base, axes.traced(tuple(into._base.shape)))
    return [axes.joined(call.traced, call.sizes())]


def _attention(call: Call) -> Followed:
    query, value, sizes = call.trace(0), call.trace(2), call.sizes()
    if query is None or value is None or len(query.axes) != len(sizes):
        return None
    last = axes.resized(value.axes[-1], sizes[-1])
    return [Trace((*axes.with_sizes(query, sizes).axes[:-1], last), query.source), None]


def _transposed(call: Call) -> Followed:
    trace = call.trace(0)
    if trace is None:
        return None
    order = list(range(len(trace.axes)))
    if len(order) < 2:
        return [trace]
    first, second = (0, 1) if call.name == "t" else (call.args[1], call.args[2])
    order[first], order[second] = order[second], order[first]
    return [axes.transposed(trace, order)]


def _permuted(call: Call) -> Followed:
    trace = call.trace(0)
    return None if trace is None else [axes.transposed(trace, call.args[1])]


def _unsqueezed(call: Call) -> Followed:
    trace = call.trace(0)
    return None if trace is None else [axes.with_new(trace, [call.args[1]])]


def _squeezed(call: Call) -> Followed:
    trace, sizes = call.trace(0), call.sizes()
    if trace is None:
        return None
    given = call.argument(1, "dim")
    asked = range(len(trace.axes)) if given is None else given
    gone = [asked] if isinstance(asked, int) else list(asked)
    left = [axis for axis in gone if trace.sizes[axis] == 1]
    return [axes.without(trace, left)] if len(trace.axes) - len(left) == len(sizes) else None


def _selected(call: Call) -> Followed:
    trace = call.trace(0)
    return None if trace is None else [axes.without(trace, [call.args[1]])]


def _unbound(call: Call) -> Followed:
    trace = call.trace(0)
    return None if trace is None else [axes.without(trace, [call.argument(1, "dim", 0)])]


def _concatenated(call: Call) -> Followed:
    traces = [each for each in call.traced if len(each.axes) == len(call.sizes())]
    return [axes.concatenated(traces, call.argument(1, "dim", 0), call.sizes())] if traces else None


def _stacked(call: Call) -> Followed:
    axis, sizes = call.argument(1, "dim", 0), call.sizes()
    whole = [axes.with_new(each, [axis], [sizes[axis]]) for each in call.traced]
    return [axes.joined(whole, sizes)]


def _summed(call: Call) -> Followed:
    trace, sizes = call.trace(0), call.sizes()
    if trace is None:
        return None
    if len(sizes) == len(trace.axes):
        return [axes.with_sizes(trace, sizes)]
    over = next((each for each in call.args[1:] if isinstance(each, list | tuple)), None)
    over = call.argument(1, "dim") if over is None else over
    gone = [over] if isinstance(over, int) else over
    return [axes.without(trace, gone)] if isinstance(gone, list | tuple) and gone else None


def _embedded(call: Call) -> Followed:
    indices, sizes = call.trace(1), call.sizes()
    if indices is None:
        return None
    return [Trace((*indices.axes, (Factor(CHANNEL, sizes[-1]),)), call.source)]


def _recurrent(call: Call) -> Followed:
    """Follow a recurrent layer in one piece, whose input is [time, samples, channels]."""
    trace, sizes = call.trace(0), call.sizes()
    if trace is None or len(trace.axes) != 3:
        return None
    every = axes.with_channels(trace, -1, call.source, sizes)
    return [every, axes.without(every, [0])]


_RULES: dict[str, Callable[[Call], Followed]] = {
    **dict.fromkeys(_SAME_AXES, _same_axes),
    **dict.fromkeys(_ELEMENT_WISE, _element_wise),
    **dict.fromkeys(_RESHAPES, _reshaped),
    **dict.fromkeys(_SUMS, _summed),
    **dict.fromkeys(_ATTENTION, _attention),
    **dict.fromkeys(("convolution", "pixel_shuffle", "pixel_unshuffle"), _channels(1)),
    **dict.fromkeys(
        (
            "native_batch_norm",
            "cudnn_batch_norm",
            "miopen_batch_norm",
            "_native_batch_norm_legit",
            "_native_batch_norm_legit_no_training",
            "_batch_norm_with_update",
            "native_group_norm",
        ),
        _normalized(1),
    ),
    "native_layer_norm": _layer_norm,
    **dict.fromkeys(("mm", "bmm"), _product(0, 1)),
    **dict.fromkeys(("addmm", "baddbmm"), _product(1, 2)),
    "linear": _linear,
    "mkldnn_rnn_layer": _recurrent,
    "_cudnn_rnn": _recurrent,
    "cat": _concatenated,
    "copy": _copied,
    "stack": _stacked,
    "embedding": _embedded,
    "expand": _expanded,
    "permute": _permuted,
    "select": _selected,
    "squeeze": _squeezed,
    "t": _transposed,
    "transpose": _transposed,
    "unbind": _unbound,
    "unsqueeze": _unsqueezed,
}
