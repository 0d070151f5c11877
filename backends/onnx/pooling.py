"""How a layer is to become one number per unit."""

from dataclasses import dataclass, replace

from onnx import TensorProto

from invert_core.backends.onnx.shapes import FLOATS, BatchAxis, TensorType
from invert_core.errors import ModelError


@dataclass(frozen=True)
class Pooling:
    """What is done to a layer of `rank` axes.

    `kind` is "mean", "max", "first", "last", "flatten" or "none". Padding does not count along
    `token_axes`.
    """

    kind: str
    rank: int
    channel_axis: int
    token_axes: tuple[int, ...] = ()

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
    pool : {"auto", "mean", "max", "first", "last", "none", "flatten"}
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
        rank = {"none": 2, "first": 3, "last": 3}.get(pool, 0)
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
    if pool in ("first", "last") and rank != 3:
        raise ModelError(
            f"The layer {layer!r} has {rank} axes, and the {pool} token exists only where 3 are.",
            "Choose --pool auto or --pool max.",
        )
    return Pooling("none" if rank == 2 else pool, rank, axis)


def leave_padding_out(layer: str, pooling: Pooling, token_axes: tuple[int, ...]) -> Pooling:
    """The same pooling of a layer some of whose axes count tokens.

    Raises
    ------
    ModelError
        They cannot be flattened.
    """
    if pooling.kind == "flatten" and token_axes:
        raise ModelError(
            f"The layer {layer!r} counts tokens on axis {token_axes[0]}, of which every sample has "
            "a number of its own.",
            "Choose another --pool, such as mean or max.",
        )
    return replace(pooling, token_axes=token_axes)
