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
from typing import Self

import numpy as np

POOLS = ("auto", "mean", "max", "first", "none")
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class ModelInput:
    """One input of a model; `shape` has an int where fixed and None where it may vary."""

    name: str
    shape: tuple[int | None, ...]
    dtype: np.dtype


@dataclass(frozen=True)
class Layer:
    """One layer that can be extracted.

    `name` is what to ask for; `module` the path of the module that made it ("" if unknown), which
    may be asked for too. `shape` has None where the model does not say; `n_units` is the number
    of units after automatic pooling, None if the model does not say. `pool` is what automatic
    pooling chooses, "" where the layer cannot be extracted.
    """

    name: str
    module: str
    op: str
    shape: tuple[int | None, ...] | None
    n_units: int | None
    pool: str


@dataclass(frozen=True)
class Output:
    """One layer as an extractor was opened for it: `pool` is what is done, never "auto"."""

    layer: str
    pool: str


class Extractor(ABC):
    """Runs a model on batches; a context manager that frees what it holds."""

    outputs: tuple[Output, ...]
    device: str
    """What it really runs on: "cpu" or "cuda"."""

    @abstractmethod
    def run(self, batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Activations of one batch.

        Parameters
        ----------
        batch : mapping of input name to array [b, ...]
            `b` is at most the batch size the extractor was opened with.

        Returns
        -------
        dict of layer name to float32 array [b, n_units]
            For every layer asked for; what padding a fixed batch size needed is cut off.

        Raises
        ------
        DataError
            An input is missing, unknown, or of another shape or type than the model takes.
        """

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
    """A model that was opened but does not run yet."""

    inputs: tuple[ModelInput, ...]
    fingerprint: str
    """SHA-256 (hex) of all that determines the model: its file and its external data."""
    versions: Mapping[str, str] = MappingProxyType({})
    """Versions of what runs the model, by distribution name; recorded, never compared."""

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
        pool : {"auto", "mean", "max", "first", "none"}
            How the axes other than batch and channel become one number per unit: their mean,
            their maximum, the first token (rank 3 only), or none because there are none (rank 2).
            "auto" takes "none" for rank 2 and "mean" for every higher rank.
        channel_axis : int or None
            The axis that counts the units; None takes axis 1 for ranks 2 and 4 or more, and the
            last axis for rank 3.
        device : {"auto", "cpu", "cuda"}
            "cuda" fails where CUDA does not work; "auto" then logs one warning and uses the CPU.
        batch_size : int
            The most samples that one call of `run` brings.

        Raises
        ------
        UnknownNameError
            A layer does not exist; the hint holds the nearest names.
        ModelError
            A layer cannot be pooled in this way, or the model does not load.
        """


class Backend(ABC):
    """Opens models; has no state."""

    @classmethod
    @abstractmethod
    def open(cls, target: str) -> Model:
        """Open the model that `target` names, usually a path.

        Raises
        ------
        MissingFileError
            There is no such file.
        ModelError
            It is not a model that this backend can read.
        """

    @classmethod
    @abstractmethod
    def check(cls) -> list[tuple[str, str]]:
        """What `invert doctor` prints of this backend: pairs of a subject and its finding.

        Raises
        ------
        MissingDependencyError
            The backend cannot work as things are installed.
        """
