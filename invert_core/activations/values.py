"""Activations as values: one matrix per layer, read in blocks of units."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from invert_core.activations import dense, sparse
from invert_core.activations.groups import Groups
from invert_core.activations.sparse import CscMatrix, SparseUnits, SupportsCsc
from invert_core.activations.steadiness import Steadiness
from invert_core.activations.stored_matrix import StoredMatrix
from invert_core.errors import DataError
from invert_core.values import (
    as_array,
    as_rows,
    as_sample_id,
    check_n_samples,
    find_nan,
    sample_name,
)


@dataclass(frozen=True)
class ActivationLayer:
    """The activations of one layer.

    Parameters
    ----------
    name : str
    source : ndarray, StoredMatrix or CscMatrix [n_samples, n_units]
        The matrix; its values are boolean, integer or floating.
    sample_id : tuple of str or None
        Sample ids, which name the samples in messages.
    unit : tuple of str or None
        Names of the units if they are not plain numbers; "" for a unit without a name.
    alias : str
        Another name by which users may ask for the layer, such as the path of its module; "" if
        there is none.
    steadiness : Steadiness
        How much activations change although the samples stay the same, as far as it is known.

    Raises
    ------
    DataError
        The matrix has another type or number of axes, no units, or another number of unit names.
    """

    name: str
    source: np.ndarray | StoredMatrix | CscMatrix = field(repr=False)
    sample_id: tuple[str, ...] | None = field(default=None, repr=False)
    unit: tuple[str, ...] | None = field(default=None, repr=False)
    alias: str = field(default="", repr=False)
    steadiness: Steadiness = field(default=Steadiness(), repr=False)

    def __post_init__(self) -> None:
        with _noting(self.name):
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
    def is_sparse(self) -> bool:
        """Whether `read` returns only the stored values, as `SparseUnits`."""
        return isinstance(self.source, CscMatrix)

    @property
    def dtype(self) -> np.dtype:
        """The type that `read` returns.

        Floats keep their type; bool and integers of 8 and 16 bits become float32, longer integers
        float64.
        """
        if isinstance(self.source, CscMatrix):
            return self.source.read_type
        return dense.read_type(self.source)

    @property
    def units_at_once(self) -> int:
        """The number of units to ask `read` for, so that it is fast and memory stays bounded."""
        if isinstance(self.source, CscMatrix):
            return self.source.units_at_once
        return dense.units_at_once(self.source)

    def read(self, start: int, stop: int) -> np.ndarray | SparseUnits:
        """Read the activations of the units `start` to `stop`, each contiguous.

        Parameters
        ----------
        start, stop : int
            The units, as in a slice. Multiples of `units_at_once` are read fastest.

        Returns
        -------
        ndarray [stop - start, n_samples], float16, float32 or float64, C-contiguous
            The activations if the layer is dense.
        SparseUnits
            The stored activations if the layer is sparse.

        Raises
        ------
        DataError
            A value is NaN, an integer is beyond 2**53, or a sparse matrix is broken.
        FileFormatError
            The file is broken at this place.
        """
        first, last, _ = slice(start, stop).indices(self.n_units)
        units = range(first, max(first, last))
        block: np.ndarray | SparseUnits
        with _noting(self.name):
            if isinstance(self.source, CscMatrix):
                block = self.source.read(units)
                missing = sparse.find_nan(block)
            else:
                block = dense.read_units(self.source, units)
                missing = find_nan(block)
        if missing is not None:
            unit, sample = missing
            raise bad_value("is NaN", self.name, units[unit], sample_name(self.sample_id, sample))
        return block


@dataclass(frozen=True)
class Activations:
    """Layers over the same samples; a context manager that closes their file.

    Parameters
    ----------
    layers : dict of str to ActivationLayer
        The layers by name, in the order of the file.
    sample_id : tuple of str or None
        Sample ids; None if the samples have none and are matched by position.
    groups : Groups or None
        The group of every sample, if samples belong together.
    source : mapping of str to str
        Where the samples of an extraction can be found again, such as ``kind`` and ``path``; {} if
        that is not known.
    extraction : mapping of str to value of JSON
        The fingerprint of the extraction: the model, its layers, how they were pooled, and so on;
        {} if that is not known.
    sample_mark : uint64 [n_samples] or None
        A number for each sample that changes if the sample changes, if extraction stored one.

    Raises
    ------
    DataError
        There are no layers, there are fewer than two samples, layers or ids differ in length, or
        an id repeats.
    """

    layers: dict[str, ActivationLayer]
    sample_id: tuple[str, ...] | None = None
    groups: Groups | None = field(default=None, repr=False)
    source: Mapping[str, str] = field(default_factory=dict, repr=False)
    extraction: Mapping[str, Any] = field(default_factory=dict, repr=False)
    sample_mark: np.ndarray | None = field(default=None, repr=False)
    resources: contextlib.ExitStack = field(
        default_factory=contextlib.ExitStack, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if not self.layers:
            raise DataError("There are no layers in these activations.", "Give at least one.")
        for layer in self.layers.values():
            if layer.n_samples != self.n_samples:
                raise DataError(
                    f"Layer {layer.name!r} has {layer.n_samples:,} samples, but there are "
                    f"{self.n_samples:,}.",
                    "All layers, and the sample ids, must have the same samples.",
                )
        if self.groups is not None and self.groups.number.size != self.n_samples:
            raise DataError(
                f"There are groups for {self.groups.number.size:,} of {self.n_samples:,} samples.",
                "Every sample must have a group, or none.",
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
        arrays: npt.ArrayLike | SupportsCsc | Mapping[str, npt.ArrayLike | SupportsCsc],
        sample_id: Sequence[str] | np.ndarray | None = None,
        *,
        numbered: bool = False,
    ) -> Self:
        """Make activations of arrays in memory.

        Parameters
        ----------
        arrays : array or mapping of layer name to array
            Arrays [n_samples, n_units], or [n_samples] for one unit; boolean, integer or floating.
            A single array is the layer ``activations``. Matrices of `scipy.sparse` stay sparse.
        sample_id : sequence or array [n_samples] of str, optional
            Sample ids. By default they come from the index of a pandas object, unless it is
            0, 1, 2, …; without ids samples are matched by position.
        numbered : bool
            Whether the index 0, 1, 2, … holds sample ids, too.

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
            {"activations": arrays}
            if isinstance(arrays, SupportsCsc) or not isinstance(arrays, Mapping)
            else arrays
        )
        matrices, ids = as_rows(named, "the layer {!r}".format, read=_matrix, numbered=numbered)
        if sample_id is not None:
            ids = as_sample_id(sample_id, "the activations")
        layers = {name: ActivationLayer(name, each, ids) for name, each in matrices.items()}
        return cls(layers, ids)

    def close(self) -> None:
        """Close the file; its layers cannot be read afterwards."""
        self.resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.resources.__exit__(kind, error, trace)


def bad_value(what: str, layer: str, unit: int, sample: str) -> DataError:
    """The error that names a value that no file may hold."""
    return DataError(
        f"The activation of unit {layer}:{unit} {what} for {sample}.",
        "Correct or leave out this sample, or leave out this layer.",
    )


def _matrix(values: npt.ArrayLike | SupportsCsc, what: str) -> np.ndarray | CscMatrix:
    if isinstance(values, SupportsCsc):
        try:
            return CscMatrix.from_sparse(values)
        except DataError as error:
            error.add_note(f"(In {what}.)")
            raise
    array = as_array(values, what)
    return array[:, None] if array.ndim == 1 else array


@contextlib.contextmanager
def _noting(name: str) -> Iterator[None]:
    try:
        yield
    except DataError as error:
        error.add_note(f"(Layer {name!r}.)")
        raise
