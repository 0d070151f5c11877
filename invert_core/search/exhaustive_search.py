"""The exhaustive search: the best of all formulas of up to three literals, certified."""

from collections.abc import Iterable
from copy import copy
from typing import Self

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.errors import DataError, SettingError
from invert_core.kernels.atoms import Atoms, merged
from invert_core.kernels.jobs import ATOMS, EXHAUSTIVE, RANKS, TAILS
from invert_core.kernels.sums import sum_of_set
from invert_core.search.certificate import (
    Sought,
    prepare,
    search_exhaustively,
)
from invert_core.search.complete_search import CompleteSearch
from invert_core.search.search import PartOfWatch, Watch
from invert_core.search.search_result import SearchResult
from invert_core.settings import Settings
from invert_core.wording import counted

MOST_BYTES = 2**34
"""The most memory for the tables of pairs; each thread has its own tables."""


def check_memory(n_concepts: int, n_threads: int) -> None:
    """Refuse more concepts or threads than memory allows; each thread has its own tables."""
    n_bytes = n_concepts**2 * (8 + 25 * n_threads)
    if n_bytes > MOST_BYTES:
        raise SettingError(
            f"The tables of pairs of {n_concepts:,} concepts would take "
            f"{n_bytes / 2**30:.0f} GiB of memory with {counted(n_threads, 'thread')}.",
            "Give fewer --jobs or fewer concepts, or leave out --search exhaustive.",
        )


class ExhaustiveSearch(CompleteSearch):
    """A search that scores or rules out every formula; the parameters are those of `Search`."""

    def __init__(self, concepts: ConceptSet, settings: Settings, dtypes: Iterable[np.dtype] = ()):
        super().__init__(concepts, settings, dtypes)
        self.n_beam = 0
        self.compile(EXHAUSTIVE, RANKS, ATOMS, TAILS)
        self._atoms, self._bits = merged(concepts.bits, concepts.n_samples)
        self._tables = prepare(self._bits, self._atoms.sizes, concepts.n_samples)
        self._must_find = True

    @property
    def atoms(self) -> Atoms:
        """The atoms of the concepts."""
        return self._atoms

    def relabelled(self, atoms: Atoms) -> Self:
        """Return the search for the same marks on other samples."""
        search = copy(self)
        search._atoms, search._must_find = atoms, False
        if not np.array_equal(atoms.sizes, self._atoms.sizes):
            search._tables = prepare(self._bits, atoms.sizes, self.n_samples)
        return search

    def search(
        self,
        weights: np.ndarray,
        units: np.ndarray,
        way: int,
        watch: Watch,
        result: SearchResult,
        of_concepts: np.ndarray | None,
    ) -> None:
        """Search some units in one direction; the parameters are those of `CompleteSearch`."""
        settings = self.settings
        sought = Sought(settings.length, self.n_low, self.n_high, self.signs[way])
        of_way = PartOfWatch(watch, way, len(self.signs))
        for unit, of_unit in zip(units.tolist(), weights, strict=True):
            certificate = search_exhaustively(
                of_unit, self._tables, sought, time_limit=settings.time_limit, watch=of_way
            )
            watch.check()
            if not certificate.found and self._must_find:
                raise DataError(
                    f"No formula of up to {settings.length if certificate.certified else 2} "
                    "literals covers a fraction of the samples between "
                    f"{settings.min_fraction:g} and {settings.max_fraction:g}.",
                    "Widen --min-fraction or --max-fraction"
                    + ("." if certificate.certified else ", or raise --time-limit."),
                )
            for best in certificate.found:
                place = unit, way, len(best.literals) - 1
                result.put(place, best.literals, best.connectives, best.n_positive, best.rank_sum)
            result.n_scored[unit, way] = certificate.n_scored
            if certificate.found:
                result.gap[unit, way] = certificate.bound - certificate.found[-1].score
        if of_concepts is not None:
            for sums, of_unit in zip(of_concepts, weights, strict=True):
                sums[:] = [sum_of_set(concept, of_unit) for concept in self._bits]
