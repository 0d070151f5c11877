"""Named binary labels of samples, one bit each."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from invert_core.concepts.sets.packing import (
    full_sets,
    pack_pairs_of,
    pack_table,
    take_samples,
    unmasked,
)
from invert_core.concepts.sets.set_checks import check_count, check_set
from invert_core.errors import DataError, UnknownNameError
from invert_core.kernels.bits import popcounts, unpack
from invert_core.wording import first_few, nearest


@dataclass(frozen=True)
class Alias:
    """A concept that was merged into another one, because both are true on the same samples.

    `concept` is the row of the other one.
    """

    id: str
    name: str
    concept: int


@dataclass(frozen=True, eq=False)
class ConceptSet:
    """Concepts and the samples that carry them.

    On some samples a concept may be undefined: nobody knows whether they carry it.

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
    defined : uint64 array [C, ceil(N / 64)], or None
        The samples on which each concept is defined, which hold those of `bits`. None: everywhere.
    aliases : tuple of Alias
        Their ids differ from each other and from `id`.

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
    defined: np.ndarray | None = None
    aliases: tuple[Alias, ...] = ()

    def __post_init__(self) -> None:
        for name, value in check_set(self).items():
            object.__setattr__(self, name, value)

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
            -1 and NaN say that the concept is not defined on the sample.
        id, name, definition, sample_id, parents
            As the attributes; by default the names are the ids, definitions are empty, and there
            are neither sample ids nor parents.

        Raises
        ------
        DataError
            A label is none of these (concept and sample are named), or lengths do not fit.
        """
        table = unmasked(labels)
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
        if sample_id is not None:
            check_count("sample id", sample_id, n_samples)

        def cell(sample: int, concept: int) -> str:
            who = f"number {sample}" if sample_id is None else repr(str(sample_id[sample]))
            return f"The label of concept {str(id[concept])!r} on sample {who}"

        bits, defined = pack_table(table, cell)
        described = _described(id, name, definition, sample_id, parents)
        return cls(bits=bits, defined=defined, n_samples=n_samples, **described)

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
        undefined: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
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
        undefined : (sample, concept), optional
            Pairs of a sample and a concept that is not defined there.

        Raises
        ------
        DataError
            An index is out of range, lengths do not fit, or a label is both carried and undefined.
        """
        bits = pack_pairs_of(sample, concept, n_samples, len(id))
        defined = None
        if undefined is not None:
            defined = full_sets(len(id), n_samples) & ~pack_pairs_of(*undefined, n_samples, len(id))
        described = _described(id, name, definition, sample_id, parents)
        return cls(bits=bits, defined=defined, n_samples=n_samples, **described)

    @cached_property
    def n_positive(self) -> np.ndarray:
        """Number of samples that carry each concept: int64 [C]."""
        return popcounts(self.bits)

    @cached_property
    def n_defined(self) -> np.ndarray:
        """Number of samples on which each concept is defined: int64 [C]."""
        if self.defined is None:
            return np.full(len(self.id), self.n_samples, np.int64)
        return popcounts(self.defined)

    @property
    def fraction(self) -> np.ndarray:
        """Share of the samples where it is defined that carry each concept: float64 [C].

        0 where a concept is defined nowhere.
        """
        return self.n_positive / np.maximum(self.n_defined, 1)

    @cached_property
    def repeated_names(self) -> frozenset[str]:
        """The names that several concepts or aliases have."""
        names = Counter([*self.name, *(alias.name for alias in self.aliases)])
        return frozenset(name for name, count in names.items() if count > 1)

    def index(self, id: str) -> int:
        """Row of a concept, or of the one that an alias was merged into.

        Raises
        ------
        UnknownNameError
            There is no such concept; the hint holds the nearest ids.
        """
        try:
            return self._rows[id]
        except KeyError:
            named = [found for found in self._rows if self.name_of(found) == id]
            then = "List all concepts with: invert concepts show CONCEPTS"
            raise UnknownNameError(
                f"There is no concept with the id {id!r}.",
                f"It is the name of {first_few(named)}. {then}"
                if named
                else nearest(id, self._rows, then),
            ) from None

    def name_of(self, id: str) -> str:
        """Name of a concept or of an alias; raises like `index`."""
        row = self.index(id)
        return self._alias_names.get(id, self.name[row])

    def extent(self, id: str) -> np.ndarray:
        """Samples that carry a concept: bool [N]; raises like `index`."""
        row = self.index(id)
        return unpack(self.bits[row : row + 1], self.n_samples)[:, 0]

    def defined_on(self, id: str) -> np.ndarray:
        """Samples on which a concept is defined: bool [N]; raises like `index`."""
        row = self.index(id)
        if self.defined is None:
            return np.ones(self.n_samples, np.bool_)
        return unpack(self.defined[row : row + 1], self.n_samples)[:, 0]

    def dense(self) -> np.ndarray:
        """All labels: bool [N, C], false where a concept is not defined."""
        return unpack(self.bits, self.n_samples)

    def take(self, samples: npt.ArrayLike) -> Self:
        """The concepts on other samples of the set, in their order.

        Parameters
        ----------
        samples : int array [M]
            Distinct indices of samples, at least one.
        """
        rows = np.asarray(samples, dtype=np.int64)
        ids = self.sample_id
        return replace(
            self,
            bits=take_samples(self.bits, self.n_samples, rows),
            defined=None
            if self.defined is None
            else take_samples(self.defined, self.n_samples, rows),
            n_samples=rows.size,
            sample_id=ids if ids is None else tuple(ids[row] for row in rows.tolist()),
        )

    def select(self, concepts: npt.ArrayLike) -> Self:
        """Some or all of the concepts, in another order.

        Parameters
        ----------
        concepts : int array [M]
            The index of each concept that is to stand first, second, and so on; at least one, none
            of them twice. Edges to other concepts and aliases of these are left out.
        """
        chosen = np.asarray(concepts, dtype=np.int64)
        place = np.full(len(self.id), -1, np.int64)
        place[chosen] = np.arange(chosen.size)
        parents = place[self.parents]
        rows = chosen.tolist()
        return replace(
            self,
            bits=self.bits[chosen],
            defined=None if self.defined is None else self.defined[chosen],
            id=tuple(self.id[row] for row in rows),
            name=tuple(self.name[row] for row in rows),
            definition=tuple(self.definition[row] for row in rows),
            parents=parents[(parents >= 0).all(axis=1)],
            aliases=tuple(
                replace(alias, concept=int(place[alias.concept]))
                for alias in self.aliases
                if place[alias.concept] >= 0
            ),
        )

    def with_aliases_apart(self, aliases: Collection[Alias]) -> Self:
        """The set in which some aliases are concepts again.

        Parameters
        ----------
        aliases : collection of Alias
            Of this set. Their concepts stand last, without definitions and parents.
        """
        rows = [*range(len(self.id)), *(alias.concept for alias in aliases)]
        apart = set(aliases)
        return replace(
            self,
            bits=self.bits[rows],
            defined=None if self.defined is None else self.defined[rows],
            id=(*self.id, *(alias.id for alias in aliases)),
            name=(*self.name, *(alias.name for alias in aliases)),
            definition=(*self.definition, *("",) * len(aliases)),
            aliases=tuple(alias for alias in self.aliases if alias not in apart),
        )

    @cached_property
    def _rows(self) -> dict[str, int]:
        rows = {alias.id: alias.concept for alias in self.aliases}
        return rows | {id: row for row, id in enumerate(self.id)}

    @cached_property
    def _alias_names(self) -> dict[str, str]:
        return {alias.id: alias.name for alias in self.aliases}


def _described(
    id: Sequence[str],
    name: Sequence[str] | None,
    definition: Sequence[str] | None,
    sample_id: Sequence[str] | None,
    parents: npt.ArrayLike | None,
) -> dict[str, Any]:
    """What a set holds besides labels, by attribute; what is absent gets its default."""
    return {
        "id": _strings(id),
        "name": _strings(id if name is None else name),
        "definition": ("",) * len(id) if definition is None else _strings(definition),
        "sample_id": None if sample_id is None else _strings(sample_id),
        "parents": np.zeros((0, 2), np.int64) if parents is None else np.asarray(parents),
    }


def _strings(values: Iterable[str]) -> tuple[str, ...]:
    """Plain strings for NumPy's; what is no string stays, and the check names it."""
    return tuple(str(value) if isinstance(value, str) else value for value in values)
