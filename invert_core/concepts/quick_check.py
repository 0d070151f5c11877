"""A quick check of a concept set for oddities."""

from dataclasses import dataclass

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.kernels.bits import popcounts


@dataclass(frozen=True)
class ConceptCheck:
    """The number of labels of a concept set, and the concepts that carry no information.

    Attributes
    ----------
    n_concepts, n_samples : int
    density : float
        Share of the defined labels that are true; 0 if none is defined.
    n_missing : int
        Number of labels that are not defined.
    n_bare_samples : int
        Number of samples on which no concept is true.
    empty : tuple of str
        Ids of the concepts that are false wherever they are defined.
    full : tuple of str
        Ids of the concepts that are true wherever they are defined.
    nowhere : tuple of str
        Ids of the concepts that are defined on no sample.
    equal : tuple of tuple of str
        Groups of ids of concepts that are true on the same samples and defined on the same samples.
        The concepts named above are in no group.
    """

    n_concepts: int
    n_samples: int
    density: float
    n_missing: int
    n_bare_samples: int
    empty: tuple[str, ...]
    full: tuple[str, ...]
    nowhere: tuple[str, ...]
    equal: tuple[tuple[str, ...], ...]


def check_concepts(concepts: ConceptSet) -> ConceptCheck:
    """Count true and missing labels, and find empty, full and equal concepts.

    Examples
    --------
    >>> concepts = ConceptSet.from_arrays([[1, 1, 0], [0, 0, 0]], id=["a", "b", "c"])
    >>> found = check_concepts(concepts)
    >>> found.empty, found.equal, found.n_bare_samples
    (('c',), (('a', 'b'),), 1)
    """
    n_positive, n_defined = concepts.n_positive, concepts.n_defined
    nowhere = n_defined == 0
    empty = (n_positive == 0) & ~nowhere
    full = (n_positive == n_defined) & ~nowhere
    n_labels = int(n_defined.sum())
    anything = np.bitwise_or.reduce(concepts.bits, axis=0)
    return ConceptCheck(
        n_concepts=len(concepts.id),
        n_samples=concepts.n_samples,
        density=int(n_positive.sum()) / max(n_labels, 1),
        n_missing=len(concepts.id) * concepts.n_samples - n_labels,
        n_bare_samples=concepts.n_samples - int(popcounts(anything[None])[0]),
        empty=_ids(concepts, empty),
        full=_ids(concepts, full),
        nowhere=_ids(concepts, nowhere),
        equal=_equal(concepts, np.flatnonzero(~(empty | full | nowhere))),
    )


def _ids(concepts: ConceptSet, chosen: np.ndarray) -> tuple[str, ...]:
    return tuple(concepts.id[index] for index in np.flatnonzero(chosen).tolist())


def _equal(concepts: ConceptSet, indices: np.ndarray) -> tuple[tuple[str, ...], ...]:
    """Groups of equal concepts; the hashes only choose which concepts are compared."""
    groups: dict[int, list[list[int]]] = {}
    for index in indices.tolist():
        alike = groups.setdefault(_hash(concepts, index), [])
        group = next((group for group in alike if _same(concepts, group[0], index)), None)
        if group is None:
            alike.append([index])
        else:
            group.append(index)
    return tuple(
        tuple(concepts.id[index] for index in group)
        for alike in groups.values()
        for group in alike
        if len(group) > 1
    )


def _hash(concepts: ConceptSet, index: int) -> int:
    return hash(concepts.bits[index].tobytes())


def _same(concepts: ConceptSet, one: int, other: int) -> bool:
    return np.array_equal(concepts.bits[one], concepts.bits[other]) and (
        concepts.defined is None or np.array_equal(concepts.defined[one], concepts.defined[other])
    )
