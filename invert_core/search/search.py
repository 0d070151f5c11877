"""What every kind of search has in common: what it finds, and how it is asked."""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from invert_core.activations.sparse import SparseUnits
from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.errors import DataError
from invert_core.settings import Settings
from invert_core.statistics.tails import RankSpread

Units = np.ndarray | SparseUnits
"""Activations of k units: floats [k, N] without NaN, or the same stored sparsely."""


@dataclass(frozen=True)
class Found:
    """One formula of a search.

    `literals` are 2c for concept c and 2c + 1 for its negation; connective k, of {"&", "|"},
    stands before literal k + 1. U and AUC belong to the extent of `n_positive` samples.
    """

    literals: tuple[int, ...]
    connectives: tuple[str, ...]
    n_positive: int
    doubled_u: int
    auc: float

    @classmethod
    def of_sums(
        cls,
        literals: tuple[int, ...],
        connectives: tuple[str, ...],
        n_positive: int,
        rank_sum: int,
        auc: float,
    ) -> Self:
        """A formula given by the sum of the doubled midranks of its samples."""
        doubled_u = rank_sum - n_positive * (n_positive + 1)
        return cls(literals, connectives, n_positive, doubled_u, auc)

    @property
    def length(self) -> int:
        """Number of literals."""
        return len(self.literals)


@dataclass(frozen=True)
class UnitResult:
    """What one search found for one unit; nothing for a dead one.

    `reported` is best first; `by_length` holds at most one formula of each length. `gap` is how
    much better than the best formula found, which `min_gain` may leave out of those reported, an
    unknown one can be, in AUC: 0.0 if the best of all is certified, None if nothing is known.
    """

    direction: str
    reported: tuple[Found, ...]
    beam: tuple[Found, ...]
    by_length: tuple[Found, ...]
    n_scored: int
    gap: float | None = None


@dataclass(frozen=True)
class Explained:
    """What was found for some units: one result per direction of each.

    `spread` has an entry for each formula: those of the results in their order, first of
    `reported`, then of `by_length`.
    """

    results: tuple[tuple[UnitResult, ...], ...]
    spread: RankSpread

    @property
    def found(self) -> Iterator[Found]:
        """The formulas that `spread` belongs to."""
        for result in itertools.chain.from_iterable(self.results):
            yield from result.reported
            yield from result.by_length


class Watch:
    """How a search that takes long and whoever runs it hear from each other; this one is deaf."""

    def note(self, share: float) -> None:
        """Take note of the share of the units at hand that is done."""

    @property
    def is_stopped(self) -> bool:
        """Whether nobody wants the result any more."""
        return False

    def check(self) -> None:
        """End the work here, if nobody wants its result any more."""
        if self.is_stopped:
            raise CancelledError


DEAF = Watch()


class Search(ABC):
    """A concept set made ready for the search of many units; it holds nothing of any unit.

    Parameters
    ----------
    concepts : ConceptSet
    settings : Settings
    """

    one_unit_at_a_time: ClassVar[bool] = False
    """Whether units may take long, so that each is worth a thread of its own."""

    def __init__(self, concepts: ConceptSet, settings: Settings):
        self.settings = settings
        self.n_samples = concepts.n_samples

    @property
    @abstractmethod
    def n_literals_within_limits(self) -> int:
        """How many literals have an extent within the fraction limits."""

    @abstractmethod
    def explain(self, units: Units, watch: Watch = DEAF) -> Explained:
        """Search some units; called from several threads at once."""

    def check_memory(self, n_threads: int) -> None:
        """Refuse more threads than there can be memory for; here none takes much."""
        return

    @property
    def dead(self) -> tuple[UnitResult, ...]:
        """What is found for a unit whose values are all equal."""
        return (UnitResult(self.settings.direction, (), (), (), 0),)

    def unit(self, values: np.ndarray) -> tuple[UnitResult, ...]:
        """Search one unit: floats [N] without NaN -> one result per direction."""
        if values.shape != (self.n_samples,):
            raise DataError(
                f"The activations have shape {values.shape} for {self.n_samples} samples.",
                "Give one activation per sample of the concepts.",
            )
        return self.explain(values[None]).results[0]
