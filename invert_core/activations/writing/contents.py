"""The contents of an activation file before it is written, and the space that they take."""

import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from invert_core.activations import layout
from invert_core.activations.groups import Groups
from invert_core.activations.steadiness import Steadiness
from invert_core.activations.writing.sparse_rows import BYTES_PER_VALUE, VALUES_AT_ONCE
from invert_core.files.fingerprint import as_stored
from invert_core.values import as_sample_id

STRUCTURE_BYTES = 2**20
"""A safe bound on what HDF5 stores besides values, strings and chunks."""

_BYTES_PER_STRING = 64
_BYTES_PER_CHUNK = 104
_BYTES_PER_LAYER = 2**13


@dataclass(frozen=True, eq=False)
class Origin:
    """What the activations of a file are made from, known before they are computed.

    Parameters
    ----------
    n_samples : int
    fingerprint : mapping
        All that determines the values, as JSON.
    sample_id : tuple of str, optional
    versions : mapping of str to str
        Versions of packages, which are recorded but never compared.
    dtype : {"float32", "float16"}
        The type of the values in the file.
    sparse : collection of str
        Layers to store as compressed sparse columns.
    sample_digests : uint64 array [n_samples], optional
        A number that identifies the content of each sample.
    groups : Groups, optional
        The group of each sample.
    aliases : mapping of layer name to str
        Another name of each layer that has one.
    source : mapping of str to str
        Where the samples can be found again; recorded, never compared.
    """

    n_samples: int
    fingerprint: Mapping[str, Any]
    sample_id: tuple[str, ...] | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    dtype: str = "float32"
    sparse: Collection[str] = ()
    sample_digests: np.ndarray | None = None
    groups: Groups | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
    source: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fingerprint", as_stored(self.fingerprint))
        if self.sample_id is not None:
            object.__setattr__(self, "sample_id", as_sample_id(self.sample_id, "the data"))

    @property
    def type_in_file(self) -> np.dtype:
        """The type of the values in the file, little-endian on every machine."""
        return np.dtype(self.dtype).newbyteorder("<")


@dataclass(frozen=True)
class Contents:
    """A planned activation file; `unit_names` is for layers whose units are not plain numbers."""

    origin: Origin
    n_units: Mapping[str, int]
    unit_names: Mapping[str, tuple[str, ...]]
    steadiness: Mapping[str, Steadiness] = field(default_factory=dict)

    @property
    def sparse(self) -> frozenset[str]:
        """The layers that will be sparse."""
        return frozenset(self.origin.sparse)

    @property
    def bytes_of_structure(self) -> int:
        """An upper bound on what the file holds besides activations."""
        groups = self.origin.groups
        strings = itertools.chain(
            self.origin.sample_id or (),
            () if groups is None else groups.names,
            *self.unit_names.values(),
        )
        of_strings = sum(len(text.encode()) + _BYTES_PER_STRING for text in strings)
        n_chunks = sum(count for count, _ in self._matrices())
        digests = self.origin.sample_digests
        of_samples = 0 if digests is None else digests.nbytes
        of_samples += 0 if groups is None else groups.number.nbytes
        of_layers = len(self.n_units) * _BYTES_PER_LAYER + n_chunks * _BYTES_PER_CHUNK
        return STRUCTURE_BYTES + of_strings + of_samples + of_layers

    @property
    def bytes_of_matrices(self) -> int:
        """The space of the dense layers, in whole chunks."""
        return sum(n_chunks * size for n_chunks, size in self._matrices())

    def bytes_of_file(self, nonzero: Mapping[str, float]) -> int:
        """The approximate size of the finished file, from the share of values that are not 0."""
        stored = self.origin.type_in_file.itemsize + layout.COLUMNS["indices"].itemsize
        of_columns = sum(
            self.n_units[name] * layout.COLUMNS["indptr"].itemsize
            + int(self._cells(name) * nonzero[name]) * stored
            for name in self.sparse
        )
        return self.bytes_of_structure - STRUCTURE_BYTES + self.bytes_of_matrices + of_columns

    def bytes_in_memory(self, nonzero: Mapping[str, float]) -> int:
        """The approximate memory for rows that wait, and for putting sparse layers in columns."""
        stripe = min(self.origin.n_samples, layout.STRIPE_ROWS) / self.origin.n_samples
        of_stripe = sum(
            self._cells(name)
            * stripe
            * (2 * nonzero[name] if name in self.sparse else 1)
            * self.origin.type_in_file.itemsize
            for name in self.n_units
        )
        n_values = [int(self._cells(name) * nonzero[name]) for name in self.sparse]
        of_columns = min(max(n_values, default=0), VALUES_AT_ONCE) * BYTES_PER_VALUE
        return int(of_stripe) + of_columns

    def _cells(self, layer: str) -> int:
        return self.origin.n_samples * self.n_units[layer]

    def _matrices(self) -> Iterator[tuple[int, int]]:
        """Yield the number of chunks of every dense layer, and the bytes of one chunk."""
        for name, count in self.n_units.items():
            if name not in self.sparse:
                rows, units = layout.chunks(self.origin.n_samples, count)
                n_chunks = -(-self.origin.n_samples // rows) * -(-count // units)
                yield n_chunks, rows * units * self.origin.type_in_file.itemsize
