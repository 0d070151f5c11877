"""A concept set with missing marks, prepared for searching many units."""

from copy import copy
from typing import NamedTuple, Self

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.kernels import subsets
from invert_core.kernels.atoms import Atoms, merged
from invert_core.kernels.bits import whole_set
from invert_core.kernels.planes import planes_of
from invert_core.kernels.sums import BY_COST

Domain = tuple[int, ...]
"""The samples on which a formula is defined, given by the groups that are all defined on them."""

EVERYWHERE: Domain = ()
"""The domain of all samples."""


class Group(NamedTuple):
    """Concepts that are defined on the same samples, by concept index: int64 [D].

    `sparse`, int64, and `dense`, uint32, are the concepts that `MaskedConcepts.lists` stores in
    that way.
    """

    number: int
    concepts: np.ndarray
    sparse: np.ndarray
    dense: np.ndarray


class MaskedConcepts:
    """Concepts with missing marks, as sets of atoms.

    Samples of one atom have equal marks and lack the same marks. Concepts that are defined on the
    same samples form a group.

    Parameters
    ----------
    concepts : ConceptSet
        A concept set with missing marks.
    how : int
        How to store the lists of concepts; see `subsets.concept_lists`.

    Attributes
    ----------
    atoms : Atoms
        The atoms of the concepts.
    whole : uint64 [W]
        The set of all atoms.
    bits : uint64 [C, W]
        The atoms on which each concept is true.
    defined : uint64 [G, W]
        The atoms on which the concepts of each group are defined.
    group : int64 [C]
        Number of each concept's group.
    n_defined : int64 [C]
        Number of samples on which each concept is defined.
    lists : ConceptLists
        The concepts of each atom.
    """

    def __init__(self, concepts: ConceptSet, how: int = BY_COST):
        assert concepts.defined is not None
        numbers: dict[bytes, int] = {}
        self.group = np.array(
            [numbers.setdefault(defined.tobytes(), len(numbers)) for defined in concepts.defined]
        )
        _, first_of_group = np.unique(self.group, return_index=True)
        self.n_defined = concepts.n_defined
        n_concepts = len(self.group)
        self.atoms, words = merged(
            np.concatenate([concepts.bits, concepts.defined[first_of_group]]), concepts.n_samples
        )
        self.bits, self.defined = words[:n_concepts], words[n_concepts:]
        self.whole = whole_set(self.atoms.sizes.size)
        self.lists = subsets.concept_lists(
            self.bits, self.defined, self.group, self.atoms.sizes, how
        )
        is_everywhere = (self.defined == self.whole).all(axis=1)
        self._domain_of_group = [
            EVERYWHERE if everywhere else (group,) for group, everywhere in enumerate(is_everywhere)
        ]

    def relabelled(self, atoms: Atoms) -> Self:
        """Return the same concepts on other samples, see `Search.relabelled`."""
        concepts = copy(self)
        concepts.atoms = atoms
        n_defined = [subsets.size_of(words, atoms.sizes) for words in self.defined]
        concepts.n_defined = np.array(n_defined)[self.group]
        concepts.lists = self.lists._replace(sizes=atoms.sizes, size_planes=planes_of(atoms.sizes))
        return concepts

    def groups(self, concepts: np.ndarray) -> list[Group]:
        """Return the groups of some concepts, int64 [D], each with these concepts alone."""
        of_each = self.group[concepts]
        order = np.argsort(of_each, kind="stable")
        numbers, starts = np.unique(of_each[order], return_index=True)
        found = []
        for number, members in zip(
            numbers.tolist(), np.split(concepts[order], starts[1:]), strict=True
        ):
            dense = self.lists.is_dense[members]
            found.append(Group(number, members, members[~dense], members[dense].astype(np.uint32)))
        return found

    def within(self, domain: Domain, group: int) -> Domain:
        """Return the part of a domain on which the concepts of a group are defined."""
        of_group = self._domain_of_group[group]
        return domain if set(of_group) <= set(domain) else tuple(sorted({*domain, *of_group}))
