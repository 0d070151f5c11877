"""Threads: how many there are, how work is divided among them, and reading ahead."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from numbers import Integral
from typing import TypeVar

from invert_core.errors import SettingError

T = TypeVar("T")

_VALUES_AT_ONCE = 2**19


def read_ahead(
    blocks: Iterable[T], depth: int = 1, stop: Callable[[], None] = lambda: None
) -> Generator[T]:
    """Give the items of `blocks` in their order, while a thread makes the next ones ready.

    Parameters
    ----------
    blocks : iterable
        Run by the thread, from when the first item is asked for; closed in the end if it is a
        generator.
    depth : int
        The most items that wait, finished or in the making, besides the one in use. No item is
        kept once it is handed over.
    stop : callable, optional
        Called when no more items are wanted, before the thread is waited for: it may let `blocks`
        end in the midst of an item.

    Returns
    -------
    generator
        To be closed by who stops early, for example with `contextlib.closing`. Then, and after
        an error or an interrupt, the thread ends with the item it is at, and is waited for.

    Raises
    ------
    SettingError
        `depth` is less than 1.
    BaseException
        From the generator: what `blocks` raises, in its place among the items.

    Examples
    --------
    >>> list(read_ahead(range(3)))
    [0, 1, 2]
    """
    if depth < 1:
        raise SettingError(f"The depth is {depth}.", "Give 1 or more.")
    return _hand_over(_each(blocks), depth, stop)


def _hand_over(items: Generator[T], depth: int, stop: Callable[[], None]) -> Generator[T]:
    waiting: deque[Future[T]] = deque()
    thread = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
    try:
        for _ in range(depth):
            waiting.append(thread.submit(next, items))
        while True:
            waiting.append(thread.submit(next, items))
            try:
                item = [waiting.popleft().result()]
            except StopIteration:
                return
            yield item.pop()  # which leaves no reference to it here
    finally:
        stop()
        thread.shutdown(cancel_futures=True)
        items.close()


def _each(blocks: Iterable[T]) -> Generator[T]:
    """The same as a generator, which is at its end once it has raised."""
    yield from blocks


def units_per_piece(n_units: int, n_samples: int, jobs: int) -> int:
    """Units that one thread takes at once, few enough that all threads are busy to the end."""
    return max(1, min(_VALUES_AT_ONCE // n_samples, n_units // (4 * jobs)))


def n_threads(jobs: int | None) -> int:
    """Threads to use: all cores for None.

    Raises
    ------
    SettingError
        It is no whole number of 1 or more.
    """
    if jobs is None:
        return available_cores()
    if not isinstance(jobs, Integral) or jobs < 1:
        raise SettingError(f"--jobs is {jobs!r}.", "Give a whole number of 1 or more.")
    return int(jobs)


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
