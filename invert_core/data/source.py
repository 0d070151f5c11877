"""The interface of every source of samples, and the check for models with a single input."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from invert_core.errors import DataError
from invert_core.models.backend import ModelInput
from invert_core.wording import first_few


@dataclass(frozen=True)
class Batch:
    """Some samples as inputs of a model.

    Parameters
    ----------
    rows : int64 array [b]
        Positions of the samples in the data.
    inputs : dict of input name to array [b, ...]
        The samples, one array per input; `b` may be the length of another axis than the first.
    """

    rows: np.ndarray
    inputs: dict[str, np.ndarray]


Batches = Generator[Batch, None, None]

LEAVE_ONE = (
    "Samples must fill an input: take it out of --constant, --zeros, --carry or "
    "--batch-axis NAME=none."
)
"""The hint if everything is filled without samples."""


class DataSource(ABC):
    """Samples in a fixed order, which come in batches for the inputs of a model."""

    sample_id: tuple[str, ...] | None
    """One id per sample; None if samples are known by their position only."""
    settings: dict[str, Any]
    """How samples become inputs, as JSON; {} if the samples are inputs already."""
    versions: Mapping[str, str] = MappingProxyType({})
    """Versions of the packages that make inputs from samples; recorded, never compared."""
    constants: Mapping[str, np.ndarray] = MappingProxyType({})
    """Inputs that hold the same for all samples; batches do not bring them."""
    origin: Mapping[str, str] = MappingProxyType({})
    """Where the samples can be found again: ``kind`` and ``path``, and for a table ``column``,
    ``id_column`` and ``root``; recorded, never compared. {} if they came from memory."""
    channel_axes: Mapping[str, int] = MappingProxyType({})
    """The axis that counts the channels, by the name of an input, where the data tell it."""

    @property
    @abstractmethod
    def manifest(self) -> str:
        """SHA-256 (hex) of everything that identifies the samples."""

    @property
    def sample_digests(self) -> np.ndarray | None:
        """One number per sample that changes with its content, uint64 [n_samples], or None.

        With these numbers, a stopped extraction can go on after a later sample was repaired.
        """
        return None

    @abstractmethod
    def __len__(self) -> int:
        """The number of samples."""

    @property
    def largest_batch(self) -> int:
        """The most samples that can share a batch."""
        return len(self)

    @abstractmethod
    def batches(self, start: int, batch_size: int) -> Batches:
        """Yield all batches, beginning with the one that holds sample `start`.

        Which samples share a batch depends on the batch size alone, not on `start`. Samples may
        come in any order, but the activations of a sample stay in memory until all samples before
        it have come.

        Parameters
        ----------
        start : int
            Position of the first sample that is needed.
        batch_size : int
            The largest number of samples in a batch.

        Yields
        ------
        Batch
            The first batches may hold samples before `start`; every other sample comes once.

        Raises
        ------
        DataError
            A sample cannot be read.
        """

    def check_unchanged(self) -> None:
        """Raise a ChangedFileError if a file that batches come from is not the one that was opened.

        A source that has read all of its files need not do anything.
        """
        return

    def stop(self) -> None:
        """Make `batches`, which runs in another thread, end soon.

        A source whose batches take long should abandon the current one; other sources need not do
        anything.
        """
        return

    def example(self) -> dict[str, np.ndarray]:
        """Return the inputs of the first sample alone.

        Raises
        ------
        DataError
            There is no sample, or the first one cannot be read.
        """
        with closing(self.batches(0, 1)) as batches:
            return next(batches).inputs


def single_input(inputs: Sequence[ModelInput], what: str) -> ModelInput:
    """Return the only input that samples fill; `what` names the data that fill it, for messages."""
    filled = [each for each in inputs if each.batch_axis is not None]
    if not filled:
        names = first_few([each.name for each in inputs], 8) or "none"
        raise DataError(f"No input of the model is left for {what}: {names}.", LEAVE_ONE)
    if len(filled) != 1:
        names = ", ".join(each.name for each in filled)
        raise DataError(
            f"The model has {len(filled)} inputs ({names}), but {what} fills only one.",
            "Give data with one array per input: a .npz file or a mapping; "
            "for texts, give --tokenizer. For an input that is not about the samples, say "
            "--constant NAME=VALUE or --zeros NAME; for state, --carry TENSOR=NAME.",
        )
    return filled[0]


def axes_of(inputs: Sequence[ModelInput]) -> dict[str, int | None]:
    """Return the axis that counts the samples in each input."""
    return {each.name: each.batch_axis for each in inputs}
