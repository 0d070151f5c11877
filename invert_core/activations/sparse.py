"""Sparse layers: a compressed matrix (CSC) in memory or in a file, read in blocks of units."""

from dataclasses import dataclass, field
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np

from invert_core.errors import DataError
from invert_core.files.hdf5_checksums import Blocks
from invert_core.values import as_floats

_UNITS = 512
_VALUES_AT_ONCE = 2**22


@runtime_checkable
class SupportsCsc(Protocol):
    """A sparse matrix or array of `scipy.sparse`, recognised by its method."""

    def tocsc(self) -> Any:
        """The matrix in compressed sparse columns."""


@dataclass(frozen=True, eq=False)
class SparseUnits:
    """Some units of a sparse layer; a value that is not stored is 0.

    Parameters
    ----------
    n_samples : int
    indptr : int64 array [k + 1]
        Unit u has the stored values ``indptr[u]`` to ``indptr[u + 1]``; ``indptr[0]`` is 0.
    indices : int32 array [nnz]
        The sample of each stored value. No sample repeats within a unit; the order is free.
    data : float16, float32 or float64 array [nnz]
        The stored values, without NaN. They may be 0.
    """

    n_samples: int
    indptr: np.ndarray = field(repr=False)
    indices: np.ndarray = field(repr=False)
    data: np.ndarray = field(repr=False)

    def __len__(self) -> int:
        """Number of units."""
        return self.indptr.size - 1

    def __getitem__(self, unit: int) -> tuple[np.ndarray, np.ndarray]:
        """The samples and the stored values of one unit, as views."""
        at = range(len(self))[unit]
        stored = slice(self.indptr[at], self.indptr[at + 1])
        return self.indices[stored], self.data[stored]

    def part(self, start: int, stop: int) -> Self:
        """Return the units `start` to `stop`, as views."""
        first, last = self.indptr[start], self.indptr[stop]
        indptr = self.indptr[start : stop + 1] - first
        return type(self)(self.n_samples, indptr, self.indices[first:last], self.data[first:last])

    def select(self, units: np.ndarray) -> Self:
        """Select some of the units.

        Parameters
        ----------
        units : int64 array [n_selected]
            Positions of the units in this block.

        Returns
        -------
        SparseUnits
        """
        counts = np.diff(self.indptr)[units]
        indptr = _indptr(counts)
        stored = np.repeat(self.indptr[units] - indptr[:-1], counts) + np.arange(indptr[-1])
        return type(self)(self.n_samples, indptr, self.indices[stored], self.data[stored])

    def take(self, rows: np.ndarray) -> Self:
        """Take some of the samples, as ``dense.take(rows, axis=1)`` does.

        Parameters
        ----------
        rows : int64 array [n_kept]
            Distinct positions of samples in the layer.

        Returns
        -------
        SparseUnits
            The units over `n_kept` samples; sample i is the one that was at ``rows[i]``.
        """
        place = np.full(self.n_samples, -1, np.int32)
        place[rows] = np.arange(rows.size, dtype=np.int32)
        moved = place[self.indices]
        kept = moved >= 0
        return type(self)(rows.size, _indptr(kept)[self.indptr], moved[kept], self.data[kept])


