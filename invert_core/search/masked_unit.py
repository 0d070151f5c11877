"""One unit in a search with missing marks, ranked anew on each formula's defined samples."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from invert_core.kernels.ranks import TIE_BASE
from invert_core.kernels.subsets import (
    Chosen,
    Runs,
    add_within,
    rank_within,
    ranks_in_binary,
    size_of,
)
from invert_core.kernels.sums import Ranked
from invert_core.kernels.ties import Ties, room_for_large, ties_of
from invert_core.search.masked_concepts import Domain, Group, MaskedConcepts


class Joined(NamedTuple):
    """Sizes and rank sums, int64 [4, P, C], from which the candidates of P formulas are computed.

    The first index selects a set of samples: 0 is all samples on which formula and concept are
    defined, 1 the part in the formula, 2 the part in the concept, 3 the part in both.
    """

    sizes: np.ndarray
    sums: np.ndarray


class DomainSpread(NamedTuple):
    """The rank spread of one unit within a domain; see `RankSpread`."""

    n_samples: int
    d: float


@dataclass(frozen=True, eq=False)
class Masked:
    """A formula, its extent, and the samples on which it is defined.

    `score` is sign * AUC; `extent` and `defined` are sets of atoms, uint64 [W].
    """

    literals: tuple[int, ...]
    connectives: tuple[str, ...]
    score: float
    n_samples: int
    n_positive: int
    rank_sum: int
    domain: Domain
    extent: np.ndarray
    defined: np.ndarray

    @cached_property
    def samples(self) -> tuple[bytes, bytes]:
        """A key that is equal for formulas that are the same explanation."""
        return self.extent.tobytes(), self.defined.tobytes()


class RankedUnit:
    """One unit, whose samples are ranked within one domain after another.

    Parameters
    ----------
    runs : Runs
        The samples of the unit by ascending activation.
    concepts : MaskedConcepts
    min_defined : float
        Smallest share of the samples that a domain must have to be searched.
    check : callable
        Called before each domain. If it raises an error, the search for the unit ends.

    Attributes
    ----------
    of_concepts : int64 [C]
        The rank sum of each concept that was joined to the formula that is true everywhere; 0 of
        any other.
    """

    def __init__(
        self,
        runs: Runs,
        concepts: MaskedConcepts,
        min_defined: float,
        check: Callable[[], None],
    ):
        self.concepts = concepts
        self._runs = runs
        self._check = check
        self._sizes = concepts.atoms.sizes
        self._n_all = int(self._sizes.sum())
        self._min_defined = min_defined
        self._weights = np.empty(self._sizes.size, np.int64)
        self._table = np.empty((self._sizes.size, 2), np.int64)
        self._large = room_for_large(self._n_all)
        self._spreads: dict[Domain, DomainSpread] = {}
        self.of_concepts = np.zeros(len(concepts.group), np.int64)

    def join(self, parents: Sequence[Masked], groups: Sequence[Group]) -> Joined:
        """Join formulas to concepts; all numbers are 0 if too few samples are defined.

        All pairs that are defined on the same samples share one ranking.
        """
        shape = (4, len(parents), len(self.concepts.group))
        joined = Joined(np.zeros(shape, np.int64), np.zeros(shape, np.int64))
        of_domain: dict[Domain, list[tuple[int, Group]]] = {}
        for number, parent in enumerate(parents):
            for group in groups:
                domain = self.concepts.within(parent.domain, group.number)
                of_domain.setdefault(domain, []).append((number, group))
        for domain, pairs in of_domain.items():
            self._check()
            number, group = pairs[0]
            defined = parents[number].defined & self.concepts.defined[group.number]
            ranked = self._rank(domain, defined)
            if ranked is not None:
                for number, group in pairs:
                    self._add(defined, ranked, group, joined, (0, 2), number)
                    if parents[number].literals:
                        extent = parents[number].extent & defined
                        self._add(extent, ranked, group, joined, (1, 3), number)
        if not parents[0].literals:  # the formula that is true everywhere
            for numbers in joined:
                numbers[1::2] = numbers[::2]
            self.of_concepts = joined.sums[3, 0].copy()
        return joined

    def spread(self, domain: Domain) -> DomainSpread:
        """Return the rank spread of the unit within a domain, which `join` must have ranked."""
        return self._spreads[domain]

    def ties(self, defined: np.ndarray) -> Ties:
        """Return the tie profile of the unit within a set of atoms, uint64 [W]."""
        self._rank_within(defined)
        large = self._large
        n_samples = np.array([size_of(defined, self._sizes)])
        return ties_of(large.below[None], large.size[None], large.n, n_samples)

    def _rank(self, domain: Domain, defined: np.ndarray) -> Ranked | None:
        """Rank the samples of a domain, or return None if there are too few."""
        n_samples = size_of(defined, self._sizes)
        if n_samples == 0 or n_samples / self._n_all < self._min_defined:
            return None
        high, low = self._rank_within(defined).tolist()
        d = n_samples**3 - n_samples - (high * TIE_BASE + low)
        self._spreads[domain] = DomainSpread(n_samples, float(d))
        return ranks_in_binary(self._weights, self.concepts.lists)

    def _rank_within(self, defined: np.ndarray) -> np.ndarray:
        """Rank the samples of a domain, and return the two parts of the tie sum, int64 [2]."""
        tie_sums = np.empty(2, np.int64)
        rank_within(self._runs, defined, self._sizes, self._weights, tie_sums, self._large)
        return tie_sums

    def _add(
        self,
        words: np.ndarray,
        ranked: Ranked,
        group: Group,
        joined: Joined,
        places: tuple[int, int],
        number: int,
    ) -> None:
        """Write size and rank sum of a set, and of each concept within it, to two places."""
        whole, part = places
        n_samples, rank_sum = add_within(
            words,
            ranked,
            self.concepts.lists,
            Chosen(group.sparse, group.dense),
            self._table,
            joined.sizes[part, number],
            joined.sums[part, number],
        )
        joined.sizes[whole, number, group.concepts] = n_samples
        joined.sums[whole, number, group.concepts] = rank_sum
