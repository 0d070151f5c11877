"""How a layer becomes one number per unit: the rules that are the same for every backend."""

from dataclasses import dataclass, replace

import numpy as np

from invert_core.errors import DataError, ModelError


@dataclass(frozen=True)
class Pooling:
    """How a layer is pooled; the first of its axes counts the samples.

    Attributes
    ----------
    kind : {"mean", "max", "first", "last", "flatten", "none"}
        The pool, as in `invert_core.models.backend.Model.extractor`.
    rank : int
        Number of axes of the layer.
    channel_axis : int
        The axis that counts the units.
    token_axes : tuple of int
        The axes that count tokens, along which padding must be left out.
    """

    kind: str
    rank: int
    channel_axis: int
    token_axes: tuple[int, ...] = ()

    @property
    def other_axes(self) -> list[int]:
        """The axes that count neither samples nor units.

        >>> Pooling("mean", 4, 1).other_axes
        [2, 3]
        """
        return [axis for axis in range(1, self.rank) if axis != self.channel_axis]


def choose_pooling(layer: str, rank: int, pool: str, channel_axis: int | None) -> Pooling:
    """Choose how a layer is pooled.

    Parameters
    ----------
    layer : str
        Name of the layer, for messages.
    rank : int
        Number of axes of the layer, at least 2.
    pool, channel_axis
        Arguments of `invert_core.models.backend.Model.extractor`; a negative axis counts from the
        end. "mean", "max" and "flatten" leave a layer of rank 2 as it is.

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
            f"The layer {layer!r} has {rank} axes, and only a layer of 2 axes needs no pooling.",
            "Choose --pool mean, max or flatten.",
        )
    if kind in ("first", "last") and rank != 3:
        raise ModelError(
            f"The layer {layer!r} has {rank} axes, and only a layer of 3 axes has a {kind} token.",
            "Choose --pool auto or --pool max.",
        )
    return Pooling("none" if rank == 2 else kind, rank, axis)


def leave_padding_out(layer: str, pooling: Pooling, token_axes: tuple[int, ...]) -> Pooling:
    """Return the same pooling for a layer with axes that count tokens.

    Raises
    ------
    ModelError
        Such an axis would have to be flattened, or is the axis of the units.
    """
    if pooling.channel_axis in token_axes:
        raise ModelError(
            f"Axis {pooling.channel_axis} of the layer {layer!r} counts tokens, not units.",
            "Name the axis of the units with --channel-axis, or choose another layer.",
        )
    if pooling.kind == "flatten" and token_axes:
        raise ModelError(
            f"The layer {layer!r} counts tokens on axis {token_axes[0]}, and samples differ in "
            "their number of tokens.",
            "Choose another --pool, such as mean or max.",
        )
    return replace(pooling, token_axes=token_axes)


class Flattened:
    """Names of the units of a flattened layer, which are known once the model has run.

    Attributes
    ----------
    shape : tuple of int
        Shape of one sample, in the order of the axes; empty before the first sample.
    """

    def __init__(self, layer: str, pooling: Pooling):
        self.shape: tuple[int, ...] = ()
        self._layer = layer
        self._pooling = pooling

    def note(self, shape: tuple[int, ...]) -> None:
        """Record the shape of one sample.

        Raises
        ------
        DataError
            The shape differs from the shape of earlier samples.
        """
        if self.shape and shape != self.shape:
            raise DataError(
                f"The layer {self._layer!r} has shape {shape} for these samples and had shape "
                f"{self.shape} for earlier ones, so that its units are not the same.",
                "Give samples of one size, or choose another --pool.",
            )
        self.shape = shape

    def names(self) -> tuple[str, ...]:
        """Return the names of the units in order: the channel, and its place on the other axes."""
        channels = self.shape[self._pooling.channel_axis - 1]
        places = [self.shape[axis - 1] for axis in self._pooling.other_axes]
        return tuple(
            f"{channel}@{','.join(map(str, place))}"
            for channel in range(channels)
            for place in np.ndindex(*places)
        )
