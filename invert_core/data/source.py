"""What every source of samples offers."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

Batches = Generator[dict[str, np.ndarray], None, None]


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

    @abstractmethod
    def __len__(self) -> int:
        """Give the number of samples."""

    @abstractmethod
    def batches(self, start: int, batch_size: int) -> Batches:
        """Inputs from sample `start` on.

        Parameters
        ----------
        start : int
        batch_size : int
            Every batch has this many samples, only the last may have fewer.

        Yields
        ------
        dict of input name to array [b, ...]

        Raises
        ------
        DataError
            A sample cannot be read.
        """
