"""Samples from any iterable of batches, such as a list of arrays or a ``torch`` DataLoader."""

import functools
import hashlib
import json
import secrets
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import closing
from types import MappingProxyType
from typing import Any

import numpy as np

from invert_core.data.arrays.batch_arrays import Arrays, as_arrays, n_samples, part_of, recut
from invert_core.data.source import Batch, Batches, DataSource
from invert_core.errors import DataError
from invert_core.values import as_sample_id

_SHUFFLING = {"RandomSampler", "SubsetRandomSampler", "WeightedRandomSampler"}


class BatchSource(DataSource):
    """Batches of any size from an iterable, cut anew to the size that is asked for.

    Every pass over the samples iterates again, so an iterator can be used for one extraction only.

    Parameters
    ----------
    batches : iterable
        Each batch is an array or a tensor [b, ...], or a mapping of input name to such arrays. In a
        mapping, numbers are constants: one value for all samples, the same in every batch.
    n_samples : int, optional
        Number of samples in all batches together. It may be left out for a list or tuple of
        batches, and for a DataLoader over a data set of known length.
    sample_id : sequence [n_samples] of str, optional
        One id per sample.
    manifest : str, optional
        Text that identifies these samples in this order, such as a version of the data set. With
        it, an interrupted extraction can go on: it skips the samples that are done. Without it, a
        list or tuple is identified by its contents, and any other iterable is not identified:
        extracting from it to the same file again requires overwriting the file.
    input_name : str, optional
        The model input that takes batches without names.
    batch_axes : mapping of input name to int or None, optional
        The axis that counts the samples, if it is not the first; None makes an array a constant.

    Raises
    ------
    DataError
        `batches` is not an iterable of batches, the number of samples is not known, a loader
        shuffles, or the ids do not fit.
    """

    def __init__(
        self,
        batches: Iterable[Any],
        n_samples: int | None = None,
        sample_id: Sequence[str] | None = None,
        manifest: str | None = None,
        input_name: str | None = None,
        batch_axes: Mapping[str, int | None] = MappingProxyType({}),
    ):
        if isinstance(batches, str | bytes) or not isinstance(batches, Iterable):
            raise DataError(
                f"Data of the class {type(batches).__name__!r} cannot be read.",
                "Give a path, an array, a mapping of input name to array, an iterable of batches, "
                "or a DataSource.",
            )
        _refuse_shuffled(batches)
        self.sample_id = None if sample_id is None else as_sample_id(sample_id, "the data")
        self.settings: dict[str, Any] = {}
        self._given = batches
        self._input_name = input_name
        self._axes = batch_axes
        self._identity = manifest
        self._used = False
        self._n_samples = self._count() if n_samples is None else n_samples
        if self.sample_id is not None and len(self.sample_id) != self._n_samples:
            raise DataError(
                f"The data have {self._n_samples:,} samples and {len(self.sample_id):,} ids.",
                "Give one id per sample.",
            )

    @functools.cached_property
    def manifest(self) -> str:
        """SHA-256 (hex) of the ids with the given identity, the contents, or a random value."""
        digest = hashlib.sha256(json.dumps([self._n_samples, self.sample_id]).encode())
        if self._identity is not None:
            digest.update(self._identity.encode())
        elif not isinstance(self._given, list | tuple):
            digest.update(secrets.token_bytes())
        else:
            for arrays in self._arrays():
                for name, array in sorted(arrays.items()):
                    digest.update(json.dumps([name, array.dtype.str, array.shape]).encode())
                    digest.update(array.tobytes())
        return digest.hexdigest()

    def __len__(self) -> int:
        return self._n_samples

    def batches(self, start: int, batch_size: int) -> Batches:
        """Yield all batches from the one that holds `start`; see `DataSource.batches`."""
        first = 0
        with closing(recut(self._arrays(), batch_size, self._axes)) as batches:
            for inputs in batches:
                stop = first + n_samples(inputs, self._axes)
                if stop > self._n_samples:
                    raise self._miscounted("more")
                if stop > start:
                    yield Batch(np.arange(first, stop), inputs)
                first = stop
        if first < self._n_samples:
            raise self._miscounted(f"only {first:,}")

    def example(self) -> dict[str, np.ndarray]:
        """Return the inputs of the first sample alone; `batches` yields that sample too."""
        return part_of(self._first[0], self._axes, 0, 1)

    @property
    def constants(self) -> Arrays:  # type: ignore[override]
        """Inputs that every batch says alike."""
        return self._first[1]

    @functools.cached_property
    def _first(self) -> tuple[Arrays, Arrays]:
        """The samples and constants of the first batch, which an iterator yields only once."""
        for batch in self._given:
            return as_arrays(batch, self._input_name, 0, self._axes)
        raise self._miscounted("no")

    def _arrays(self) -> Generator[Arrays]:
        n_given = 0
        if isinstance(self._given, Iterator):
            first, _ = self._first
            if self._used:
                raise DataError(
                    "The iterator of batches was used before and is exhausted.",
                    "Make a new one, or give an object that can be iterated again, such as a list.",
                )
            self._used = True
            yield first
            n_given = 1
        for number, batch in enumerate(self._given, n_given):
            samples, constants = as_arrays(batch, self._input_name, number, self._axes)
            self._check_constants(constants, number)
            yield samples

    def _check_constants(self, constants: Arrays, number: int) -> None:
        for name in {**self.constants, **constants}:
            first, now = self.constants.get(name), constants.get(name)
            if first is None or now is None or not np.array_equal(first, now):
                raise DataError(
                    f"The input {name!r} is {_shown(now)} in batch {number} and {_shown(first)} in "
                    "batch 0, but it has no axis of samples.",
                    "Yield one value per sample, or the same in every batch.",
                )

    def _count(self) -> int:
        if isinstance(self._given, list | tuple):
            return sum(n_samples(arrays, self._axes) for arrays in self._arrays())
        known = _n_samples_of(self._given)
        if known is None:
            raise DataError(
                f"The number of samples in a {type(self._given).__name__!r} is not known.",
                "Give invert_core.data.BatchSource(batches, n_samples=...).",
            )
        return known

    def _miscounted(self, found: str) -> DataError:
        return DataError(
            f"The batches bring {found} samples where there should be {self._n_samples:,}.",
            "Give BatchSource the right n_samples, and an iterable that was not used before.",
        )


def _shown(value: np.ndarray | None) -> str:
    if value is None:
        return "missing"
    return str(value) if value.ndim == 0 else f"an array of shape {value.shape}"


def _refuse_shuffled(loader: Any) -> None:
    """Refuse a loader whose samples come in a different order every time."""
    groups = getattr(loader, "batch_sampler", None)
    for sampler in (getattr(loader, "sampler", None), groups, getattr(groups, "sampler", None)):
        classes = {each.__name__ for each in type(sampler).__mro__}
        if classes & _SHUFFLING or getattr(sampler, "shuffle", False) is True:
            raise DataError(
                "The loader shuffles, so the order of the samples is not known.",
                "Make it with shuffle=False.",
            )


def _n_samples_of(loader: Any) -> int | None:
    """The number of samples that a loader yields, or None if it does not say."""
    dataset, batch_size = getattr(loader, "dataset", None), getattr(loader, "batch_size", None)
    if not isinstance(dataset, Sized) or not isinstance(batch_size, int):
        return None
    sampler = getattr(loader, "sampler", None)
    count = len(sampler if isinstance(sampler, Sized) else dataset)
    return count - count % batch_size if getattr(loader, "drop_last", False) else count
