"""Named binary labels of samples, one bit each."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from invert_core.errors import DataError, UnknownNameError, first_few, nearest
from invert_core.kernels.bits import pack_columns, pack_pairs, popcounts, unpack
from invert_core.text import check_text
from invert_core.values import as_bool

_BLOCK = 64
"""Concepts unpacked at a time where samples are picked."""


@dataclass(frozen=True, eq=False)
class ConceptSet:
    """Concepts and the samples that carry them.

    Attributes
    ----------
    bits : uint64 array [C, ceil(N / 64)]
        Sample i is bit ``i % 64`` of word ``i // 64``; unused bits are zero.
    n_samples : int
        N, at least 1.
    id : tuple of str, C entries
        Unique and not empty.
    name : tuple of str, C entries
        Not empty; may repeat.
    definition : tuple of str, C entries
        May be empty.
    sample_id : tuple of str with N entries, or None
        Unique and not empty. None: rows are matched with other data by position.
    parents : int64 array [E, 2]
        Indices of two concepts in each row: child, parent.

    Raises
    ------
    DataError
        On construction, if any of this does not hold.

    Examples
    --------
    >>> concepts = ConceptSet.from_arrays([[1, 0], [1, 1], [0, 1]], id=["box", "round"])
    >>> concepts.n_positive
    array([2, 2])
    >>> concepts.extent("round")
    array([False,  True,  True])
    """

    bits: np.ndarray
    n_samples: int
    id: tuple[str, ...]
    name: tuple[str, ...]
    definition: tuple[str, ...]
    sample_id: tuple[str, ...] | None
    parents: np.ndarray

    def __post_init__(self) -> None:
        if not self.id or self.n_samples < 1:
            raise DataError(
                f"A concept set needs at least one concept and one sample, "
                f"not {len(self.id)} and {self.n_samples}.",
                "Check that the labels are not empty.",
            )
        check_text("concept id", self.id, unique=True)
        _check_count("concept name", self.name, len(self.id))
        check_text("concept name", self.name)
        _check_count("concept definition", self.definition, len(self.id))
        check_text("concept definition", self.definition, may_be_empty=True)
        if self.sample_id is not None:
            _check_count("sample id", self.sample_id, self.n_samples)
            check_text("sample id", self.sample_id, unique=True)
        self._check_bits()
        self._check_parents()

    @classmethod
    def from_arrays(
        cls,
        labels: npt.ArrayLike,
        id: Sequence[str],
        name: Sequence[str] | None = None,
        definition: Sequence[str] | None = None,
        sample_id: Sequence[str] | None = None,
        parents: npt.ArrayLike | None = None,
    ) -> Self:
        """Pack a table of labels.

        Parameters
        ----------
        labels : array [N, C] of bool, or of the numbers 0 and 1
        id, name, definition, sample_id, parents
            As the attributes; by default the names are the ids, definitions are empty, and there
            are neither sample ids nor parents.

        Raises
        ------
        DataError
            A label is neither 0 nor 1 (concept and sample are named), or lengths do not fit.
        """
        table = np.asarray(labels)
        if table.ndim != 2:
            raise DataError(
                f"Labels have shape {table.shape}.",
                "Give a table of 0 and 1 with a row per sample and a column per concept.",
            )
        n_samples, n_concepts = table.shape
        if n_concepts != len(id):
            raise DataError(
                f"There are {n_concepts} columns of labels for {len(id)} concept ids.",
                "Give one id per column.",
            )

        def cell(sample: int, concept: int) -> str:
            who = f"number {sample}" if sample_id is None else repr(str(sample_id[sample]))
            return f"The label of concept {str(id[concept])!r} on sample {who}"

        bits = pack_columns(as_bool(table, cell))
        return cls._with_defaults(bits, n_samples, id, name, definition, sample_id, parents)

    @classmethod
    def from_pairs(
        cls,
        sample: npt.ArrayLike,
        concept: npt.ArrayLike,
        n_samples: int,
        id: Sequence[str],
        name: Sequence[str] | None = None,
        definition: Sequence[str] | None = None,
        sample_id: Sequence[str] | None = None,
        parents: npt.ArrayLike | None = None,
    ) -> Self:
        """Pack labels given as pairs of a sample and a concept that it carries.

        Parameters
        ----------
        sample, concept : int arrays [E]
            Indices from 0, in any order; a pair that repeats counts once.
        n_samples : int
            N.
        id, name, definition, sample_id, parents
            As in `from_arrays`.

        Raises
        ------
        DataError
            An index is out of range, or lengths do not fit.
        """
        pairs = []
        for what, indices, size in (
            ("sample", sample, n_samples),
            ("concept", concept, len(id)),
        ):
            array = np.asarray(indices)
            if array.size == 0:
                array = np.zeros(0, np.int64)
            if array.ndim != 1 or array.dtype.kind not in "iu":
                raise DataError(
                    f"The {what} indices have shape {array.shape} and type {array.dtype}.",
                    "Give a list of integers.",
                )
            if array.size and (array.min() < 0 or array.max() >= size):
                raise DataError(
                    f"The {what} indices reach from {array.min()} to {array.max()}.",
                    f"They count from 0 to {size - 1}.",
                )
            pairs.append(np.ascontiguousarray(array, dtype=np.int64))
        if pairs[0].size != pairs[1].size:
            raise DataError(
                f"There are {pairs[0].size} sample indices and {pairs[1].size} concept indices.",
                "Give as many of the one as of the other.",
            )
        bits = pack_pairs(pairs[0], pairs[1], n_samples, len(id))
        return cls._with_defaults(bits, n_samples, id, name, definition, sample_id, parents)

    @cached_property
    def n_positive(self) -> np.ndarray:
        """Number of samples that carry each concept: int64 [C]."""
        return popcounts(self.bits)

    @property
    def fraction(self) -> np.ndarray:
        """Share of the samples that carry each concept: float64 [C]."""
        return self.n_positive / self.n_samples

    @cached_property
    def repeated_names(self) -> frozenset[str]:
        """The names that several concepts have."""
        return frozenset(name for name, count in Counter(self.name).items() if count > 1)

    def index(self, id: str) -> int:
        """Row of a concept.

        Raises
        ------
        UnknownNameError
            There is no such concept; the hint holds the nearest ids.
        """
        try:
            return self._rows[id]
        except KeyError:
            named = [found for found, name in zip(self.id, self.name, strict=True) if name == id]
            guess = f"It is the name of {first_few(named)}." if named else nearest(id, self.id)
            raise UnknownNameError(
                f"There is no concept with the id {id!r}.",
                f"{guess} List all concepts with: invert concepts show CONCEPTS".lstrip(),
            ) from None

    def extent(self, id: str) -> np.ndarray:
        """Samples that carry a concept: bool [N]; raises like `index`."""
        row = self.index(id)
        return unpack(self.bits[row : row + 1], self.n_samples)[:, 0]

    def dense(self) -> np.ndarray:
        """All labels: bool [N, C]."""
        return unpack(self.bits, self.n_samples)

    def take(self, samples: npt.ArrayLike) -> Self:
        """The concepts on other samples of the set, in their order.

        Parameters
        ----------
        samples : int array [M]
            Distinct indices of samples, at least one.
        """
        rows = np.asarray(samples, dtype=np.int64)
        bits = [
            pack_columns(unpack(self.bits[first : first + _BLOCK], self.n_samples)[rows])
            for first in range(0, len(self.id), _BLOCK)
        ]
        ids = self.sample_id
        return replace(
            self,
            bits=np.concatenate(bits),
            n_samples=rows.size,
            sample_id=ids if ids is None else tuple(ids[row] for row in rows.tolist()),
        )

    def reorder(self, concepts: npt.ArrayLike) -> Self:
        """All concepts in another order.

        Parameters
        ----------
        concepts : int array [C]
            The index of each concept that is to stand first, second, and so on.
        """
        order = np.asarray(concepts, dtype=np.int64)
        place = np.argsort(order)
        return replace(
            self,
            bits=self.bits[order],
            id=tuple(self.id[row] for row in order),
            name=tuple(self.name[row] for row in order),
            definition=tuple(self.definition[row] for row in order),
            parents=place[self.parents],
        )

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {id: row for row, id in enumerate(self.id)}

    @classmethod
    def _with_defaults(
        cls,
        bits: np.ndarray,
        n_samples: int,
        id: Sequence[str],
        name: Sequence[str] | None,
        definition: Sequence[str] | None,
        sample_id: Sequence[str] | None,
        parents: npt.ArrayLike | None,
    ) -> Self:
        return cls(
            bits=bits,
            n_samples=n_samples,
            id=_strings(id),
            name=_strings(id if name is None else name),
            definition=("",) * len(id) if definition is None else _strings(definition),
            sample_id=None if sample_id is None else _strings(sample_id),
            parents=np.zeros((0, 2), np.int64) if parents is None else np.asarray(parents),
        )

    def _check_bits(self) -> None:
        shape = (len(self.id), (self.n_samples + 63) // 64)
        if self.bits.shape != shape or self.bits.dtype != np.uint64:
            raise DataError(
                f"The bits have shape {self.bits.shape} and type {self.bits.dtype}.",
                f"{shape[0]} concepts on {self.n_samples} samples are uint64 of shape {shape}.",
            )
        used = self.n_samples % 64
        if used and (self.bits[:, -1] >> np.uint64(used)).any():
            raise DataError(
                f"Bits are set behind the last of {self.n_samples} samples.",
                "Check the number of samples.",
            )
        object.__setattr__(self, "bits", np.ascontiguousarray(self.bits))

    def _check_parents(self) -> None:
        parents = self.parents if self.parents.size else np.zeros((0, 2), np.int64)
        if parents.ndim != 2 or parents.shape[1] != 2 or parents.dtype.kind not in "iu":
            raise DataError(
                f"The parents have shape {parents.shape} and type {parents.dtype}.",
                "Give a row (child, parent) of two indices for each edge.",
            )
        if parents.size and (parents.min() < 0 or parents.max() >= len(self.id)):
            raise DataError(
                f"The parents name concepts from {parents.min()} to {parents.max()}.",
                f"The concepts count from 0 to {len(self.id) - 1}.",
            )
        own = parents[:, 0] == parents[:, 1]
        if own.any():
            raise DataError(
                f"Concept {self.id[parents[own][0, 0]]!r} is named as a parent of itself.",
                "Leave this edge out.",
            )
        object.__setattr__(self, "parents", np.ascontiguousarray(parents, dtype=np.int64))


def _strings(values: Iterable[str]) -> tuple[str, ...]:
    """Plain strings for NumPy's; what is no string stays, and the check names it."""
    return tuple(str(value) if isinstance(value, str) else value for value in values)


def _check_count(what: str, values: tuple[str, ...], count: int) -> None:
    if len(values) != count:
        raise DataError(
            f"There are {len(values)} {what}s where {count} are needed.",
            f"Give one {what} for each.",
        )
