"""Opens models, and lists their layers as they would be read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from invert_core.data.images.preprocess import LAYOUTS
from invert_core.errors import SettingError
from invert_core.extraction.feed import Feed, with_beside
from invert_core.models.backend import Layer, Model, Reading
from invert_core.models.layer_names import described
from invert_core.values import or_default
from invert_core.wording import choice

ModelSource = str | Path | Model | object
"""A path, ``backend:target``, an open model, or an object that a backend knows."""


def list_layers(
    model: ModelSource,
    backend: str | None = None,
    model_options: Mapping[str, Any] | None = None,
    *,
    layers: Sequence[str] = ("*",),
    channel_axis: int | None = None,
    layout: str | None = None,
    feed: Feed | None = None,
) -> list[Layer]:
    """Return the layers of a model, in its order, as `extract` would read them.

    Parameters
    ----------
    model : path, Model, or object such as a torch.nn.Module
    backend : str, optional
        The backend that opens the model; by default its name or class decides.
    model_options : mapping, optional
        Options of the backend, such as ``{"weights": "model.safetensors"}``.
    layers : sequence of str
        Names, module paths or patterns with options, as `extract` takes them. A layer that fits
        several is read as the first one says, and a name counts before any pattern.
    channel_axis : int, optional
        The axis that counts the units, where no option of a layer says it.
    layout : {"NCHW", "NHWC"}, optional
        The order of the axes of images in the inputs of the model.
    feed : Feed, optional
        Inputs that samples do not fill; their values may decide the shapes of layers.

    Returns
    -------
    list of Layer
        A layer that cannot be read in this way has a `problem`, or a reason in its `axes`.

    Raises
    ------
    MissingFileError, ModelError, UnknownNameError, MissingDependencyError, SettingError
        The model or its backend cannot be opened, or an option of a layer or input is wrong.
    """
    feed = or_default(feed, Feed)
    opened = feed.arranged(open_any(model, backend, model_options))
    beside = feed.beside(opened)
    images = {} if layout is None else _images(opened, layout)
    known = with_beside(opened, beside, images).layers()
    return described(known, layers, Reading("", channel_axis=channel_axis))


def open_any(model: ModelSource, backend: str | None, options: Mapping[str, Any] | None) -> Model:
    """Open a model, unless it is open already."""
    if isinstance(model, Model):
        return model
    from invert_core.models.registry import open_model

    return open_model(model, backend, options)


def _images(model: Model, layout: str) -> dict[str, int]:
    """Return the axis of the channels in every input that may be images."""
    if layout not in LAYOUTS:
        raise choice("layout", layout, LAYOUTS)
    images = [each.name for each in model.inputs if each.shape and len(each.shape) == 4]
    if not images:
        raise SettingError(
            "The model states no input with 4 axes, as images have.", "Leave --layout out."
        )
    return dict.fromkeys(images, LAYOUTS[layout])
