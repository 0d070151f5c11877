"""How a layer becomes one number per unit: the rules that are the same for every backend."""

import logging
import math
from dataclasses import dataclass, replace

import numpy as np

from invert_core.errors import DataError, ModelError
from invert_core.models.axes import TOGETHER, Axes
from invert_core.models.backend import Layer, Reading, shown_shape

_log = logging.getLogger("invert")


@dataclass(frozen=True)
class Pooling:
    """How a layer is pooled; its axis of the samples is first moved to the front.

    Attributes
    ----------
    kind : {"mean", "max", "first", "last", "flatten", "none"}
        The pool, as in `invert_core.models.backend.Reading`.
    rank : int
        Number of axes of the layer. A layer of rank 1 is one unit.
    channel_axis : int
        The axis that counts the units, once the samples are in front; 0 for a layer of rank 1.
    token_axes : tuple of int
        The axes that count tokens, along which padding must be left out.
    batch_axis : int
        The axis that counted the samples before.
    """

    kind: str
    rank: int
    channel_axis: int
    token_axes: tuple[int, ...] = ()
    batch_axis: int = 0

    @property
    def order(self) -> list[int]:
        """The axes of the layer with the samples in front.

        >>> Pooling("mean", 3, 2, batch_axis=1).order
        [1, 0, 2]
        """
        return [self.batch_axis, *(axis for axis in range(self.rank) if axis != self.batch_axis)]

    @property
    def other_axes(self) -> list[int]:
        """The axes that count neither samples nor units.

        >>> Pooling("mean", 4, 1).other_axes
        [2, 3]
        """
        return [axis for axis in range(1, self.rank) if axis != self.channel_axis]


def choose_pooling(
    reading: Reading, shape: tuple[int | None, ...], found: Axes
) -> tuple[Pooling, Axes]:
    """Choose how a layer is pooled.

    Parameters
    ----------
    reading : Reading
        How the layer is to be read; a negative axis counts from the end. "mean", "max" and
        "flatten" leave a layer of rank 2 as it is.
    shape : tuple of int or None
        Length of every axis of the layer, which has at least one; None if it is not known.
    found : Axes
        The axes that the model shows.

    Returns
    -------
    Pooling
        What is done once the axis of the samples is the first.
    Axes
        The axes of the layer itself, and how they are known.

    Raises
    ------
    ModelError
        The layer cannot be pooled in this way.

    Examples
    --------
    >>> pooling, axes = choose_pooling(Reading("conv"), (None, 8, 5, 5), Axes(0, 1, "channels"))
    >>> pooling
    Pooling(kind='mean', rank=4, channel_axis=1, token_axes=(), batch_axis=0)
    """
    rank = len(shape)
    axes = _axes(reading, shape, found)
    kind = ("none" if rank <= 2 else "mean") if reading.pool == "auto" else reading.pool
    if kind == "none" and rank > 2:
        raise ModelError(
            f"The layer {reading.layer!r} has {rank} axes, and only a layer of 2 axes needs no "
            "pooling.",
            "Choose --pool mean, max or flatten.",
        )
    if kind in ("first", "last") and rank != 3:
        raise ModelError(
            f"The layer {reading.layer!r} has {rank} axes, and only a layer of 3 axes has a {kind} "
            "token.",
            "Choose --pool auto or --pool max.",
        )
    channel = axes.channel or 0
    moved = channel + 1 if channel < axes.batch else channel
    return Pooling("none" if rank <= 2 else kind, rank, moved, batch_axis=axes.batch), axes


