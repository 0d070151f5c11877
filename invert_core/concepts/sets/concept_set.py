"""The concept set: named binary marks of samples, one bit each."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from invert_core.concepts.sets.packing import (
    as_marks,
    full_sets,
    pack_pairs_of,
    pack_table,
    take_samples,
)
from invert_core.concepts.sets.set_checks import check_count, check_set
from invert_core.errors import DataError, UnknownNameError
from invert_core.formula.names import ambiguous_names
from invert_core.kernels.bits import popcounts, unpack
from invert_core.values import as_rows
from invert_core.wording import first_few, nearest


@dataclass(frozen=True)
class Alias:
    """A concept that was merged into another one, because both are true on the same samples.

    `concept` is the concept index of the other one.
    """

    id: str
    name: str
    concept: int


@dataclass(frozen=True, eq=False)
class ConceptSet:
    """Concepts and the samples that carry them.

    A concept may be undefined on some samples: nobody knows whether they carry it.

    Attributes
    ----------
    bits : uint64 array [C, ceil(N / 64)]
        The extent of each concept: sample i is bit ``i % 64`` of word ``i // 64``, and unused bits
        are 0.
    n_samples : int
        N, the number of samples; at least 1.
    id : tuple of str, C entries
        Concept ids, which are unique and not empty.
    name : tuple of str, C entries
        Names of the concepts, which are not empty but may repeat.
    definition : tuple of str, C entries
        Definitions of the concepts, which may be empty.
    sample_id : tuple of str with N entries, or None
        Sample ids, which are unique and not empty; None means that samples are matched with other
        data by position.
    parents : int64 array [E, 2]
        Pairs of concept indices: child, parent.
    defined : uint64 array [C, ceil(N / 64)], or None
        The samples on which each concept is defined, which include those of `bits`; None means
        that all concepts are defined everywhere.
    aliases : tuple of Alias
        Concepts that were merged into others; their ids differ from each other and from `id`.

    Raises
    ------
    DataError
        The set is made with attributes for which this does not hold.

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
            The label of each sample for each concept; -1, NaN and masked labels mean that the
            concept is not defined on the sample.
        id, name, definition, sample_id, parents
            The attributes of the set. By default the names are the ids, definitions are empty,
            the sample ids are the index of a pandas object unless it is 0, 1, 2, …, and there are
            no parents.

        Raises
        ------
        DataError
            A label is something else (the message names concept and sample), or lengths differ.
        """
        tables, index = as_rows({"labels": labels}, "the {}".format, read=as_marks)
        table = tables["labels"]
        sample_id = index if sample_id is None else sample_id
        if table.ndim != 2:
            raise DataError(
                f"Labels have shape {table.shape}.",
                "Give a table of 0 and 1 with one row per sample and one column per concept.",
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
            N, the number of samples.
        id, name, definition, sample_id, parents
            The attributes of the set, as in `from_arrays`.
        undefined : (sample, concept), optional
            Pairs of a sample and a concept that is not defined there.

        Raises
        ------
        DataError
            An index is out of range, lengths differ, or a pair is both carried and undefined.
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
        """Share of samples that carry each concept, among those where it is defined: float64 [C].

        The share of a concept that is defined nowhere is 0.
        """
        return self.n_positive / np.maximum(self.n_defined, 1)

    @cached_property
    def ambiguous_names(self) -> frozenset[str]:
        """Names that several concepts or aliases have, or that are the id of another one."""
        named = [*zip(self.id, self.name, strict=True)]
        named += [(alias.id, alias.name) for alias in self.aliases]
        return ambiguous_names(named, self._index_of)

    def index(self, id: str) -> int:
        """Return the concept index of an id; for an alias that of the concept it was merged into.

        Raises
        ------
        UnknownNameError
            There is no such concept; the hint holds the nearest ids.
        """
        try:
            return self._index_of[id]
        except KeyError:
            named = [found for found in self._index_of if self.name_of(found) == id]
            then = "List all concepts with: invert concepts show CONCEPTS"
            raise UnknownNameError(
                f"There is no concept with the id {id!r}.",
                f"It is the name of {first_few(named)}. {then}"
                if named
                else nearest(id, self._index_of, then),
            ) from None

    def name_of(self, id: str) -> str:
        """Return the name of a concept or an alias; raises like `index`."""
        index = self.index(id)
        return self._alias_names.get(id, self.name[index])

    def extent(self, id: str) -> np.ndarray:
        """Return the samples that carry a concept: bool [N]; raises like `index`."""
        index = self.index(id)
        return unpack(self.bits[index : index + 1], self.n_samples)[:, 0]

    def defined_on(self, id: str) -> np.ndarray:
        """Return the samples on which a concept is defined: bool [N]; raises like `index`."""
        index = self.index(id)
        if self.defined is None:
            return np.ones(self.n_samples, np.bool_)
        return unpack(self.defined[index : index + 1], self.n_samples)[:, 0]

    def dense(self) -> np.ndarray:
        """Return all marks: bool [N, C], false where a concept is not defined."""
        return unpack(self.bits, self.n_samples)

    def take(self, samples: npt.ArrayLike) -> Self:
        """Return the concepts on some samples of the set, in the given order.

        Parameters
        ----------
        samples : int array [M]
            Distinct indices of samples, at least one.
        """
        chosen = np.asarray(samples, dtype=np.int64)
        ids = self.sample_id
        return replace(
            self,
            bits=take_samples(self.bits, self.n_samples, chosen),
            defined=None
            if self.defined is None
            else take_samples(self.defined, self.n_samples, chosen),
            n_samples=chosen.size,
            sample_id=ids if ids is None else tuple(map(ids.__getitem__, chosen.tolist())),
        )

    def select(self, concepts: npt.ArrayLike) -> Self:
        """Return some or all of the concepts, in the given order.

        Parameters
        ----------
        concepts : int array [M]
            Distinct concept indices, at least one, in the order of the result. Edges to other
            concepts and aliases of other concepts are left out.
        """
        chosen = np.asarray(concepts, dtype=np.int64)
        place = np.full(len(self.id), -1, np.int64)
        place[chosen] = np.arange(chosen.size)
        parents = place[self.parents]
        indices = chosen.tolist()
        return replace(
            self,
            bits=self.bits[chosen],
            defined=None if self.defined is None else self.defined[chosen],
            id=tuple(self.id[index] for index in indices),
            name=tuple(self.name[index] for index in indices),
            definition=tuple(self.definition[index] for index in indices),
            parents=parents[(parents >= 0).all(axis=1)],
            aliases=tuple(
                replace(alias, concept=int(place[alias.concept]))
                for alias in self.aliases
                if place[alias.concept] >= 0
            ),
        )

    def with_aliases_apart(self, aliases: Collection[Alias]) -> Self:
        """Return the set in which some aliases are concepts again.

        Parameters
        ----------
        aliases : collection of Alias
            Aliases of this set. They become the last concepts, without definitions and parents.
        """
        indices = [*range(len(self.id)), *(alias.concept for alias in aliases)]
        apart = set(aliases)
        return replace(
            self,
            bits=self.bits[indices],
            defined=None if self.defined is None else self.defined[indices],
            id=(*self.id, *(alias.id for alias in aliases)),
            name=(*self.name, *(alias.name for alias in aliases)),
            definition=(*self.definition, *("",) * len(aliases)),
            aliases=tuple(alias for alias in self.aliases if alias not in apart),
        )

    @cached_property
    def _index_of(self) -> dict[str, int]:
        of_aliases = {alias.id: alias.concept for alias in self.aliases}
        return of_aliases | {id: index for index, id in enumerate(self.id)}

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
    """The attributes of a set besides its marks; those that are absent get their defaults."""
    return {
        "id": _strings(id),
        "name": _strings(id if name is None else name),
        "definition": ("",) * len(id) if definition is None else _strings(definition),
        "sample_id": None if sample_id is None else _strings(sample_id),
        "parents": np.zeros((0, 2), np.int64) if parents is None else np.asarray(parents),
    }


def _strings(values: Iterable[str]) -> tuple[str, ...]:
    """Turn NumPy's strings into plain ones; other values stay, and the check names them."""
    return tuple(str(value) if isinstance(value, str) else value for value in values)
