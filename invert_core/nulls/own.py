"""Null distributions of single units: the same search of each unit, arranged in other ways."""

from collections.abc import Callable
from typing import Self

import numpy as np

from invert_core.activations.sparse import SparseUnits
from invert_core.errors import DataError
from invert_core.kernels.atoms import Atoms
from invert_core.kernels.blocks import atoms_of_blocks
from invert_core.kernels.jobs import SHUFFLES
from invert_core.kernels.warm_up import compile_jobs
from invert_core.nulls.arrangements import Arrangements
from invert_core.nulls.statistic import row_statistics
from invert_core.search.complete_search import CompleteSearch
from invert_core.search.findings import Findings
from invert_core.search.headlines import TOLERANCE
from invert_core.search.objectives import Objective, Scored
from invert_core.search.search import UNWATCHED, Search, Units, Watch
from invert_core.search.search_result import SearchResult
from invert_core.settings import Settings

_UNITS = 512
"""The most arranged units whose formulas are tested at once."""
_KEPT = 2**26
"""The most bytes of arrangements that are kept for the next units."""
_MOST_TRIED = 20
"""The most arrangements to draw for each that is needed."""
_STREAM = 4
"""Besides the seed: random numbers for other purposes must not be the same."""


class Permuting(Search):
    """A search that repeats itself on other arrangements of the units that need it.

    It finds what the search within it finds, and fills in `SearchResult.n_as_small`. Arrangements
    depend on nothing but the seed and their number, so all units are arranged alike, and results
    depend neither on threads nor on blocks.

    Parameters
    ----------
    search : Search
    arrangements : Arrangements
    needs : callable
        Returns which units to arrange, bool [K], given what was found for K units. Dead units are
        left out anyway.
    """

    def __init__(
        self,
        search: Search,
        arrangements: Arrangements,
        needs: Callable[[SearchResult], np.ndarray],
    ):
        self.settings = search.settings
        self.n_samples = search.n_samples
        self.n_concepts = search.n_concepts
        self.n_beam = search.n_beam
        self.signs = search.signs
        self._search = search
        self._arrangements = arrangements
        self._needs = needs
        _, first = np.unique(arrangements.blocks.of_sample, return_index=True)
        self._of_block = search.atoms.of_sample[first]
        self._n_kept = _KEPT // self._of_block.nbytes
        self._drawn: dict[int, np.ndarray] = {}
        compile_jobs(SHUFFLES)
        if arrangements.blocks.sizes.max() > 1:
            # Atoms can change their sizes; what that needs is compiled before there are threads.
            search.relabelled(Atoms(search.atoms.of_sample, search.atoms.sizes[::-1].copy()))

    @property
    def atoms(self) -> Atoms:
        """The atoms of the concepts."""
        return self._search.atoms

    @property
    def objective(self) -> Objective | None:
        """What is maximised."""
        return self._search.objective

    @property
    def most_units(self) -> int:
        """The most units that a thread should search at once."""
        return self._search.most_units

    @property
    def n_literals_within_limits(self) -> int:
        """Number of literals whose extent is within the fraction limits."""
        return self._search.n_literals_within_limits

    def relabelled(self, atoms: Atoms) -> Self:
        """Return the search for the same marks on other samples."""
        return type(self)(self._search.relabelled(atoms), self._arrangements, self._needs)

    def explain(
        self, units: Units, watch: Watch = UNWATCHED, scored: Scored | None = None
    ) -> SearchResult:
        """Search some units; several threads may call this at once."""
        result = self._search.explain(units, watch, scored)
        chosen = np.flatnonzero(self._needs(result) & result.length.any(axis=(1, 2)))
        if chosen.size:
            self._count(result, chosen, self._null(_taken(units, chosen), watch))
        return result

    def _null(self, units: Units, watch: Watch) -> np.ndarray:
        """Return `row_statistics` of K units in P arrangements: float64 [P, K, B + 1].

        Arrangements in which no formula is within the fraction limits are not among the P, because
        the real one is never such.
        """
        n_units = len(units)
        explain = self._arranged(units)
        parts: list[np.ndarray] = []
        number, n_left = 0, self.settings.permutations
        while n_left:
            stop = number + min(n_left, max(1, _UNITS // n_units))
            if stop > _MOST_TRIED * self.settings.permutations:
                raise _hardly_any_formula(self.settings, number, n_left)
            found = []
            for each in range(number, stop):
                watch.check()
                found.append(explain(self._draw(each)))
            joined = SearchResult.joined(found)
            statistics = row_statistics(joined, self.settings)
            # Whether anything is within the fraction limits depends on the arrangement alone.
            is_possible = joined.length.reshape(len(found), -1).any(axis=1)
            parts.append(statistics.reshape(len(found), n_units, -1)[is_possible])
            number, n_left = stop, n_left - int(is_possible.sum())
            watch.note(1.0 - n_left / self.settings.permutations)
        return np.concatenate(parts)

    def _draw(self, number: int) -> np.ndarray:
        """Draw the arrangement of a number: the atom whose marks each block gets, int32 [B]."""
        of_block = self._drawn.get(number)
        if of_block is None:
            random = np.random.default_rng((self.settings.seed, _STREAM, number))
            of_block = self._of_block[self._arrangements.draw(random)]
            # Threads may draw the same arrangement at once, and then keep either.
            if number < self._n_kept:
                self._drawn[number] = of_block
        return of_block

    def _arranged(self, units: Units) -> Callable[[np.ndarray], SearchResult]:
        """Return the search of some units, given the atom whose marks each block gets."""
        search, blocks, n_atoms = self._search, self._arrangements.blocks, self.atoms.sizes.size

        def explain(of_block: np.ndarray) -> SearchResult:
            return search.relabelled(atoms_of_blocks(blocks, of_block, n_atoms)).explain(units)

        if not isinstance(search, CompleteSearch):
            return explain
        scored = Scored(units, blocks)

        def explain_scored(of_block: np.ndarray) -> SearchResult:
            # The scores of whole blocks are known, so that no value is sorted again.
            atoms = atoms_of_blocks(blocks, of_block, n_atoms)
            return search.relabelled(atoms).explain_scored(scored.moved(of_block, n_atoms))

        return explain_scored

    def _count(self, result: SearchResult, units: np.ndarray, null: np.ndarray) -> None:
        """Fill in how many arrangements of some units have a p as small as each formula."""
        found = Findings.of(result, self.settings)
        found = found.take(np.isin(found.unit, units))
        null = null[:, np.searchsorted(units, found.unit)]
        beam = self.settings.beam
        of_length = beam + found.length - 1
        for rows, place, column, statistic in (
            (found.rank > 0, found.rank - 1, found.rank - 1, found.log10_p),
            (found.is_best_of_length, of_length, beam, found.log10_p_of_length),
        ):
            column = np.broadcast_to(column, rows.shape)[rows]
            is_as_small = null[:, rows, column] <= statistic[rows] + TOLERANCE
            result.n_as_small[found.unit[rows], found.way[rows], place[rows]] = is_as_small.sum(0)


def _taken(units: Units, chosen: np.ndarray) -> Units:
    if chosen.size == len(units):
        return units
    return units.select(chosen) if isinstance(units, SparseUnits) else units[chosen]


def _hardly_any_formula(settings: Settings, n_tried: int, n_left: int) -> DataError:
    return DataError(
        f"In {n_tried:,} arrangements of the groups, only {settings.permutations - n_left:,} leave "
        "any concept or its negation within the fraction limits, because few groups hold most of "
        "the samples.",
        "Lower --min-fraction, raise --max-fraction, or give smaller groups.",
    )
