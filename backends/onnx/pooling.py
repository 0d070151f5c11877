"""Which layers can be extracted, and how they are pooled."""

from onnx import TensorProto

from invert_core.backends.onnx.shapes import FLOATS, BatchAxis, TensorType
from invert_core.errors import ModelError
from invert_core.models.pooling import Pooling, choose_pooling


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
    pool, channel_axis
        As `choose_pooling` takes them.

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
    return choose_pooling(layer, rank, pool, channel_axis)
