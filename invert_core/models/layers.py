"""What is said of the inputs and layers of a model, and how layers are asked for."""

from dataclasses import dataclass, field

import numpy as np

from invert_core.models.axes import NO_AXES, Axes

POOLS = ("auto", "mean", "max", "first", "last", "none", "flatten")
DEVICES = ("auto", "cpu", "cuda")
STATES = ("ok", "absent", "broken")

MASK = "attention_mask"
"""Name of the input that tells tokens (1) from padding (0): integers [samples, tokens].

Pooling over tokens leaves padding out. A batch may bring this input for a model that does not take
it, after `Model.settled` was called with an example that has it.
"""


@dataclass(frozen=True)
class ModelInput:
    """One input of a model.

    Attributes
    ----------
    name : str
        Name of the input, by which a batch brings it.
    shape : tuple of int or None, or None
        Length of every axis, None for an axis whose length may vary. None instead of a tuple means
        that the shape is unknown until a batch comes.
    dtype : numpy.dtype or None
        Type of the values; text of any length has the dtype ``str``. None means that the type is
        unknown until a batch comes.
    batch_axis : int or None
        The axis that counts the samples. None if the input holds one value for all samples, such
        as a sample rate: every batch then brings the same array, of the shape that the model takes.
    channel_axis : int or None
        The axis that counts channels, if it is known, as the layout of images says it.
    certain : bool
        False if `batch_axis` is a guess; users are then told how to correct it.
    value : array or None
        What every batch brings for an input without `batch_axis`, if that is known already.
    """

    name: str
    shape: tuple[int | None, ...] | None = None
    dtype: np.dtype | None = None
    batch_axis: int | None = 0
    channel_axis: int | None = None
    certain: bool = True
    value: np.ndarray | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Layer:
    """One layer of a model.

    Attributes
    ----------
    name : str
        Name by which users ask for the layer; no other layer of the model has it.
    module : str
        Path of the module that made the layer, by which users may ask for it, too; "" if unknown.
    op : str
        What computes the layer, such as "Conv"; shown to users and never interpreted.
    shape : tuple of int or None, or None
        Length of every axis, None for an axis whose length the model does not state; None instead
        of a tuple if the model states no shape.
    n_units : int or None
        Number of units after automatic pooling; None if the model does not state it.
    pool : str
        What automatic pooling chooses. It is "" if the layer cannot be extracted without being
        asked for its axes, and "auto" if the choice is unknown until the model has seen a sample.
    n_parameters : int or None
        Number of weights in the layer and in everything inside it; None if unknown.
    axes : Axes
        The axes that count samples and units by default, and how they are known. If `channel` is
        None although the layer has several other axes, `Reading.channel_axis` must say it.
    problem : str
        Why the layer cannot be extracted at all, as the end of a sentence; "" if it can be.
    """

    name: str
    module: str
    op: str
    shape: tuple[int | None, ...] | None
    n_units: int | None
    pool: str
    n_parameters: int | None = None
    axes: Axes = NO_AXES
    problem: str = ""


@dataclass(frozen=True)
class Reading:
    """How one layer is to be read.

    Attributes
    ----------
    layer : str
        Name or module path of the layer.
    pool : {"auto", "mean", "max", "first", "last", "none", "flatten"}
        How the axes other than those of the samples and the units become one number per unit.

        - "mean" and "max" take the mean or the maximum over these axes.
        - "first" and "last" take the first or the last token of a layer of rank 3.
        - "none" takes a layer of rank 2 as it is.
        - "auto" is "none" for ranks 1 and 2, and "mean" for every higher rank.
        - "flatten" makes every place a unit, in the order of the channel and then of the other
          axes, and `Extractor.unit_names` names the units. Axes that count tokens cannot be
          flattened.

        If a batch brings `MASK`, tokens that it marks as padding never count, whatever the
        pool, and a sample without any token is an error.
    channel_axis : int or None
        The axis that counts the units, which must not count tokens. None takes the axis that the
        model shows to hold the channels, and is an error if it does not show one.
    batch_axis : int or None
        The axis that counts the samples. None takes the axis that the model shows.
    """

    layer: str
    pool: str = "auto"
    channel_axis: int | None = None
    batch_axis: int | None = None


@dataclass(frozen=True)
class Output:
    """One layer that an extractor was opened for.

    Attributes
    ----------
    layer : str
        The name by which the layer was asked for.
    pool : str
        The pooling that is carried out, never "auto".
    axes : Axes
        The axes that count samples and units, and how they are known.
    """

    layer: str
    pool: str
    axes: Axes = NO_AXES


@dataclass(frozen=True)
class Finding:
    """One line of `invert doctor`.

    Attributes
    ----------
    subject : str
        What was checked.
    state : {"ok", "absent", "broken"}
        "absent" if it may be installed, "broken" if it must be repaired.
    finding : str
        A version, or one short sentence.
    """

    subject: str
    state: str
    finding: str


def shown_shape(shape: tuple[int | None, ...] | None) -> str:
    """Write a shape for people.

    >>> shown_shape((None, 8, 16))
    '[?, 8, 16]'
    """
    if shape is None:
        return "?"
    return "[" + ", ".join("?" if size is None else str(size) for size in shape) + "]"
