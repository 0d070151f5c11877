"""The parts that searches share if every concept is defined on all samples."""

import math
from abc import abstractmethod
from collections.abc import Iterable

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.search.objectives import Scored
from invert_core.search.search import UNWATCHED, Search, Units, Watch
from invert_core.search.search_result import SearchResult
from invert_core.settings import Settings
from invert_core.statistics.tails import RankSpread


class CompleteSearch(Search):
    """A search that ranks each unit once, on all samples; the parameters are those of `Search`."""

    def __init__(self, concepts: ConceptSet, settings: Settings, dtypes: Iterable[np.dtype] = ()):
        super().__init__(concepts, settings, dtypes)
        self.n_low, self.n_high = sizes_within(
            settings.min_fraction, settings.max_fraction, concepts.n_samples
        )
        sizes = concepts.n_positive
        self.literal_sizes = np.concatenate([sizes, concepts.n_samples - sizes])

    @property
    def n_literals_within_limits(self) -> int:
        """Number of literals whose extent is within the fraction limits."""
        within = (self.literal_sizes >= self.n_low) & (self.literal_sizes <= self.n_high)
        return int(within.sum())

    @abstractmethod
    def search(
        self,
        weights: np.ndarray,
        units: np.ndarray,
        way: int,
        watch: Watch,
        result: SearchResult,
        of_concepts: np.ndarray | None,
    ) -> None:
        """Search living units in one direction, and write what is found to `result`.

        Parameters
        ----------
        weights : int64 [k, S]
            Rank sums of the atoms.
        units : int64 [k]
            Positions of the units in `result`.
        way : int
            Position of the direction.
        watch : Watch
        result : SearchResult
        of_concepts : int64 [k, C] or None
            Becomes the rank sums of the concepts.
        """

    def explain(
        self, units: Units, watch: Watch = UNWATCHED, scored: Scored | None = None
    ) -> SearchResult:
        """Search some units; several threads may call this at once."""
        return self.explain_scored(scored or Scored(units, self.atoms), watch)

    def explain_scored(self, scored: Scored, watch: Watch = UNWATCHED) -> SearchResult:
        """Search units whose scores are added over the atoms of this search."""
        weights, tie_sums, ties = scored.ranked
        spread = RankSpread.of_units(self.n_samples, tie_sums)
        result = SearchResult.empty(self.n_beam, self.n_concepts, self.settings, spread, ties)
        alive = np.flatnonzero(~spread.is_dead)
        if alive.size < len(weights):
            weights = weights[alive]
        of_concepts = None
        if scored.wants_concepts:
            of_concepts = np.empty((alive.size, self.n_concepts), np.int64)
        for way in range(len(self.settings.directions)):
            self.search(weights, alive, way, watch, result, of_concepts)
        if of_concepts is not None:
            self.note_concepts(scored, alive, of_concepts)
        units = np.arange(len(result))[:, None, None]
        result.test(np.broadcast_to(units, result.length.shape), ties)
        return result

    def note_concepts(self, scored: Scored, alive: np.ndarray, sums: np.ndarray) -> None:
        """Note the rank sums of the concepts, given those of the living units: int64 [k, C]."""
        # All samples of a dead unit have the doubled midrank N + 1.
        tied = self.literal_sizes[: self.n_concepts] * (self.n_samples + 1)
        of_all = np.tile(tied, (len(scored.ranked.sums), 1))
        of_all[alive] = sums
        scored.note_concepts(of_all)


def sizes_within(min_fraction: float, max_fraction: float, n_samples: int) -> tuple[int, int]:
    """Return the smallest and largest n with 0 < n < N whose float64 n / N is within limits."""
    low = max(1, math.floor(min_fraction * n_samples) - 1)
    while low < n_samples and low / n_samples < min_fraction:
        low += 1
    high = min(n_samples - 1, math.ceil(max_fraction * n_samples) + 1)
    while high > 0 and high / n_samples > max_fraction:
        high -= 1
    return low, high
