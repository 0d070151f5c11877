"""Pools the outputs of layers."""

import torch

from invert_core.errors import ModelError
from invert_core.models.pooling import Pooling


def pooled(
    layer: str, values: torch.Tensor, pooling: Pooling, mask: torch.Tensor | None
) -> torch.Tensor:
    """Pool a layer.

    Parameters
    ----------
    layer : str
        Its name, for messages.
    values : tensor [b, ...]
        The floats of the layer; types below 32 bits are widened before they are summed.
    pooling : Pooling
        How a layer of this rank is pooled.
    mask : bool tensor [b, tokens], optional
        True for tokens that count.

    Returns
    -------
    tensor [b, units]
        Float64 for a layer of float64, or else float32; it shares no memory with `values`.
    """
    wide = values if values.dtype == torch.float64 else values.float()
    wide = wide.movedim(pooling.batch_axis, 0)
    axes = _token_axes(layer, wide, pooling, mask)
    if pooling.kind == "none":
        return wide.reshape(len(wide), -1).clone()
    if pooling.kind == "flatten":
        return wide.movedim(pooling.channel_axis, 1).reshape(len(wide), -1).clone()
    if pooling.kind in ("first", "last"):
        by_token = wide.movedim(pooling.other_axes[0], 1)
        token = _chosen_token(by_token, pooling.kind, mask if axes else None)
        return by_token[torch.arange(len(wide), device=wide.device), token]
    others = pooling.other_axes
    if mask is None or not axes:
        return wide.mean(others) if pooling.kind == "mean" else wide.amax(others)
    counts = _counting(mask, wide.ndim, axes)
    # Multiplying by the mask would not do, because padding may be infinite or NaN.
    if pooling.kind == "max":
        return wide.masked_fill(~counts, -torch.inf).amax(others)
    places = counts.expand(len(wide), *(_size(wide, axis, others) for axis in range(1, wide.ndim)))
    return wide.masked_fill(~counts, 0).sum(others) / places.sum(others)


def _token_axes(
    layer: str, values: torch.Tensor, pooling: Pooling, mask: torch.Tensor | None
) -> tuple[int, ...]:
    """Return the axes to mask."""
    if mask is None:
        return ()
    axes = pooling.token_axes
    if any(values.shape[axis] != mask.shape[1] for axis in axes):
        raise ModelError(
            f"The layer {layer!r} has the shape {tuple(values.shape)} for {mask.shape[1]} tokens, "
            "so it is not known which positions are padding.",
            "Choose a layer with one position per token.",
        )
    return axes


def _counting(mask: torch.Tensor, rank: int, axes: tuple[int, ...]) -> torch.Tensor:
    """Return bool [b, 1 or tokens, ...]: True where every token axis is at a token that counts."""
    counts = torch.ones((1,) * rank, dtype=torch.bool, device=mask.device)
    for axis in axes:
        shape = [1] * rank
        shape[0], shape[axis] = mask.shape
        counts = counts & mask.reshape(shape)
    return counts


def _size(values: torch.Tensor, axis: int, others: list[int]) -> int:
    return values.shape[axis] if axis in others else 1


def _chosen_token(by_token: torch.Tensor, kind: str, mask: torch.Tensor | None) -> torch.Tensor:
    """Return int [b]: the position of the first or last token that counts in each sample."""
    if mask is None:
        mask = torch.ones(by_token.shape[:2], dtype=torch.bool, device=by_token.device)
    if kind == "first":
        return mask.int().argmax(1)
    return mask.shape[1] - 1 - mask.flip(1).int().argmax(1)
