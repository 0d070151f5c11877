"""Running a search in threads; each thread takes a piece of a few units at a time."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from invert_core.parallel import n_threads
from invert_core.search.search import Units, Watch

_VALUES = 2**21
"""The most activations of a piece: ranking them takes 10 ms and more."""
_FEWEST_UNITS = 16
"""No block is divided into smaller pieces to keep all threads busy; they take several blocks."""
_SECONDS_PER_TICK = 0.2

Found = TypeVar("Found", covariant=True)


class Explains(Protocol[Found]):
    """What runs in the threads: a search, or several."""

    @property
    def most_units(self) -> int:
        """The most units that a thread should search at once."""

    def explain(self, units: Units, watch: Watch) -> Found:
        """Return what is found for some units."""


@dataclass(frozen=True)
class Piece(Generic[Found]):
    """A few consecutive units, what was found for them, and what was made of both."""

    units: Units
    found: Found
    made: Any = None

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
        search: Explains[Found],
        blocks: Iterable[Units],
        tick: Callable[[float], None] | None = None,
        make: Callable[[Units, Found], Any] | None = None,
    ) -> Generator[Piece[Found]]:
        """Search all units of the blocks and yield the pieces in the order of the units.

        The next block is fetched while two pieces for each thread are left. If the caller stops
        early, or an interrupt arrives, units that have not begun are dropped and the threads end.

        Parameters
        ----------
        search : Search or Several
        blocks : iterable of Units
            Blocks of units, over the samples of the search.
        tick : callable, optional
            Called from time to time while the next piece is not ready, with how many of the units
            in progress are done. The number has a fraction while a unit that takes long is in
            progress.
        make : callable, optional
            Makes the `made` of each piece, in the thread that searched it.
        """
        progress = _Progress()
        with ThreadPoolExecutor(self.n_threads) as pool:

            def begin(units: Units) -> Future[Piece[Found]]:
                return pool.submit(_explain, search, units, progress.watch(len(units)), make)

            waiting: deque[Future[Piece[Found]]] = deque()
            fetched = iter(blocks)
            try:
                while True:
                    try:
                        block = next(fetched, None)
                    # What comes before an error is worth having; an interrupt waits for no thread.
                    except Exception:
                        yield from _in_order(waiting, 0, progress, tick)
                        raise
                    if block is None:
                        break
                    size = _units_per_piece(block, search.most_units, self.n_threads)
                    waiting.extend(map(begin, _parts(block, size)))
                    del block  # it is freed with its last piece
                    yield from _in_order(waiting, 2 * self.n_threads, progress, tick)
                yield from _in_order(waiting, 0, progress, tick)
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


def _explain(
    search: Explains[Found],
    units: Units,
    watch: _PieceWatch,
    make: Callable[[Units, Found], Any] | None,
) -> Piece[Found]:
    watch.check()
    found = search.explain(units, watch)
    return Piece(units, found, None if make is None else make(units, found))


def _in_order(
    waiting: deque[Future[Piece[Found]]],
    n_left: int,
    progress: _Progress,
    tick: Callable[[float], None] | None,
) -> Iterator[Piece[Found]]:
    """Yield pieces until so many are left."""
    while len(waiting) > n_left:
        while tick is not None and not wait([waiting[0]], _SECONDS_PER_TICK).done:
            tick(progress.n_done())
        piece = waiting.popleft().result()
        progress.hand_over()
        yield piece
        del piece  # free its activations before waiting for the next piece


def _units_per_piece(block: Units, most: int, n_threads: int) -> int:
    """Return how many units of a block a thread takes at once, at most `most`.

    A piece has few units, so that all threads have work, but enough to be worth handing over,
    which takes 0.12 ms, most of it with the GIL. All pieces of a block are about equal.
    """
    n_units = len(block)
    n_values = block.size if isinstance(block, np.ndarray) else block.data.size
    fitting = _VALUES * n_units // max(1, n_values)
    size = max(1, min(most, fitting, max(_FEWEST_UNITS, n_units // n_threads)))
    n_pieces = -(-n_units // size)
    return -(-n_units // n_pieces)


def _parts(block: Units, size: int) -> Iterator[Units]:
    for start in range(0, len(block), size):
        stop = min(start + size, len(block))
        if isinstance(block, np.ndarray):
            yield block[start:stop]
        else:
            yield block.part(start, stop)
