"""What an activation file is made for, and how large that makes it."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from invert_core.activations import layout
from invert_core.activations.writing.sparse_rows import BYTES_PER_VALUE, VALUES_AT_ONCE

STRUCTURE_BYTES = 2**20
"""What HDF5 stores beside values and strings, on the safe side; and of each string and chunk:"""

_BYTES_PER_STRING = 64
_BYTES_PER_CHUNK = 100


@dataclass(frozen=True)
class Contents:
    """What an activation file is made for; `sparse` names the layers that become sparse."""

    n_samples: int
    n_units: Mapping[str, int]
    dtype: np.dtype
    sample_id: tuple[str, ...] | None
    fingerprint: Mapping[str, Any]
    versions: Mapping[str, str]
    sparse: frozenset[str] = frozenset()
    unit_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    marks: np.ndarray | None = None

    @property
    def bytes_of_structure(self) -> int:
        """What the file holds besides activations, at the most."""
        strings = itertools.chain(self.sample_id or (), *self.unit_names.values())
        of_strings = sum(len(text.encode()) + _BYTES_PER_STRING for text in strings)
        n_chunks = sum(count for count, _ in self._matrices())
        of_marks = 0 if self.marks is None else self.marks.nbytes
        return STRUCTURE_BYTES + of_strings + of_marks + n_chunks * _BYTES_PER_CHUNK

    @property
    def bytes_of_matrices(self) -> int:
        """What the dense layers take, in whole chunks."""
        return sum(n_chunks * size for n_chunks, size in self._matrices())

    def bytes_of_file(self, nonzero: Mapping[str, float]) -> int:
        """About what the finished file takes, from the share of values that are not 0."""
        stored = self.dtype.itemsize + layout.COLUMNS["indices"].itemsize
        of_columns = sum(
            self.n_units[name] * layout.COLUMNS["indptr"].itemsize
            + int(self._cells(name) * nonzero[name]) * stored
            for name in self.sparse
        )
        return self.bytes_of_structure - STRUCTURE_BYTES + self.bytes_of_matrices + of_columns

    def bytes_in_memory(self, nonzero: Mapping[str, float]) -> int:
        """About what rows that wait take, and sparse layers when they are put in columns."""
        stripe = min(self.n_samples, layout.STRIPE_ROWS) / self.n_samples
        of_stripe = sum(
            self._cells(name)
            * stripe
            * (2 * nonzero[name] if name in self.sparse else 1)
            * self.dtype.itemsize
            for name in self.n_units
        )
        n_values = [int(self._cells(name) * nonzero[name]) for name in self.sparse]
        of_columns = min(max(n_values, default=0), VALUES_AT_ONCE) * BYTES_PER_VALUE
        return int(of_stripe) + of_columns

    def _cells(self, layer: str) -> int:
        return self.n_samples * self.n_units[layer]

    def _matrices(self) -> Iterator[tuple[int, int]]:
        """The number of chunks of every dense layer, and the bytes of each."""
        for name, count in self.n_units.items():
            if name not in self.sparse:
                rows, units = layout.chunks(self.n_samples, count)
                n_chunks = -(-self.n_samples // rows) * -(-count // units)
                yield n_chunks, rows * units * self.dtype.itemsize
