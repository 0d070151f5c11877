"""Running a search in threads; each thread takes a piece of a few units at a time."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np

from invert_core.parallel import n_threads, units_per_piece
from invert_core.search.search import Search, Units, Watch
from invert_core.search.search_result import SearchResult

_SECONDS_PER_TICK = 0.2


@dataclass(frozen=True)
class Piece:
    """A few consecutive units, and what was found for them."""

    units: Units
    found: SearchResult

    def __len__(self) -> int:
        """Number of units."""
        return len(self.units)


class Threads:
    """An executor that uses threads of this process.

    Parameters
    ----------
    jobs : int or None
        Number of threads; None means one for each core that this process may use. Results do not
        depend on it.
    """

    def __init__(self, jobs: int | None = None):
        self.n_threads = n_threads(jobs)

    def pieces(
        self,
        search: Search,
        blocks: Iterable[Units],
        tick: Callable[[float], None] | None = None,
    ) -> Generator[Piece]:
        """Search all units of the blocks and yield the pieces in the order of the units.

        While the threads search one block, the next is fetched. If the caller stops early, or an
        interrupt arrives, units that have not begun are dropped and the threads end.

        Parameters
        ----------
        search : Search
        blocks : iterable of Units
            Blocks of units, over the samples of the search.
        tick : callable, optional
            Called from time to time while the next piece is not ready, with how many of the units
            in progress are done. The number has a fraction while a unit that takes long is in
            progress.
        """
        progress = _Progress()
        with ThreadPoolExecutor(self.n_threads) as pool:

            def begin(units: Units) -> Future[Piece]:
                return pool.submit(_explain, search, units, progress.watch(len(units)))

            waiting: deque[list[Future[Piece]]] = deque()
            try:
                for block in blocks:
                    size = units_per_piece(len(block), search.most_units, self.n_threads)
                    waiting.append([begin(part) for part in _parts(block, size)])
                    if len(waiting) > 1:
                        yield from _in_order(waiting.popleft(), progress, tick)
                while waiting:
                    yield from _in_order(waiting.popleft(), progress, tick)
            finally:
                progress.stopped.set()
                pool.shutdown(cancel_futures=True)


class _Progress:
    """The progress of all pieces that were not yielded yet, and whether the threads must end."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self._watches: list[_PieceWatch] = []

    def watch(self, n_units: int) -> "_PieceWatch":
        """Add a piece and return its watch."""
        watch = _PieceWatch(n_units, self.stopped)
        self._watches.append(watch)
        return watch

    def n_done(self) -> float:
        """Return how many units are done in all pieces that were not yielded yet."""
        return sum(watch.n_done for watch in self._watches)

    def hand_over(self) -> None:
        """Forget the first piece; the caller counts its units from now on."""
        self._watches.pop(0)


class _PieceWatch(Watch):
    def __init__(self, n_units: int, stopped: threading.Event):
        self.n_done = 0.0
        self._n_units = n_units
        self._stopped = stopped

    def note(self, share: float) -> None:
        self.n_done = share * self._n_units

    @property
    def is_stopped(self) -> bool:
        return self._stopped.is_set()


def _explain(search: Search, units: Units, watch: _PieceWatch) -> Piece:
    watch.check()
    return Piece(units, search.explain(units, watch))


def _in_order(
    futures: list[Future[Piece]], progress: _Progress, tick: Callable[[float], None] | None
) -> Iterator[Piece]:
    waiting = deque(futures)
    del futures
    while waiting:
        while tick is not None and not wait([waiting[0]], _SECONDS_PER_TICK).done:
            tick(progress.n_done())
        piece = waiting.popleft().result()
        progress.hand_over()
        yield piece
        del piece  # free its activations before waiting for the next piece


def _parts(block: Units, size: int) -> Iterator[Units]:
    for start in range(0, len(block), size):
        stop = min(start + size, len(block))
        if isinstance(block, np.ndarray):
            yield block[start:stop]
        else:
            yield block.part(start, stop)
