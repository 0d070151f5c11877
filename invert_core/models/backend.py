"""The contract between `invert` and whatever runs a model.

A backend opens a model file as a `Model`; a model lists its layers and inputs and opens an
`Extractor` for some of them; an extractor turns one batch of inputs into one matrix per layer. It
knows nothing of files of activations, formulas or the search. `invert_core.testing.BackendSuite`
is the abstract test suite that every backend passes.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Any, ClassVar, Self

import numpy as np

from invert_core.models.options import Option

POOLS = ("auto", "mean", "max", "first", "last", "none", "flatten")
DEVICES = ("auto", "cpu", "cuda")
STATES = ("ok", "absent", "broken")

MASK = "attention_mask"
"""An input of this name, integers [samples, tokens], has 1 for tokens that count and 0 for padding.

Pooling over tokens leaves padding out. A batch may bring it for a model that does not take it, once
`Model.settled` was called with an example that has it.
"""


@dataclass(frozen=True)
class ModelInput:
    """One input of a model; `shape` has an int where fixed and None where it may vary.

    The first axis counts the samples. Text of any length has the dtype ``str``. A shape or dtype
    of None is not known before a batch comes.
    """

    name: str
    shape: tuple[int | None, ...] | None = None
    dtype: np.dtype | None = None


@dataclass(frozen=True)
class Layer:
    """One layer that can be extracted.

    `name` is what to ask for; `module` the path of the module that made it ("" if unknown), which
    may be asked for too. `shape` has None where the model does not say; `n_units` is the number
    of units after automatic pooling, None if the model does not say. `pool` is what automatic
    pooling chooses, "" where the layer cannot be extracted, and "auto" where that shows only when
    the model has seen a sample. `n_parameters` counts the weights that the layer itself and what
    is inside it hold, None if that is unknown.
    """

    name: str
    module: str
    op: str
    shape: tuple[int | None, ...] | None
    n_units: int | None
    pool: str
    n_parameters: int | None = None


@dataclass(frozen=True)
class Output:
    """One layer as an extractor was opened for it: `pool` is what is done, never "auto"."""

    layer: str
    pool: str


@dataclass(frozen=True)
class Finding:
    """One line of `invert doctor`, with one short sentence or a version as the finding.

    `state` is "ok", "absent" (may be installed) or "broken" (must be repaired).
    """

    subject: str
    state: str
    finding: str


def shown_shape(shape: tuple[int | None, ...] | None) -> str:
    """Write a shape as people see it.

    >>> shown_shape((None, 8, 16))
    '[?, 8, 16]'
    """
    if shape is None:
        return "?"
    return "[" + ", ".join("?" if size is None else str(size) for size in shape) + "]"


class Extractor(ABC):
    """Runs a model on batches; a context manager that frees what it holds.

    A subclass sets these attributes.

    Attributes
    ----------
    outputs : tuple of Output
        The layers asked for, by the names and in the order in which they were asked for.
    device : {"cpu", "cuda"}
        What it really runs on.
    """

    outputs: tuple[Output, ...]
    device: str

    @abstractmethod
    def run(self, batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Activations of one batch.

        Parameters
        ----------
        batch : mapping of input name to array [b, ...]
            `b` is 1 to the batch size that the extractor was opened with, the same for every
            input.

        Returns
        -------
        dict of layer name to float32 array [b, n_units]
            For every layer asked for; what padding a fixed batch size needed is cut off.

        Raises
        ------
        DataError
            An input is missing, unknown, or of another shape or type than the model takes; or
            there are no samples, or more than the batch size; or an activation is too large for
            float32, or the places of a flattened layer are not those of the first batch.
        ModelError
            The model does not run on the batch, or a layer is not what it was to be; or the
            extractor was closed.
        """

    def unit_names(self) -> dict[str, tuple[str, ...]]:
        """Names of the units of flattened layers, known once `run` was called.

        Returns
        -------
        dict of layer name to tuple of str
            ``channel@y,x``, in general the channel and then the place on every other axis. Layers
            whose units are plain numbers are absent.
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
    """A model that was opened but does not run yet.

    A subclass sets these attributes; `settings` and `versions` may be left out.

    Attributes
    ----------
    inputs : tuple of ModelInput
        What a batch has to bring; the first axis of each counts the samples.
    fingerprint : str
        SHA-256 (64 hex digits) of all that determines the model: its file and its external data.
    settings : mapping of str to JSON values
        How the model is run, as far as that changes activations; compared like the fingerprint.
    versions : mapping of str to str
        Versions of what runs the model, by distribution name; recorded, never compared.
    """

    inputs: tuple[ModelInput, ...]
    fingerprint: str
    settings: Mapping[str, Any] = MappingProxyType({})
    versions: Mapping[str, str] = MappingProxyType({})

    def settled(self, example: Mapping[str, np.ndarray]) -> "Model":
        """The same model, knowing what the first samples look like.

        For models that do not state their inputs or the shapes of their layers themselves, and
        for masks (`MASK`) that a model does not take.

        Parameters
        ----------
        example : mapping of input name to array [b, ...]
            What a batch will bring, mostly for one sample.

        Returns
        -------
        Model
            This one, if there is nothing to learn.

        Raises
        ------
        DataError, ModelError
            The model does not run on the example.
        """
        return self

    @abstractmethod
    def layers(self) -> list[Layer]:
        """All layers in the order of the model."""

    @abstractmethod
    def extractor(
        self,
        layers: Sequence[str],
        *,
        pool: str = "auto",
        channel_axis: int | None = None,
        device: str = "auto",
        batch_size: int = 32,
    ) -> Extractor:
        """Open the model for some of its layers.

        Parameters
        ----------
        layers : sequence of str
            Names or module paths, each once.
        pool : {"auto", "mean", "max", "first", "last", "none", "flatten"}
            How the axes other than batch and channel become one number per unit: their mean,
            their maximum, the first or the last token (rank 3 only), or none because there are
            none (rank 2). "auto" takes "none" for rank 2 and "mean" for every higher rank.
            "flatten" makes a unit of every place, channel first, then the other axes in their
            order, and `Extractor.unit_names` says which; axes that count tokens cannot be
            flattened. Where a batch brings `MASK`, tokens that it marks as padding never count,
            whatever the pool, and a sample without any token is an error.
        channel_axis : int or None
            The axis that counts the units; None takes axis 1 for ranks 2 and 4 or more, and the
            last axis for rank 3. An axis that counts tokens cannot be it.
        device : {"auto", "cpu", "cuda"}
            "cuda" fails where CUDA does not work; "auto" then uses the CPU and logs why: as a
            warning, or as information where what runs the model was built without CUDA.
        batch_size : int
            The most samples that one call of `run` brings, at least 1.

        Raises
        ------
        SettingError
            No layer is named, or one twice; or the pool, the device or the batch size is none
            that there can be.
        UnknownNameError
            A layer does not exist; the hint holds the nearest names.
        ModelError
            A layer cannot be extracted or pooled in this way, or has no such channel axis; or the
            model does not load.
        MissingDependencyError
            The device is "cuda", and CUDA does not work.
        """


class Backend(ABC):
    """Opens models; has no state.

    Attributes
    ----------
    suffixes : tuple of str
        Suffixes of files, such as ``(".xyz",)``, that are opened with this backend unless another
        is named.
    options : tuple of Option
        The keyword arguments that `open` and `adopt` take, none of them required. The command
        line takes them as options; one that has the flag of an option of its own, such as
        ``--scale``, gets the name of the backend before it: ``--NAME-scale``.
    """

    suffixes: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[tuple[Option, ...]] = ()

    @classmethod
    def adopt(cls, model: object, **options: Any) -> Model | None:
        """Take over a model that lives in this process, such as a module of a framework.

        Returns
        -------
        Model or None
            None where this is no object that the backend knows.

        Raises
        ------
        ModelError
            It knows the object, but cannot run it.
        """
        return None

    @classmethod
    @abstractmethod
    def open(cls, target: str, **options: Any) -> Model:
        """Open the model that `target` names, usually a path.

        Parameters
        ----------
        target : str
        **options
            Those named in `options` that were given; nobody passes others.

        Raises
        ------
        MissingFileError
            There is no such file.
        ModelError
            It is not a model that this backend can read.
        """

    @classmethod
    @abstractmethod
    def check(cls) -> list[Finding]:
        """What `invert doctor` prints of this backend: versions, and what works and what not.

        Raises
        ------
        MissingDependencyError
            The backend cannot work as things are installed.
        """
