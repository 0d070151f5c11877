"""Layers whose units are the channels at every place."""

import numpy as np

from invert_core.backends.onnx.pooling import Pooling
from invert_core.errors import DataError


class Flattened:
    """What the units of one layer are called, which shows when the model runs.

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
