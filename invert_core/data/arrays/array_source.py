"""Samples that are arrays already, with one array per model input."""

import functools
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from invert_core.data.source import LEAVE_ONE, Batch, Batches, DataSource
from invert_core.errors import DataError
from invert_core.files.unchanged import Watched
from invert_core.values import as_sample_id
from invert_core.wording import first_few

_HASHED_BYTES = 2**24


class SampleArray(Protocol):
    """An array that can be cut into batches: in memory, or in a file that is read by slices."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape."""

    @property
    def dtype(self) -> np.dtype:
        """The type: booleans, numbers or strings."""

    def __getitem__(self, part: slice | tuple[slice, ...], /) -> np.ndarray:
        """Read a part as an array; without any slice, that of an array without axes."""


class ArraySource(DataSource):
    """Arrays as inputs of a model.

    Parameters
    ----------
    arrays : mapping of input name to SampleArray [n_samples, ...]
        NumPy arrays, or objects such as an ``h5py.Dataset`` that have `shape` and `dtype` and
        return an array for a slice of samples. They hold booleans, numbers or strings. Arrays
        without axes are constants: one value for all samples.
    sample_id : sequence or array [n_samples] of str, optional
        One id per sample.
    batch_axes : mapping of input name to int or None, optional
        The axis that counts the samples, if it is not the first; None makes an array a constant.

    Raises
    ------
    DataError
        There is no array of samples, an array holds Python objects or lacks the axis of the
        samples, the lengths differ, or an id repeats.
    """

    def __init__(
        self,
        arrays: Mapping[str, SampleArray],
        sample_id: Sequence[str] | np.ndarray | None = None,
        batch_axes: Mapping[str, int | None] = MappingProxyType({}),
    ):
        for name, array in arrays.items():
            if array.dtype.kind not in "biufUS":
                raise DataError(
                    f"The array {name!r} has type {array.dtype} and shape {array.shape}.",
                    "Give an array of numbers, one of whose axes counts the samples.",
                )
        self._axes = {
            name: axis
            for name, array in arrays.items()
            if array.shape and (axis := batch_axes.get(name, 0)) is not None
        }
        self.arrays = {name: arrays[name] for name in self._axes}
        self.constants = {
            name: np.asarray(array[()]) for name, array in arrays.items() if name not in self._axes
        }
        if not self.arrays:
            only = f", only the constants {first_few([*self.constants])}" if self.constants else ""
            raise DataError(
                f"The data has no arrays of samples{only}.",
                LEAVE_ONE if self.constants else "Give one array per model input.",
            )
        self.watched = Watched()
        self.resources = ExitStack()  # what must stay open as long as the arrays are read
        self.sample_id = None if sample_id is None else as_sample_id(sample_id, "the data")
        self.settings: dict[str, Any] = {}
        lengths = {name: self._length(name) for name in self.arrays}
        if self.sample_id is not None:
            lengths["sample_id"] = len(self.sample_id)
        if len(set(lengths.values())) > 1:
            counts = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
            raise DataError(
                f"The arrays have different numbers of samples: {counts}.",
                "Give arrays of one length. Samples are on the first axis unless --batch-axis says "
                "otherwise; for an input without samples, see --constant and --zeros.",
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
        names = sorted(self.arrays)
        shapes = {name: self._shape_of_sample(name) for name in names}
        kinds = json.dumps(
            [
                [name, self.arrays[name].dtype.str, shapes[name], *filter(None, [self._axes[name]])]
                for name in names
            ]
        ).encode()
        manifest = hashlib.sha256(kinds)
        manifest.update(json.dumps([self.sample_id, len(self)]).encode())
        sizes = [math.prod(shapes[name]) * self.arrays[name].dtype.itemsize for name in names]
        digests = np.empty(len(self), np.uint64)
        at_once = max(1, _HASHED_BYTES // max(1, sum(sizes)))
        for first in range(0, len(self), at_once):
            stop = min(first + at_once, len(self))
            blocks = [
                np.moveaxis(self._samples(name, first, stop), self._axes[name], 0).tobytes()
                for name in names
            ]
            hashed = _hash_samples(blocks, sizes, stop - first)
            manifest.update(hashed)
            digests[first:stop] = np.frombuffer(hashed, "<u8")[::4]
        digests ^= np.frombuffer(hashlib.sha256(kinds).digest()[:8], "<u8")
        return manifest.hexdigest(), digests

    def __len__(self) -> int:
        return self._length(next(iter(self.arrays)))

    def batches(self, start: int, batch_size: int) -> Batches:
        """Yield all batches from the one that holds `start`; see `DataSource.batches`."""
        for first in range(start // batch_size * batch_size, len(self), batch_size):
            stop = min(first + batch_size, len(self))
            yield Batch(
                np.arange(first, stop),
                {
                    name: np.ascontiguousarray(
                        self._samples(name, first, stop), array.dtype.newbyteorder("=")
                    )
                    for name, array in self.arrays.items()
                },
            )

    def check_unchanged(self) -> None:
        """Refuse a file that has changed since it was opened; see `DataSource.check_unchanged`."""
        self.watched.check()

    def _length(self, name: str) -> int:
        shape, axis = self.arrays[name].shape, self._axes[name]
        if axis >= len(shape):
            raise DataError(
                f"The array {name!r} has shape {shape}, without an axis {axis} for the samples.",
                f"Give an array with that axis, or say which one it is: --batch-axis {name}=0.",
            )
        return shape[axis]

    def _shape_of_sample(self, name: str) -> tuple[int, ...]:
        shape, axis = self.arrays[name].shape, self._axes[name]
        return shape[:axis] + shape[axis + 1 :]

    def _samples(self, name: str, first: int, stop: int) -> np.ndarray:
        axis = self._axes[name]
        if axis == 0:
            return self.arrays[name][first:stop]
        return self.arrays[name][(slice(None),) * axis + (slice(first, stop),)]


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
