"""What every source of samples offers, and data that fill the one input of a model."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from invert_core.errors import DataError
from invert_core.models.backend import ModelInput


@dataclass(frozen=True)
class Batch:
    """Some samples as inputs of a model.

    Parameters
    ----------
    rows : int64 array [b]
        Which samples these are.
    inputs : dict of input name to array [b, ...]
    """

    rows: np.ndarray
    inputs: dict[str, np.ndarray]


Batches = Generator[Batch, None, None]


class DataSource(ABC):
    """Samples in a fixed order, in batches for the inputs of a model."""

    sample_id: tuple[str, ...] | None
    """One id per sample; None where samples are known by their position only."""
    settings: dict[str, Any]
    """How samples become inputs, as JSON; {} where they are inputs already."""
    versions: Mapping[str, str] = MappingProxyType({})
    """Versions of what makes inputs of samples, by distribution name; recorded, never compared."""

    @property
    @abstractmethod
    def manifest(self) -> str:
        """SHA-256 (hex) of what identifies the samples."""

    @property
    def sample_digests(self) -> np.ndarray | None:
        """A number that identifies the content of each sample: uint64 [n_samples]; None if unknown.

        With them an extraction that stopped can be resumed after a later sample was repaired.
        """
        return None

    @abstractmethod
    def __len__(self) -> int:
        """Give the number of samples."""

    @abstractmethod
    def batches(self, start: int, batch_size: int) -> Batches:
        """All batches from the one that holds sample `start` on.

        Which samples share a batch depends on the batch size alone, not on `start`. Samples may
        come out of their order; what the model makes of them is held in memory until all samples
        before them have come.

        Parameters
        ----------
        start : int
        batch_size : int
            The most samples of a batch.

        Yields
        ------
        Batch
            The first ones may hold samples before `start`; every later sample comes once.

        Raises
        ------
        DataError
            A sample cannot be read.
        """

    def stop(self) -> None:
        """Let `batches`, which a thread runs, end soon: no more of them are wanted.

        A source whose batches take long leaves one in the midst; others need not do anything.
        """
        return

    def example(self) -> dict[str, np.ndarray]:
        """Inputs of the first sample alone.

        Raises
        ------
        DataError
            There is none, or it cannot be read.
        """
        with closing(self.batches(0, 1)) as batches:
            return next(batches).inputs


def single_input(inputs: Sequence[ModelInput], what: str) -> ModelInput:
    """The only input of a model, which `what` is to fill.

    Raises
    ------
    DataError
        The model has another number of inputs.
    """
    if len(inputs) != 1:
        names = ", ".join(each.name for each in inputs)
        raise DataError(
            f"The model has {len(inputs)} inputs ({names}), but {what} fills only one.",
            "Give data with one array per input: a .npz file or a mapping; "
            "for texts, give --tokenizer.",
        )
    return inputs[0]
