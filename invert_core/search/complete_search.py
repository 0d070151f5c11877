"""The parts that searches share if every concept is defined on all samples."""

import math
from abc import abstractmethod
from collections.abc import Iterable

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.kernels.atoms import Atoms
from invert_core.kernels.ranks import rank_sums
from invert_core.search.search import UNWATCHED, Explained, Search, UnitResult, Units, Watch
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

    @property
    @abstractmethod
    def atoms(self) -> Atoms:
        """The atoms of the concepts."""

    @abstractmethod
    def search(self, weights: np.ndarray, direction: str, watch: Watch) -> list[UnitResult]:
        """Search living units, given by the rank sums of their atoms: int64 [K, S]."""

    def explain(self, units: Units, watch: Watch = UNWATCHED) -> Explained:
        """Search some units; several threads may call this at once."""
        weights, ties, cubes = rank_sums(units, self.atoms)
        spread = RankSpread.of_units(self.n_samples, ties, cubes)
        alive = np.flatnonzero(~spread.is_dead)
        found = [self.search(weights[alive], way, watch) for way in self.settings.directions]
        of_unit = dict(zip(alive.tolist(), zip(*found, strict=True), strict=True))
        results = [of_unit.get(unit, self.dead) for unit in range(len(units))]
        n_formulas = [
            sum(len(one.reported) + len(one.by_length) for one in of_unit) for of_unit in results
        ]
        of_formula = np.repeat(np.arange(len(units)), n_formulas)
        return Explained(tuple(results), spread.of_each(of_formula))


def sizes_within(min_fraction: float, max_fraction: float, n_samples: int) -> tuple[int, int]:
    """Return the smallest and largest n with 0 < n < N whose float64 n / N is within limits."""
    low = max(1, math.floor(min_fraction * n_samples) - 1)
    while low < n_samples and low / n_samples < min_fraction:
        low += 1
    high = min(n_samples - 1, math.ceil(max_fraction * n_samples) + 1)
    while high > 0 and high / n_samples > max_fraction:
        high -= 1
    return low, high
