"""The contract between `invert` and the backends that run models.

A `Backend` opens a model file as a `Model`. A model lists its layers and inputs, and opens an
`Extractor` for some of its layers. An extractor turns one batch of inputs into one matrix per
layer. No backend knows anything about activation files, formulas or the search.
`invert_core.testing.BackendSuite` is the abstract test suite that every backend must pass.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import Any, ClassVar, Self

import numpy as np

from invert_core.models.layers import (
    DEVICES,
    MASK,
    POOLS,
    STATES,
    Finding,
    Layer,
    ModelInput,
    Output,
    Reading,
    shown_shape,
)
from invert_core.models.options import Option

__all__ = [
    "DEVICES",
    "MASK",
    "POOLS",
    "STATES",
    "Backend",
    "Extractor",
    "Finding",
    "Layer",
    "Model",
    "ModelInput",
    "Option",
    "Output",
    "Reading",
    "shown_shape",
]


class Extractor(ABC):
    """A model that runs on batches; as a context manager it frees the model at the end.

    A subclass must set `outputs` and `device`, and may set the others.

    Attributes
    ----------
    outputs : tuple of Output
        The layers that were asked for, under the names and in the order of the request.
    device : {"cpu", "cuda"}
        The device on which the model really runs.
    varying, mixing : tuple of str
        Parts of the model that draw at random or keep state, and parts that mix the samples of a
        batch, as far as the backend knows them: noun phrases such as "Dropout in training mode".
        A warning names them if activations turn out to change although the samples stay the same.
    """

    outputs: tuple[Output, ...]
    device: str
    varying: tuple[str, ...] = ()
    mixing: tuple[str, ...] = ()

    @abstractmethod
    def run(self, batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Compute the activations of one batch.

        Parameters
        ----------
        batch : mapping of input name to array
            Inputs of the same `b` samples, which are counted by `ModelInput.batch_axis`, where `b`
            is at least 1 and at most the batch size that the extractor was opened with.

        Returns
        -------
        dict of layer name to float32 array [b, n_units]
            Activations of every layer that was asked for. If a fixed batch size needed samples as
            padding, their rows are cut off.

        Raises
        ------
        DataError
            An input is missing, unknown, or of another shape or type than the model takes; there
            are no samples, or more than the batch size; an activation is too large for float32; or
            a flattened layer has other places than in the first batch.
        ModelError
            The model does not run on the batch, a layer has another rank, size or type than the
            extractor was opened for, or the extractor is closed.
        """

    def unit_names(self) -> dict[str, tuple[str, ...]]:
        """Return the names of the units of flattened layers, which are known after `run`.

        Returns
        -------
        dict of layer name to tuple of str
            Names such as ``channel@y,x``: the channel, and then the place on every other axis.
            Layers whose units are plain numbers are absent.
        """
        return {}

    def raw(self) -> dict[str, np.ndarray]:
        """Return the tensors that `Model.open_layers` was asked for as `raw`, from the last `run`.

        Returns
        -------
        dict of str to array
            Their values as the model computed them, with padding samples if there were any.
        """
        return {}

    @abstractmethod
    def close(self) -> None:
        """Free the model; closing twice does no harm."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Model(ABC):
    """A model that is open but does not run yet.

    A subclass must set `inputs` and `fingerprint`, and may set `settings` and `versions`.

    Attributes
    ----------
    inputs : tuple of ModelInput
        The inputs that a batch must bring.
    fingerprint : str
        SHA-256 (64 hex digits) of all that determines the model: its file and its external data.
    settings : mapping of str to JSON values
        Settings of the run that change activations; `invert` compares them like the fingerprint.
    versions : mapping of str to str
        Versions of the packages that run the model, by distribution name; `invert` records them
        and never compares them.
    """

    inputs: tuple[ModelInput, ...]
    fingerprint: str
    settings: Mapping[str, Any] = MappingProxyType({})
    versions: Mapping[str, str] = MappingProxyType({})

    def check_unchanged(self) -> None:
        """Raise a ChangedFileError if a file is no longer the one that `fingerprint` is about.

        A model that has read all of its files before it returns `fingerprint` need not do anything.
        """
        return

    def settled(self, example: Mapping[str, np.ndarray]) -> "Model":
        """Return the same model, which now knows what the first samples look like.

        Override this method for models that do not state their inputs or the shapes of their
        layers, and for models to which a batch may bring a `MASK` that they do not take.

        Parameters
        ----------
        example : mapping of input name to array [b, ...]
            The inputs that a batch will bring, usually for one sample.

        Returns
        -------
        Model
            This model itself, if there is nothing to learn.

        Raises
        ------
        DataError, ModelError
            The model does not run on the example.
        """
        return self

    def takes(self, name: str) -> bool:
        """Return whether a batch may bring this input; override it for optional inputs."""
        return any(each.name == name for each in self.inputs)

    def arranged(self, inputs: Sequence[ModelInput]) -> "Model":
        """Return the same model with inputs whose axes or values are known better.

        Parameters
        ----------
        inputs : sequence of ModelInput
            The inputs of this model with another `ModelInput.batch_axis`, `channel_axis` or
            `value`, and perhaps optional ones that it `takes`.
        """
        same = copy.copy(self)
        same.inputs = tuple(inputs)
        return same

    def metadata(self) -> Mapping[str, str]:
        """Return what the model says about itself, such as the names of its classes, as text.

        Override this method for models that hold such texts; users ask for one by its key.
        """
        return {}

    def names(self) -> Mapping[str, str]:
        """Return the module path of every layer by its name, "" if it has none.

        Override this method if listing the layers takes long.
        """
        return {each.name: each.module for each in self.layers()}

    @abstractmethod
    def layers(self) -> list[Layer]:
        """List all layers in the order of the model, also those that cannot be extracted."""

    @abstractmethod
    def open_layers(
        self,
        readings: Sequence[Reading],
        *,
        device: str = "auto",
        batch_size: int = 32,
        raw: Sequence[str] = (),
    ) -> Extractor:
        """Open the model for some of its layers.

        Parameters
        ----------
        readings : sequence of Reading
            How each layer is read; no layer repeats.
        device : {"auto", "cpu", "cuda"}
            Where the model runs. If CUDA does not work, "cuda" is an error, and "auto" uses the
            CPU and logs why: as information if the package that runs the model was built without
            CUDA, and as a warning otherwise.
        batch_size : int
            The most samples that one call of `run` may bring, at least 1.
        raw : sequence of str
            Tensors that `Extractor.raw` returns as they are after each run, with any shape and
            type, such as a state that is carried from one sample to the next. They need not be
            layers that can be extracted.

        Raises
        ------
        SettingError
            No layer is named, or a layer is named twice; there is no such pool or device; or the
            batch size is below 1.
        UnknownNameError
            There is no such layer; the hint holds the nearest names.
        ModelError
            A layer cannot be extracted or pooled in this way, or has no such channel axis, or
            nothing shows its channel axis; or the model does not load.
        MissingDependencyError
            The device is "cuda", and CUDA does not work.
        """

    def extractor(
        self,
        layers: Sequence[str],
        *,
        pool: str = "auto",
        channel_axis: int | None = None,
        device: str = "auto",
        batch_size: int = 32,
    ) -> Extractor:
        """Open the model for some layers that are all read alike; see `open_layers`."""
        if isinstance(layers, str):
            layers = ()
        return self.open_layers(
            [Reading(layer, pool, channel_axis) for layer in layers],
            device=device,
            batch_size=batch_size,
        )


class Backend(ABC):
    """A kind of model, and how to open it; the class has no state.

    Attributes
    ----------
    suffixes : tuple of str
        Suffixes of the files that this backend opens unless the user names another backend, such
        as ``(".xyz",)``.
    options : tuple of Option
        The keyword arguments that `open` and `adopt` take; all must be optional. The command line
        takes them as options. If it has an option with the same flag itself, such as ``--scale``,
        the name of the backend comes before the flag: ``--NAME-scale``.
    """

    suffixes: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[tuple[Option, ...]] = ()

    @classmethod
    def adopt(cls, model: object, **options: Any) -> Model | None:
        """Take over a model that lives in this process, such as a module of a framework.

        Parameters
        ----------
        model : object
            Any object that a user gives as a model.
        **options
            The options named in `options` that the user gave, and no others.

        Returns
        -------
        Model or None
            None if the backend does not know this kind of object.

        Raises
        ------
        ModelError
            The backend knows the object, but cannot run it.
        """
        return None

    @classmethod
    @abstractmethod
    def open(cls, target: str, **options: Any) -> Model:
        """Open a model.

        Parameters
        ----------
        target : str
            What names the model, usually a path.
        **options
            The options named in `options` that the user gave, and no others.

        Returns
        -------
        Model

        Raises
        ------
        MissingFileError
            There is no such file.
        ModelError
            The target is not a model that this backend can read.
        """

    @classmethod
    @abstractmethod
    def check(cls) -> list[Finding]:
        """Return what `invert doctor` prints for this backend: versions, what works, what does not.

        Raises
        ------
        MissingDependencyError
            The backend cannot work with the packages that are installed.
        """
