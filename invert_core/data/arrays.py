"""Samples that are arrays already, one array per model input."""

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from invert_core.data.source import Batch, Batches, DataSource
from invert_core.errors import DataError
from invert_core.sample_id import as_sample_id

_HASHED_BYTES = 2**24


class ArraySource(DataSource):
    """Rows of arrays as inputs.

    Parameters
    ----------
    arrays : mapping of input name to array [n_samples, ...]
        Of booleans, numbers or strings.
    sample_id : sequence or array [n_samples] of str, optional

    Raises
    ------
    DataError
        There is no array, one holds Python objects, lengths differ, or an id repeats.
    """

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        sample_id: Sequence[str] | np.ndarray | None = None,
    ):
        if not arrays:
            raise DataError("The data has no arrays.", "Give one array per model input.")
        for name, array in arrays.items():
            if array.dtype.kind not in "biufUS" or array.ndim < 1:
                raise DataError(
                    f"The array {name!r} has type {array.dtype} and shape {array.shape}.",
                    "Give an array of numbers whose first axis counts the samples.",
                )
        self.arrays = dict(arrays)
        self.sample_id = None if sample_id is None else as_sample_id(sample_id, "the data")
        self.settings: dict[str, Any] = {}
        lengths = {name: len(array) for name, array in self.arrays.items()}
        if self.sample_id is not None:
            lengths["sample_id"] = len(self.sample_id)
        if len(set(lengths.values())) > 1:
            counts = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
            raise DataError(
                f"The arrays have different numbers of samples: {counts}.",
                "Give arrays of one length; their first axis counts the samples.",
            )

    @functools.cached_property
    def manifest(self) -> str:
        """SHA-256 (hex) of ids, names, types, shapes and contents."""
        digest = hashlib.sha256()
        names = [[name, a.dtype.str, a.shape] for name, a in sorted(self.arrays.items())]
        digest.update(json.dumps([self.sample_id, names]).encode())
        for _, array in sorted(self.arrays.items()):
            rows = max(1, _HASHED_BYTES * len(array) // max(1, array.nbytes))
            for row in range(0, len(array), rows):
                digest.update(np.ascontiguousarray(array[row : row + rows]).tobytes())
        return digest.hexdigest()

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def batches(self, start: int, batch_size: int) -> Batches:
        """All batches from the one that holds `start` on, as `DataSource.batches` says."""
        for row in range(start // batch_size * batch_size, len(self), batch_size):
            rows = np.arange(row, min(row + batch_size, len(self)))
            yield Batch(
                rows,
                {
                    name: np.ascontiguousarray(array[row : row + batch_size])
                    for name, array in self.arrays.items()
                },
            )
