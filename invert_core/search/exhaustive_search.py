"""Exhaustive search: the best of all formulas of up to three literals, certified."""

from concurrent.futures import CancelledError

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.errors import DataError, SettingError
from invert_core.kernels.atoms import Atoms, merged
from invert_core.kernels.ranks import rank_sums
from invert_core.kernels.warm_up import compile_kernels
from invert_core.search.beam_search import report
from invert_core.search.certificate import KERNELS, BestFormula, prepare, search_exhaustively
from invert_core.search.complete_search import CompleteSearch
from invert_core.search.search import Found, UnitResult
from invert_core.settings import Settings

MOST_BYTES = 2**34
"""Of the tables of pairs, of which each thread has its own."""


class ExhaustiveSearch(CompleteSearch):
    """A search that scores or rules out every formula; parameters as for `Search`."""

    def __init__(self, concepts: ConceptSet, settings: Settings, jobs: int | None = None):
        super().__init__(concepts, settings, jobs)
        n_bytes = len(concepts.id) ** 2 * (8 + 25 * self.jobs)
        if n_bytes > MOST_BYTES:
            raise SettingError(
                f"The tables of pairs of {len(concepts.id):,} concepts would take "
                f"{n_bytes / 2**30:.0f} GiB of memory in {self.jobs} threads.",
                "Give fewer --jobs or fewer concepts, or leave out --search exhaustive.",
            )
        compile_kernels(KERNELS, _search_something)
        self._atoms, bits = merged(concepts.bits, concepts.n_samples)
        self._tables = prepare(bits, self._atoms.sizes, concepts.n_samples)

    @property
    def atoms(self) -> Atoms:
        """Of the concepts."""
        return self._atoms

    def units_per_piece(self, n_units: int) -> int:
        """One: units differ much in the time they take."""
        return 1

    def search(self, weights: np.ndarray, direction: str) -> list[UnitResult]:
        """Search units, none dead, given by the ranks of the atoms: int64 [K, S].

        Raises
        ------
        DataError
            No formula has an extent within the fraction limits.
        """
        settings = self.settings
        sign = 1.0 if direction == "positive" else -1.0
        results = []
        ways = settings.directions

        def note(share: float) -> None:
            self.note_share((ways.index(direction) + share) / len(ways))

        for of_unit in weights:
            certificate = search_exhaustively(
                of_unit,
                self._tables,
                length=settings.length,
                n_low=self.n_low,
                n_high=self.n_high,
                sign=sign,
                time_limit=settings.time_limit,
                progress=note,
                stop=self._stop.is_set,
            )
            if self._stop.is_set():
                raise CancelledError
            if not certificate.found:
                raise DataError(
                    f"No formula of up to {settings.length if certificate.certified else 2} "
                    "literals covers a fraction of the samples between "
                    f"{settings.min_fraction:g} and {settings.max_fraction:g}.",
                    "Widen --min-fraction or --max-fraction"
                    + ("." if certificate.certified else ", or raise --time-limit."),
                )
            by_length = tuple(_found(best, sign) for best in certificate.found)
            reported = report((), by_length, sign, settings.min_gain)[: settings.beam]
            gap = certificate.bound - certificate.found[-1].score
            results.append(
                UnitResult(direction, reported, (), by_length, certificate.n_scored, gap)
            )
        return results


def _search_something() -> None:
    atoms, bits = merged(np.array([[3], [5]], np.uint64), 4)
    weights, _, _ = rank_sums(np.array([[0, 1, 2, 3]], np.float32), atoms)
    tables = prepare(bits, atoms.sizes, 4)
    search_exhaustively(weights[0], tables, length=3, n_low=1, n_high=3, sign=1.0)


def _found(best: BestFormula, sign: float) -> Found:
    return Found.of_sums(
        best.literals, best.connectives, best.n_positive, best.rank_sum, sign * best.score
    )
