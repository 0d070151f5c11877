"""How a layer becomes one number per unit, as far as that is the same for every backend."""

from dataclasses import dataclass, replace

import numpy as np

from invert_core.errors import DataError, ModelError


@dataclass(frozen=True)
class Pooling:
    """What is done to a layer of `rank` axes, of which the first counts the samples.

    `kind` is "mean", "max", "first", "last", "flatten" or "none". `token_axes` count tokens, so
    that padding has to be left out along them.
    """

    kind: str
    rank: int
    channel_axis: int
    token_axes: tuple[int, ...] = ()

    @property
    def other_axes(self) -> list[int]:
        """The axes that are neither samples nor units.

        >>> Pooling("mean", 4, 1).other_axes
        [2, 3]
        """
        return [axis for axis in range(1, self.rank) if axis != self.channel_axis]


def choose_pooling(layer: str, rank: int, pool: str, channel_axis: int | None) -> Pooling:
    """Settle how a layer is pooled.

    Parameters
    ----------
    layer : str
        For messages.
    rank : int
        The number of its axes, at least 2.
    pool, channel_axis
        As `invert_core.models.backend.Model.extractor` takes them; a negative axis is counted from
        the end. A layer of rank 2 is left as it is by "mean", "max" and "flatten".

    Returns
    -------
    Pooling

    Raises
    ------
    ModelError
        The layer cannot be pooled in this way.

    Examples
    --------
    >>> choose_pooling("conv", 4, "auto", None)
    Pooling(kind='mean', rank=4, channel_axis=1, token_axes=())
    """
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
    return Pooling("none" if rank == 2 else kind, rank, axis)


def leave_padding_out(layer: str, pooling: Pooling, token_axes: tuple[int, ...]) -> Pooling:
    """The same pooling of a layer some of whose axes count tokens.

    Raises
    ------
    ModelError
        They cannot be flattened, or are those that count the units.
    """
    if pooling.channel_axis in token_axes:
        raise ModelError(
            f"Axis {pooling.channel_axis} of the layer {layer!r} counts tokens, not units.",
            "Name the axis of the units with --channel-axis, or choose another layer.",
        )
    if pooling.kind == "flatten" and token_axes:
        raise ModelError(
            f"The layer {layer!r} counts tokens on axis {token_axes[0]}, of which every sample has "
            "a number of its own.",
            "Choose another --pool, such as mean or max.",
        )
    return replace(pooling, token_axes=token_axes)


class Flattened:
    """What the units of a flattened layer are called, which shows when the model runs.

    Attributes
    ----------
    shape : tuple of int
        Of one sample, in the order of the axes; empty before the first.
    """

    def __init__(self, layer: str, pooling: Pooling):
        self.shape: tuple[int, ...] = ()
        self._layer = layer
        self._pooling = pooling

    def note(self, shape: tuple[int, ...]) -> None:
        """Take down the shape of one sample.

        Raises
        ------
        DataError
            It is not that of the samples before.
        """
        if self.shape and shape != self.shape:
            raise DataError(
                f"The layer {self._layer!r} has shape {shape} for these samples and had "
                f"{self.shape} for those before, so that its units are not the same.",
                "Give samples of one size, or choose another --pool.",
            )
        self.shape = shape

    def names(self) -> tuple[str, ...]:
        """Names of the units in their order: the channel and its place on the other axes."""
        channels = self.shape[self._pooling.channel_axis - 1]
        places = [self.shape[axis - 1] for axis in self._pooling.other_axes]
        return tuple(
            f"{channel}@{','.join(map(str, place))}"
            for channel in range(channels)
            for place in np.ndindex(*places)
        )