def _axes(reading: Reading, shape: tuple[int | None, ...], found: Axes) -> Axes:
    """Return the axes that were asked for, or else those that the model shows."""
    rank = len(shape)
    asked_batch = _asked(reading, rank, "batch", reading.batch_axis, 0)
    batch = found.batch if asked_batch is None else asked_batch
    asked = _asked(reading, rank, "channel", reading.channel_axis, 0 if batch else 1)
    channel = found.channel if asked is None else asked
    if asked == batch or (rank == 1 and asked is not None):
        raise ModelError(
            f"The layer {reading.layer!r} has {rank} {'axis' if rank == 1 else 'axes'}, and axis "
            f"{batch} counts the samples, not units.",
            "Choose another axis, or none.",
        )
    if rank == 1:
        return found if asked_batch is None else replace(found, batch=0)
    if rank == 2 and (asked_batch is not None or found.channel is not None):
        channel = 1 - batch
    if channel is not None and channel == batch:
        raise ModelError(
            f"The layer {reading.layer!r} has the shape {shown_shape(shape)}, and axis {batch} "
            f"counts the units, not the samples ({found.reason}).",
            f"If it counts the samples, say which axis counts the units, as in "
            f"-l '{reading.layer}:batch={batch},axis={_likely_axis(shape, batch)}'.",
        )
    if channel is None and found.reason.endswith(TOGETHER):
        raise ModelError(
            f"The layer {reading.layer!r} has the shape {shown_shape(shape)}, and {found.reason}.",
            "Name a layer before or behind it, which has one axis for the samples.",
        )
    if channel is None:
        example = f"{reading.layer}:axis={_likely_axis(shape, batch)}"
        raise ModelError(
            f"The layer {reading.layer!r} has the shape {shown_shape(shape)}, and {found.reason}.",
            f"Say which axis counts the units, as in -l '{example}'; "
            f"samples are taken from axis {batch} unless you add batch=AXIS.",
        )
    if (batch, channel) == (found.batch, found.channel):
        return found
    return Axes(batch, channel, "as asked")


def _likely_axis(shape: tuple[int | None, ...], batch: int) -> int:
    """Return the last axis with more than one place whose length is the same for all samples."""
    others = [axis for axis in range(len(shape)) if axis != batch]
    return next((axis for axis in others[::-1] if (shape[axis] or 1) > 1), [1, *others][-1])


def _asked(reading: Reading, rank: int, what: str, axis: int | None, lowest: int) -> int | None:
    """Return an axis that was asked for, counted from 0."""
    if axis is None:
        return None
    counted = axis + rank if axis < 0 else axis
    if not lowest <= counted < rank:
        raise ModelError(
            f"The layer {reading.layer!r} has {rank} axes, and the {what} axis cannot be {axis}.",
            f"Choose {_from_to(lowest, rank - 1)}, or -1 for the last of every layer.",
        )
    return counted


def _from_to(lowest: int, highest: int) -> str:
    return str(lowest) if lowest == highest else f"one from {lowest} to {highest}"


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
            f"Say which axis counts the units, as in -l '{layer}:axis=2', or choose another layer.",
        )
    if pooling.kind == "flatten" and token_axes:
        raise ModelError(
            f"The layer {layer!r} counts tokens on axis {token_axes[0]}, and samples differ in "
            "their number of tokens.",
            "Choose another --pool, such as mean or max.",
        )
    return replace(pooling, token_axes=token_axes)


def tell_reading(
    reading: Reading, shape: tuple[int | None, ...] | None, pooling: Pooling, axes: Axes
) -> None:
    """Log how a layer is read: as a warning if that may be wrong."""
    n_units = shape[axes.channel] if shape and axes.channel is not None else None
    said = (reading.layer, shown_shape(shape), pooling.kind, axes.channel, axes.reason)
    if not axes.certain:
        _log.warning("Layer %r has shape %s: pool %r, units on axis %s: %s.", *said)
    elif reading.channel_axis is None and pooling.rank > 2 and n_units == 1:
        _log.warning(
            "Layer %r has shape %s and a single unit on axis %s: %s. If another axis counts the "
            "units, say so, as in -l '%s:axis=%d'.",
            reading.layer,
            shown_shape(shape),
            axes.channel,
            axes.reason,
            reading.layer,
            next(axis for axis in range(pooling.rank) if axis not in (axes.batch, axes.channel)),
        )
    elif reading.pool == "auto" and pooling.kind != "none":
        _log.info("Layer %r has shape %s: pool %r, units on axis %s: %s.", *said)


def read_as(layer: Layer, reading: Reading) -> Layer:
    """Describe a layer as it would be read: with another pool or other axes than by default.

    Raises
    ------
    ModelError
        The layer cannot be read in this way.
    """
    if layer.problem or layer.shape is None:
        return layer
    pooling, axes = choose_pooling(reading, layer.shape, layer.axes)
    n_units = 1 if axes.channel is None else layer.shape[axes.channel]
    if pooling.kind == "flatten":
        sizes = [size for axis, size in enumerate(layer.shape) if axis != axes.batch]
        n_units = None if None in sizes else math.prod(size or 0 for size in sizes)
    return replace(layer, n_units=n_units, pool=pooling.kind, axes=axes)


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