@dataclass(frozen=True, eq=False)
class CscMatrix:
    """A matrix [n_samples, n_units] in compressed sparse columns.

    Parameters
    ----------
    shape : tuple of int
    indptr : integer array [n_units + 1]
        The first stored value of each unit: it must go from 0 to nnz and never fall.
    indices, data : ndarray or Blocks [nnz]
        The sample of each stored value (integers), and the values.
    """

    shape: tuple[int, int]
    indptr: np.ndarray = field(repr=False)
    indices: np.ndarray | Blocks = field(repr=False)
    data: np.ndarray | Blocks = field(repr=False)

    def __post_init__(self) -> None:
        stored = self.data.size
        if self.indices.shape != (stored,) or self.data.shape != (stored,):
            raise _broken(
                f"stores values of shape {self.data.shape} at indices of shape {self.indices.shape}"
            )
        if self.indptr.shape != (self.shape[1] + 1,):
            raise _broken(f"has indptr of shape {self.indptr.shape} for {self.shape[1]:,} units")
        indptr = self.indptr.astype(np.int64)
        if indptr[0] != 0 or indptr[-1] != stored or (indptr[1:] < indptr[:-1]).any():
            raise _broken(f"has an indptr that does not rise from 0 to its {stored:,} values")
        object.__setattr__(self, "indptr", indptr)
        crowded = np.flatnonzero(np.diff(indptr) > self.shape[0])
        if crowded.size:
            unit = int(crowded[0])
            raise _repeated(
                f"stores {indptr[unit + 1] - indptr[unit]:,} values of unit {unit} "
                f"for {self.shape[0]:,} samples"
            )

    @classmethod
    def from_sparse(cls, values: SupportsCsc) -> Self:
        """Convert a sparse matrix of another library; a matrix in CSC is not copied."""
        shape = getattr(values, "shape", ())
        if len(shape) != 2:
            raise DataError(
                f"The sparse activations have shape {shape}.", "Give [n_samples, n_units]."
            )
        matrix = values.tocsc()
        n_samples, n_units = (int(length) for length in matrix.shape)
        used = int(matrix.indptr[-1])  # SciPy's arrays may be longer than needed
        return cls((n_samples, n_units), matrix.indptr, matrix.indices[:used], matrix.data[:used])

    @property
    def ndim(self) -> int:
        """The number of axes, 2."""
        return len(self.shape)

    @property
    def read_type(self) -> np.dtype:
        """The type of the values that `read` returns, as for a dense matrix."""
        return as_floats(np.empty(0, self.data.dtype.newbyteorder("="))).dtype

    @property
    def units_at_once(self) -> int:
        """The number of units to read at once: at most 512, which store at most 4 M values."""
        width = _UNITS
        while width > 1 and self._most_values_in(width) > _VALUES_AT_ONCE:
            width //= 2
        return width

    def read(self, units: range) -> SparseUnits:
        """Read consecutive units.

        Parameters
        ----------
        units : range
            Consecutive units of the matrix.

        Returns
        -------
        SparseUnits
        """
        start, stop = (int(self.indptr[unit]) for unit in (units.start, units.stop))
        indptr = self.indptr[units.start : units.stop + 1] - start
        indices = _native(self.indices[start:stop])
        data = as_floats(_native(self.data[start:stop]))
        outside = np.flatnonzero((indices < 0) | (indices >= self.shape[0]))
        if outside.size:
            at = int(outside[0])
            raise _broken(
                f"has index {indices[at]} in unit {units[_unit_of(indptr, at)]}, "
                f"but the samples are 0 to {self.shape[0] - 1:,}"
            )
        indices = indices.astype(np.int32, copy=False)
        repeated = _find_repeated(indptr, indices, self.shape[0])
        if repeated is not None:
            unit, sample = repeated
            raise _repeated(f"stores sample {sample} of unit {units[unit]} more than once")
        return SparseUnits(self.shape[0], indptr, indices, data)

    def _most_values_in(self, width: int) -> int:
        return int(np.diff(np.append(self.indptr[:-1:width], self.indptr[-1])).max())


def find_nan(units: SparseUnits) -> tuple[int, int] | None:
    """The first unit that has a NaN, and its first sample with one; None if there is no NaN."""
    missing = np.flatnonzero(np.isnan(units.data))
    if missing.size == 0:
        return None
    unit = _unit_of(units.indptr, int(missing[0]))
    indices, data = units[unit]
    return unit, int(indices[np.isnan(data)].min())


def _find_repeated(
    indptr: np.ndarray, indices: np.ndarray, n_samples: int
) -> tuple[int, int] | None:
    unit = np.repeat(np.arange(indptr.size - 1), np.diff(indptr))
    cells = unit * n_samples + indices
    if (cells[1:] > cells[:-1]).all():  # most programs store them sorted
        return None
    cells.sort()
    repeated = cells[1:][cells[1:] == cells[:-1]]
    return None if repeated.size == 0 else divmod(int(repeated[0]), n_samples)


def _unit_of(indptr: np.ndarray, position: int) -> int:
    return int(np.searchsorted(indptr, position, side="right")) - 1


def _indptr(counts: np.ndarray) -> np.ndarray:
    indptr = np.zeros(counts.size + 1, np.int64)
    np.cumsum(counts, out=indptr[1:])
    return indptr


def _native(values: np.ndarray) -> np.ndarray:
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _broken(what: str) -> DataError:
    return DataError(f"The sparse matrix {what}.", "Make it again.")


def _repeated(what: str) -> DataError:
    return DataError(
        f"The sparse matrix {what}.",
        "Check its shape [n_samples, n_units], or call sum_duplicates() and store it again.",
    )
