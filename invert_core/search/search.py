"""Searching blocks of units in threads: what every kind of search shares."""

import itertools
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Self

import numpy as np

from invert_core.activations.sparse import SparseUnits
from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.errors import DataError
from invert_core.parallel import n_threads, units_per_piece
from invert_core.settings import Settings
from invert_core.statistics.tails import RankSpread

Units = np.ndarray | SparseUnits

_SECONDS_PER_TICK = 0.2


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
class Piece:
    """What was found for some units on `n_samples` samples: one result per direction of each.

    `spread` is that of each formula: of the results in their order, first of `reported`, then of
    `by_length`.
    """

    number: int
    n_samples: int
    results: tuple[tuple[UnitResult, ...], ...]
    spread: RankSpread

    @property
    def found(self) -> Iterator[Found]:
        """The formulas that `spread` belongs to."""
        for result in itertools.chain.from_iterable(self.results):
            yield from result.reported
            yield from result.by_length


class Search(ABC):
    """A concept set made ready for the search of many units.

    Parameters
    ----------
    concepts : ConceptSet
    settings : Settings
    jobs : int or None
        Threads; None takes the cores that this process may use. Results do not depend on it.
    """

    def __init__(self, concepts: ConceptSet, settings: Settings, jobs: int | None = None):
        self.settings = settings
        self.jobs = n_threads(jobs)
        self.n_samples = concepts.n_samples
        self._stop = threading.Event()
        self._piece_of_thread = threading.local()
        self._shares: dict[int, float] = {}

    @property
    @abstractmethod
    def n_literals_within_limits(self) -> int:
        """How many literals have an extent within the fraction limits."""

    @abstractmethod
    def explain(self, units: Units) -> tuple[list[tuple[UnitResult, ...]], RankSpread]:
        """Search some units: one result per direction of each, and the spread of each formula."""

    def units_per_piece(self, n_units: int) -> int:
        """How many units of a block one thread takes at once."""
        return units_per_piece(n_units, self.n_samples, self.jobs)

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
        self._begin()
        return self._piece(0, values[None]).results[0]

    def _begin(self) -> None:
        self._stop.clear()
        self._shares.clear()

    def note_share(self, share: float) -> None:
        """Note how much of its units the calling thread has done, where they take long."""
        self._shares[self._piece_of_thread.number] = share

    def pieces(
        self, blocks: Iterable[Units], tick: Callable[[float], None] | None = None
    ) -> Generator[Piece]:
        """Search all units of blocks in parallel; results come in their order, some at a time.

        A block is an array [k, N] or `SparseUnits`. While one is searched the next is taken. When
        the caller stops early, or an interrupt arrives, the units not begun are dropped and the
        threads end. `tick` is called now and then while none comes, with what is done of the units
        that are being searched.
        """
        self._begin()
        numbers = itertools.count()
        with ThreadPoolExecutor(self.jobs) as pool:
            waiting: deque[list[Future[Piece]]] = deque()
            try:
                for block in blocks:
                    size = self.units_per_piece(len(block))
                    waiting.append(
                        [
                            pool.submit(
                                self._piece, next(numbers), _part(block, start, start + size)
                            )
                            for start in range(0, len(block), size)
                        ]
                    )
                    if len(waiting) > 1:
                        yield from self._results(waiting.popleft(), tick)
                for futures in waiting:
                    yield from self._results(futures, tick)
            finally:
                self._stop.set()
                pool.shutdown(cancel_futures=True)

    def _results(
        self, futures: list[Future[Piece]], tick: Callable[[float], None] | None
    ) -> Iterator[Piece]:
        for future in futures:
            while tick is not None and not wait([future], _SECONDS_PER_TICK).done:
                tick(sum(self._shares.copy().values()))
            piece = future.result()
            self._shares.pop(piece.number, None)
            yield piece

    def _piece(self, number: int, units: Units) -> Piece:
        if self._stop.is_set():
            raise CancelledError
        self._piece_of_thread.number = number
        results, spread = self.explain(units)
        return Piece(number, self.n_samples, tuple(results), spread)


def _part(units: Units, start: int, stop: int) -> Units:
    if isinstance(units, np.ndarray):
        return units[start:stop]
    return units.select(np.arange(start, min(stop, len(units))))
