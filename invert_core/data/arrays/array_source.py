"""Samples that are arrays already, one array per model input."""

import functools
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Protocol

import numpy as np

from invert_core.data.source import Batch, Batches, DataSource
from invert_core.errors import DataError
from invert_core.values import as_sample_id

_HASHED_BYTES = 2**24


class Rows(Protocol):
    """What can be cut into batches: a NumPy array, or one in a file that is read by slices."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its first axis counts the samples."""

    @property
    def dtype(self) -> np.dtype:
        """Of booleans, numbers or strings."""

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        """Some samples as an array."""


class ArraySource(DataSource):
    """Rows of arrays as inputs.

    Parameters
    ----------
    arrays : mapping of input name to Rows [n_samples, ...]
        Arrays, or what has their `shape` and `dtype` and gives an array for a slice of rows, such
        as an ``h5py.Dataset``; of booleans, numbers or strings.
    sample_id : sequence or array [n_samples] of str, optional

    Raises
    ------
    DataError
        There is no array, one holds Python objects, lengths differ, or an id repeats.
    """

    def __init__(
        self,
        arrays: Mapping[str, Rows],
        sample_id: Sequence[str] | np.ndarray | None = None,
    ):
        if not arrays:
            raise DataError("The data has no arrays.", "Give one array per model input.")
        for name, array in arrays.items():
            if array.dtype.kind not in "biufUS" or len(array.shape) < 1:
                raise DataError(
                    f"The array {name!r} has type {array.dtype} and shape {array.shape}.",
                    "Give an array of numbers whose first axis counts the samples.",
                )
        self.arrays = dict(arrays)
        self.resources = ExitStack()  # what must stay open as long as the arrays are read
        self.sample_id = None if sample_id is None else as_sample_id(sample_id, "the data")
        self.settings: dict[str, Any] = {}
        lengths = {name: array.shape[0] for name, array in self.arrays.items()}
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
            row_bytes = math.prod(array.shape[1:]) * array.dtype.itemsize
            rows = max(1, _HASHED_BYTES // max(1, row_bytes))
            for row in range(0, len(self), rows):
                block = array[row : min(row + rows, len(self))]
                digest.update(np.ascontiguousarray(block).tobytes())
        return digest.hexdigest()

    def __len__(self) -> int:
        return next(iter(self.arrays.values())).shape[0]

    def batches(self, start: int, batch_size: int) -> Batches:
        """All batches from the one that holds `start` on, as `DataSource.batches` says."""
        for row in range(start // batch_size * batch_size, len(self), batch_size):
            stop = min(row + batch_size, len(self))
            yield Batch(
                np.arange(row, stop),
                {
                    name: np.ascontiguousarray(array[row:stop], array.dtype.newbyteorder("="))
                    for name, array in self.arrays.items()
                },
            )
