"""Runs a search in threads, a piece of some units in each."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np

from invert_core.parallel import n_threads, units_per_piece
from invert_core.search.search import Explained, Search, Units, Watch

_SECONDS_PER_TICK = 0.2


@dataclass(frozen=True)
class Piece:
    """Some units, one after the other in the order of the blocks, and what was found for them."""

    units: Units
    explained: Explained

    def __len__(self) -> int:
        """Number of units."""
        return len(self.units)


class Threads:
    """Threads of this process.

    Parameters
    ----------
    jobs : int or None
        How many; None takes the cores that this process may use. Results do not depend on it.

    Raises
    ------
    SettingError
        `jobs` is no whole number of 1 or more.
    """

    def __init__(self, jobs: int | None = None):
        self.n_threads = n_threads(jobs)

    def pieces(
        self,
        search: Search,
        blocks: Iterable[Units],
        tick: Callable[[float], None] | None = None,
    ) -> Generator[Piece]:
        """Search all units of blocks; pieces come in their order.

        While one block is searched the next is taken. When the caller stops early, or an interrupt
        arrives, the units not begun are dropped and the threads end.

        Parameters
        ----------
        search : Search
        blocks : iterable of Units
            All of them have the samples of the search.
        tick : callable, optional
            Called now and then while no piece comes, with how many of the units at work are done:
            a fraction where one takes long.
        """
        search.check_memory(self.n_threads)
        progress = _Progress()
        with ThreadPoolExecutor(self.n_threads) as pool:

            def begin(units: Units) -> Future[Piece]:
                return pool.submit(_explain, search, units, progress.watch(len(units)))

            waiting: deque[list[Future[Piece]]] = deque()
            try:
                for block in blocks:
                    size = 1 if search.one_unit_at_a_time else self._size(search, block)
                    waiting.append([begin(part) for part in _parts(block, size)])
                    if len(waiting) > 1:
                        yield from _in_order(waiting.popleft(), progress, tick)
                while waiting:
                    yield from _in_order(waiting.popleft(), progress, tick)
            finally:
                progress.stopped.set()
                pool.shutdown(cancel_futures=True)

    def _size(self, search: Search, block: Units) -> int:
        return units_per_piece(len(block), search.n_samples, self.n_threads)


class _Progress:
    """What all threads have done of the pieces at work, and whether they must end."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self._watches: list[_PieceWatch] = []

    def watch(self, n_units: int) -> "_PieceWatch":
        """Watch one more piece."""
        watch = _PieceWatch(n_units, self.stopped)
        self._watches.append(watch)
        return watch

    def n_done(self) -> float:
        """Units done, in all pieces that were not handed over."""
        return sum(watch.n_done for watch in self._watches)

    def hand_over(self) -> None:
        """Forget the first piece: whoever counts whole units counts it from now on."""
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
        del piece  # a piece holds activations, which nobody needs any more


def _parts(block: Units, size: int) -> Iterator[Units]:
    for start in range(0, len(block), size):
        stop = min(start + size, len(block))
        if isinstance(block, np.ndarray):
            yield block[start:stop]
        else:
            yield block.select(np.arange(start, stop))
