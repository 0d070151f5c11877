"""The interface that all searches share, and the results that they return."""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from invert_core.activations.sparse import SparseUnits
from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.errors import DataError
from invert_core.kernels.jobs import ranks_of
from invert_core.kernels.warm_up import compile_jobs
from invert_core.settings import Settings
from invert_core.statistics.tails import RankSpread

Units = np.ndarray | SparseUnits
"""Activations of k units without NaN: floats [k, N], or stored sparsely."""


@dataclass(frozen=True)
class Found:
    """One formula that a search found.

    Attributes
    ----------
    literals : tuple of int
        2c stands for concept c, and 2c + 1 for its negation; c is a concept index.
    connectives : tuple of {"&", "|"}
        Connective k comes before literal k + 1.
    n_positive : int
        Number of samples in the extent.
    doubled_u, auc : int, float
        2U and the AUC of the extent.
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
        """Make a formula from the sum of the doubled midranks of its samples."""
        doubled_u = rank_sum - n_positive * (n_positive + 1)
        return cls(literals, connectives, n_positive, doubled_u, auc)

    @property
    def length(self) -> int:
        """Number of literals."""
        return len(self.literals)


@dataclass(frozen=True)
class UnitResult:
    """The formulas that one search found for one unit; a dead unit has none.

    Attributes
    ----------
    direction : str
        Direction of the search.
    reported : tuple of Found
        The formulas to report, best first.
    beam : tuple of Found
        The formulas of the last beam; empty for an exhaustive search.
    by_length : tuple of Found
        The best formula of each length, shortest first; a length may be absent.
    n_scored : int
        Number of formulas scored.
    gap : float or None
        How much better, in AUC, the best possible formula can be than the best one found, which
        `min_gain` may leave out of `reported`. 0.0 means that the best one is certified, None that
        nothing is known.
    """

    direction: str
    reported: tuple[Found, ...]
    beam: tuple[Found, ...]
    by_length: tuple[Found, ...]
    n_scored: int
    gap: float | None = None


@dataclass(frozen=True)
class Explained:
    """The results for some units, one per unit and direction.

    `spread` has one entry per formula, in the order of `found`.
    """

    results: tuple[tuple[UnitResult, ...], ...]
    spread: RankSpread

    @property
    def found(self) -> Iterator[Found]:
        """The formulas of all results, in order; of each first `reported`, then `by_length`."""
        for result in itertools.chain.from_iterable(self.results):
            yield from result.reported
            yield from result.by_length


class Watch:
    """A channel between a long search and its executor; this base class ignores all messages."""

    def note(self, share: float) -> None:
        """Tell the executor which share of the present units is done."""

    @property
    def is_stopped(self) -> bool:
        """Whether the executor no longer wants the result."""
        return False

    def check(self) -> None:
        """Raise CancelledError if the executor no longer wants the result."""
        if self.is_stopped:
            raise CancelledError


UNWATCHED = Watch()


class Search(ABC):
    """A concept set, prepared for searching many units; it holds no state of any unit.

    Parameters
    ----------
    concepts : ConceptSet
    settings : Settings
    dtypes : iterable of dtype
        Types of the activations to come. Their ranking is compiled together with the search; of
        other types, when the first unit comes.
    """

    JOBS: ClassVar[tuple[str, ...]]
    """The jobs that compile its kernels, except those that rank; the longest first."""

    one_unit_at_a_time: ClassVar[bool] = False
    """Whether a unit may take so long that each should be a piece of work on its own."""

    def __init__(self, concepts: ConceptSet, settings: Settings, dtypes: Iterable[np.dtype] = ()):
        self.settings = settings
        self.n_samples = concepts.n_samples
        self._dtypes = tuple(dtypes)

    def compile(self) -> None:
        """Compile the kernels that the search calls, or see that they are on disk."""
        compile_jobs(*self.JOBS, *map(ranks_of, self._dtypes))

    @property
    @abstractmethod
    def n_literals_within_limits(self) -> int:
        """Number of literals whose extent is within the fraction limits."""

    @abstractmethod
    def explain(self, units: Units, watch: Watch = UNWATCHED) -> Explained:
        """Search some units; several threads may call this at once."""

    @property
    def dead(self) -> tuple[UnitResult, ...]:
        """The results for a dead unit, whose values are all equal."""
        return (UnitResult(self.settings.direction, (), (), (), 0),)

    def unit(self, values: np.ndarray) -> tuple[UnitResult, ...]:
        """Search one unit, floats [N] without NaN, and return one result per direction."""
        if values.shape != (self.n_samples,):
            raise DataError(
                f"The activations have shape {values.shape} for {self.n_samples} samples.",
                "Give one activation per sample of the concepts.",
            )
        return self.explain(values[None]).results[0]
