"""One unit where labels are missing, ranked on the samples on which each formula is defined."""

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
from invert_core.search.masked_concepts import EVERYWHERE, Domain, Group, MaskedConcepts
from invert_core.search.search import Found


class Joined(NamedTuple):
    """What the candidates of P formulas are made of: sizes and rank sums, int64 [4, P, C].

    Row 0 belongs to all samples on which formula and concept are defined; of these, row 1 to those
    of the formula, row 2 to those of the concept, row 3 to those of both.
    """

    sizes: np.ndarray
    sums: np.ndarray


class DomainSpread(NamedTuple):
    """What ties leave of the variance of the ranks within a domain; see `RankSpread`."""

    n_samples: int
    d: float
    cubes: float


@dataclass(frozen=True, eq=False)
class Masked:
    """A formula, the samples on which it is true, and those on which it is defined.

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
        """Equal for formulas that are one explanation."""
        return self.extent.tobytes(), self.defined.tobytes()


class RankedUnit:
    """One unit, whose samples are ranked within one domain after the other.

    Parameters
    ----------
    runs : Runs
    concepts : MaskedConcepts
    min_defined : float
        Domains of a smaller share of the samples are left out.
    check : callable
        Called before each domain; what it raises ends the search of the unit.
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
        self._spreads: dict[Domain, DomainSpread] = {}

    def join(self, parents: Sequence[Masked], groups: Sequence[Group]) -> Joined:
        """Join formulas to concepts; all is 0 where too little is defined.

        What is defined on the same samples shares one ranking.
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
            for rows in joined:
                rows[1::2] = rows[::2]
        return joined

    def spread(self, found: Found) -> DomainSpread:
        """That of a domain on which formulas were joined."""
        domain = EVERYWHERE
        for literal in found.literals:
            domain = self.concepts.within(domain, self.concepts.group[literal >> 1])
        return self._spreads[domain]

    def _rank(self, domain: Domain, defined: np.ndarray) -> Ranked | None:
        """Rank the samples of a domain, unless they are too few."""
        n_samples = size_of(defined, self._sizes)
        if n_samples == 0 or n_samples / self._n_all < self._min_defined:
            return None
        ties = np.empty(2, np.int64)
        cubes = rank_within(self._runs, defined, self._sizes, self._weights, ties)
        high, low = ties.tolist()
        d = n_samples**3 - n_samples - (high * TIE_BASE + low)
        self._spreads[domain] = DomainSpread(n_samples, float(d), cubes)
        return ranks_in_binary(self._weights, self.concepts.lists)

    def _add(
        self,
        words: np.ndarray,
        ranked: Ranked,
        group: Group,
        joined: Joined,
        rows: tuple[int, int],
        number: int,
    ) -> None:
        """Write sizes and rank sums of a set, and of the concepts within it, to two of the rows."""
        whole, part = rows
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
