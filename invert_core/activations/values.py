"""Activations as values: a matrix per layer, read by blocks of units."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
import numpy.typing as npt

from invert_core import hdf5
from invert_core.errors import DataError
from invert_core.sample_id import as_sample_id, sample_name
from invert_core.values import as_floats, check_n_samples, find_nan

_BLOCK_ROWS = 1024


@dataclass(frozen=True)
class ActivationLayer:
    """The activations of one layer.

    Parameters
    ----------
    name : str
    source : ndarray or h5py.Dataset [n_samples, n_units]
        Boolean, integer or floating.
    sample_id : tuple of str or None
        Names the samples in messages.
    unit : tuple of str or None
        Names of the units where they are not plain numbers.

    Raises
    ------
    DataError
        The matrix has another type or rank, no units, or another number of unit names.
    """

    name: str
    source: np.ndarray | h5py.Dataset = field(repr=False)
    sample_id: tuple[str, ...] | None = field(default=None, repr=False)
    unit: tuple[str, ...] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        with self._named():
            _ = self.dtype
        if self.source.ndim != 2:
            raise DataError(
                f"The activations of layer {self.name!r} have shape {self.source.shape}.",
                "Pool them to [n_samples, n_units] first, for example by array.mean(axis=(2, 3)).",
            )
        if self.n_units < 1:
            raise DataError(f"Layer {self.name!r} has no units.", "Leave it out.")
        if self.unit is not None and len(self.unit) != self.n_units:
            raise DataError(
                f"Layer {self.name!r} has {self.n_units} units and {len(self.unit)} unit names.",
                "Give one name per unit.",
            )

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return self.source.shape[0]

    @property
    def n_units(self) -> int:
        """Number of units."""
        return self.source.shape[1]

    @property
    def dtype(self) -> np.dtype:
        """Type that `read` returns: float64 for float64 and integers, else float32."""
        return as_floats(np.empty(0, self._native())).dtype

    def read(self, start: int, stop: int) -> np.ndarray:
        """Activations of the units `start` to `stop`, one row per unit.

        Parameters
        ----------
        start, stop : int
            As in a slice. HDF5 files are read fastest at multiples of 64.

        Returns
        -------
        ndarray [stop - start, n_samples], float32 or float64, C-contiguous

        Raises
        ------
        DataError
            A value is NaN, or an integer is beyond 2**53.
        FileFormatError
            The file is broken at this place.
        """
        units = range(self.n_units)[start:stop]
        values = np.empty((len(units), self.n_samples), self.dtype)
        for row in range(0, self.n_samples, self._rows_at_once()):
            rows = slice(row, row + self._rows_at_once())
            values[:, rows] = self._read_rows(rows, slice(units.start, units.stop)).T
        missing = find_nan(values)
        if missing is not None:
            unit, sample = missing
            raise bad_value("is NaN", self.name, units[unit], sample_name(self.sample_id, sample))
        return values

    def _read_rows(self, rows: slice, units: slice) -> np.ndarray:
        if isinstance(self.source, h5py.Dataset):
            with hdf5.broken_file_errors(self.source):
                block = self.source[rows, units]
        else:
            block = self.source[rows, units]
        with self._named():
            return as_floats(block.astype(self._native(), copy=False))

    def _rows_at_once(self) -> int:
        # Few enough that a block is transposed within the processor's cache.
        chunks = getattr(self.source, "chunks", None)
        return max(_BLOCK_ROWS, chunks[0] if chunks else 0)

    def _native(self) -> np.dtype:
        return self.source.dtype.newbyteorder("=")

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except DataError as error:
            error.add_note(f"(Layer {self.name!r}.)")
            raise


@dataclass(frozen=True)
class Activations:
    """Layers over the same samples; a context manager that closes the file they come from.

    Parameters
    ----------
    layers : dict of str to ActivationLayer
        In the order of the file.
    sample_id : tuple of str or None
        None where samples have no ids and are matched by position.

    Raises
    ------
    DataError
        There are no layers, fewer than two samples, layers or ids of different length, or ids
        that repeat.
    """

    layers: dict[str, ActivationLayer]
    sample_id: tuple[str, ...] | None = None
    resources: contextlib.ExitStack = field(
        default_factory=contextlib.ExitStack, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if not self.layers:
            raise DataError("There are no layers in these activations.", "Give at least one.")
        for layer in self.layers.values():
            if layer.n_samples != self.n_samples:
                raise DataError(
                    f"Layer {layer.name!r} has {layer.n_samples:,} samples "
                    f"where there are {self.n_samples:,}.",
                    "All layers, and the sample ids, must have the same samples.",
                )
        check_n_samples(self.n_samples)

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        if self.sample_id is not None:
            return len(self.sample_id)
        return next(iter(self.layers.values())).n_samples

    @classmethod
    def from_array(
        cls,
        arrays: npt.ArrayLike | Mapping[str, npt.ArrayLike],
        sample_id: Sequence[str] | np.ndarray | None = None,
    ) -> Self:
        """Activations that are in memory already.

        Parameters
        ----------
        arrays : array or mapping of layer name to array
            [n_samples, n_units], or [n_samples] for one unit; boolean, integer or floating. A
            bare array is the layer ``activations``.
        sample_id : sequence or array [n_samples] of str, optional

        Raises
        ------
        DataError
            The arrays do not fit each other or are not numbers, or an id repeats.

        Examples
        --------
        >>> activations = Activations.from_array([[0.5, 3], [1.5, 2], [2.5, 1]])
        >>> activations.layers["activations"].read(0, 1)
        array([[0.5, 1.5, 2.5]])
        """
        named: Mapping[str, Any] = (
            arrays if isinstance(arrays, Mapping) else {"activations": arrays}
        )
        ids = None if sample_id is None else as_sample_id(sample_id, "the activations")
        return cls(
            {name: ActivationLayer(name, _matrix(array), ids) for name, array in named.items()},
            ids,
        )

    def close(self) -> None:
        """Close the file; the layers cannot be read afterwards."""
        self.resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def bad_value(what: str, layer: str, unit: int, sample: str) -> DataError:
    """Make the error that names a value no file may hold."""
    return DataError(
        f"The activation of unit {layer}:{unit} {what} for {sample}.",
        "Correct or leave out this sample, or leave out this layer.",
    )


def _matrix(values: npt.ArrayLike) -> np.ndarray:
    array = np.asarray(values)
    return array[:, None] if array.ndim == 1 else array
