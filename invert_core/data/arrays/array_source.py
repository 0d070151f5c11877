"""Samples that are arrays already, with one array per model input."""

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


class SampleArray(Protocol):
    """An array that can be cut into batches: in memory, or in a file that is read by slices."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape; its first axis counts the samples."""

    @property
    def dtype(self) -> np.dtype:
        """The type: booleans, numbers or strings."""

    def __getitem__(self, samples: slice, /) -> np.ndarray:
        """Read some samples as an array."""


class ArraySource(DataSource):
    """Arrays as inputs of a model.

    Parameters
    ----------
    arrays : mapping of input name to SampleArray [n_samples, ...]
        NumPy arrays, or objects such as an ``h5py.Dataset`` that have `shape` and `dtype` and
        return an array for a slice of samples. They hold booleans, numbers or strings.
    sample_id : sequence or array [n_samples] of str, optional
        One id per sample.

    Raises
    ------
    DataError
        There is no array, an array holds Python objects, the lengths differ, or an id repeats.
    """

    def __init__(
        self,
        arrays: Mapping[str, SampleArray],
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

    @property
    def manifest(self) -> str:
        """SHA-256 (hex) of the ids, names, types, shapes and contents."""
        return self._identity[0]

    @property
    def sample_digests(self) -> np.ndarray:
        """The first 8 bytes of the SHA-256 of each sample, mixed with names, types and shapes."""
        return self._identity[1]

    @functools.cached_property
    def _identity(self) -> tuple[str, np.ndarray]:
        """The manifest and the digests, from a single pass over the arrays."""
        named = sorted(self.arrays.items())
        kinds = json.dumps([[name, a.dtype.str, a.shape[1:]] for name, a in named]).encode()
        manifest = hashlib.sha256(kinds)
        manifest.update(json.dumps([self.sample_id, len(self)]).encode())
        sizes = [math.prod(array.shape[1:]) * array.dtype.itemsize for _, array in named]
        digests = np.empty(len(self), np.uint64)
        at_once = max(1, _HASHED_BYTES // max(1, sum(sizes)))
        for first in range(0, len(self), at_once):
            stop = min(first + at_once, len(self))
            blocks = [np.ascontiguousarray(array[first:stop]).tobytes() for _, array in named]
            hashed = _hash_samples(blocks, sizes, stop - first)
            manifest.update(hashed)
            digests[first:stop] = np.frombuffer(hashed, "<u8")[::4]
        digests ^= np.frombuffer(hashlib.sha256(kinds).digest()[:8], "<u8")
        return manifest.hexdigest(), digests

    def __len__(self) -> int:
        return next(iter(self.arrays.values())).shape[0]

    def batches(self, start: int, batch_size: int) -> Batches:
        """Yield all batches from the one that holds `start`; see `DataSource.batches`."""
        for first in range(start // batch_size * batch_size, len(self), batch_size):
            stop = min(first + batch_size, len(self))
            yield Batch(
                np.arange(first, stop),
                {
                    name: np.ascontiguousarray(array[first:stop], array.dtype.newbyteorder("="))
                    for name, array in self.arrays.items()
                },
            )


def _hash_samples(blocks: Sequence[bytes], sizes: Sequence[int], n_samples: int) -> bytes:
    """Return the SHA-256 of each sample; it has `sizes` bytes in the blocks of the arrays."""
    views = [memoryview(block) for block in blocks]
    hashed = []
    for sample in range(n_samples):
        digest = hashlib.sha256()
        for view, size in zip(views, sizes, strict=True):
            digest.update(view[sample * size : (sample + 1) * size])
        hashed.append(digest.digest())
    return b"".join(hashed)
