"""How a layer becomes one number per unit."""

import itertools
from dataclasses import dataclass

import torch

from invert_core.backend import shown_shape
from invert_core.errors import ModelError


@dataclass(frozen=True)
class Pooling:
    """What is done to a layer of `rank` axes, of which `token_axes` count tokens.

    `kind` is "mean", "max", "first", "last", "flatten" or "none". `token_axes` is None where that
    is not known.
    """

    kind: str
    rank: int
    channel_axis: int
    token_axes: tuple[int, ...] | None

    @property
    def other_axes(self) -> list[int]:
        """The axes that are neither samples nor units."""
        return [axis for axis in range(1, self.rank) if axis != self.channel_axis]


def choose(
    layer: str,
    shape: tuple[int | None, ...],
    token_axes: tuple[int, ...] | None,
    pool: str,
    channel_axis: int | None,
) -> Pooling:
    """Settle how a layer is pooled.

    Parameters
    ----------
    layer : str
        For messages.
    shape : tuple
        At least two axes.
    token_axes : tuple of int, or None
        The axes that count tokens; None if that is not known.
    pool, channel_axis
        As `Model.extractor` takes them; the axis is counted from the end if negative.

    Returns
    -------
    Pooling

    Raises
    ------
    ModelError
        The layer cannot be pooled in this way.
    """
    rank = len(shape)
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
    if axis in (token_axes or ()):
        raise ModelError(
            f"Axis {axis} of the layer {layer!r}, of shape {shown_shape(shape)}, counts tokens, "
            "not units.",
            "Name the axis of the units with --channel-axis, or choose another layer.",
        )
    kind = ("none" if rank == 2 else "mean") if pool == "auto" else pool
    if kind == "none" and rank != 2:
        raise ModelError(
            f"The layer {layer!r} has {rank} axes, and without pooling there can only be 2.",
            "Choose --pool mean, max or flatten.",
        )
    if kind in ("first", "last") and rank != 3:
        raise ModelError(
            f"The layer {layer!r} has {rank} axes, and the {kind} token exists only where 3 are.",
            "Choose --pool auto or --pool max.",
        )
    if kind == "flatten" and token_axes:
        raise _flattened_tokens(layer)
    return Pooling("none" if rank == 2 else kind, rank, axis, token_axes)


def pooled(
    layer: str, values: torch.Tensor, pooling: Pooling, mask: torch.Tensor | None
) -> torch.Tensor:
    """Pool a layer.

    Parameters
    ----------
    layer : str
        For messages.
    values : tensor [b, ...]
        Of floats; those of less than 32 bits are widened before anything is added up.
    pooling : Pooling
        Made for layers of this rank.
    mask : bool tensor [b, tokens], optional
        True for tokens that count.

    Returns
    -------
    tensor [b, units]
        Float64 for a layer of float64, else float32; it shares no memory with `values`.

    Raises
    ------
    ModelError
        The mask does not fit the layer.
    """
    wide = values if values.dtype == torch.float64 else values.float()
    axes = _token_axes(layer, wide, pooling, mask)
    if pooling.kind == "none":
        return wide.clone()
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
    # Not by multiplication: padding may be infinite or NaN.
    if pooling.kind == "max":
        return wide.masked_fill(~counts, -torch.inf).amax(others)
    places = counts.expand(len(wide), *(_size(wide, axis, others) for axis in range(1, wide.ndim)))
    return wide.masked_fill(~counts, 0).sum(others) / places.sum(others)


def unit_names(shape: tuple[int, ...], pooling: Pooling) -> tuple[str, ...]:
    """Names of the units of a flattened layer of this shape, in the order of the units."""
    places = [
        ",".join(map(str, place))
        for place in itertools.product(*(range(shape[axis]) for axis in pooling.other_axes))
    ]
    return tuple(
        f"{channel}@{place}" for channel in range(shape[pooling.channel_axis]) for place in places
    )


def _flattened_tokens(layer: str) -> ModelError:
    return ModelError(
        f"The layer {layer!r} has as many places as a text has tokens, which differ from text to "
        "text.",
        "Choose --pool mean, max, first or last.",
    )


def _token_axes(
    layer: str, values: torch.Tensor, pooling: Pooling, mask: torch.Tensor | None
) -> tuple[int, ...]:
    """The axes to mask."""
    if mask is None or values.ndim == 2:
        return ()
    axes = pooling.token_axes
    if axes is None:
        if values.ndim > 3:
            raise ModelError(
                f"It is not known which axes of the layer {layer!r} count tokens.",
                "Call `settled` with an example that brings the mask, or leave the mask out.",
            )
        axes = tuple(pooling.other_axes)
    if pooling.kind == "flatten" and axes:
        raise _flattened_tokens(layer)
    if any(values.shape[axis] != mask.shape[1] for axis in axes):
        raise ModelError(
            f"The layer {layer!r} has the shape {tuple(values.shape)} for {mask.shape[1]} tokens, "
            "so that it cannot be seen which places are padding.",
            "Choose a layer with one place per token.",
        )
    return axes


def _counting(mask: torch.Tensor, rank: int, axes: tuple[int, ...]) -> torch.Tensor:
    """Bool [b, 1 or tokens, ...], True where all token axes are at a token that counts."""
    counts = torch.ones((1,) * rank, dtype=torch.bool, device=mask.device)
    for axis in axes:
        shape = [1] * rank
        shape[0], shape[axis] = mask.shape
        counts = counts & mask.reshape(shape)
    return counts


def _size(values: torch.Tensor, axis: int, others: list[int]) -> int:
    return values.shape[axis] if axis in others else 1


def _chosen_token(by_token: torch.Tensor, kind: str, mask: torch.Tensor | None) -> torch.Tensor:
    """Int [b], the first or last token of each sample that counts."""
    if mask is None:
        mask = torch.ones(by_token.shape[:2], dtype=torch.bool, device=by_token.device)
    if kind == "first":
        return mask.int().argmax(1)
    return mask.shape[1] - 1 - mask.flip(1).int().argmax(1)
