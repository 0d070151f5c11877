"""Threads and memory: how much there is, and reading ahead."""

import contextlib
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from numbers import Integral
from typing import TypeVar

from invert_core.errors import SettingError

T = TypeVar("T")

steps = logging.getLogger("invert.steps")
"""Says at level DEBUG how far a step is that holds up the rest; an empty message ends it."""


@contextlib.contextmanager
def step(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """Say with `steps` how far a step is; yield a function that takes how much of it is done."""
    try:
        yield lambda done: steps.debug("%s: %s of %s", title, f"{done:,}", f"{total:,}")
    finally:
        steps.debug("")


_LONGEST_WAIT = 0.5
"""Seconds until an interrupt is noticed where waiting cannot be interrupted, as on Windows."""

_PATIENCE = 1.0
"""Seconds that an interrupted call has to return."""

_INTERRUPTIBLE = "interruptible"
"""The name of the threads of such calls."""


def read_ahead(
    blocks: Iterable[T], depth: int = 1, stop: Callable[[], None] = lambda: None
) -> Generator[T]:
    """Yield the items of `blocks` in order, while a thread prepares the next ones.

    An error that `blocks` raises takes its place among the items.

    Parameters
    ----------
    blocks : iterable
        The thread iterates over it once the first item is requested, and closes it at the end if
        it is a generator.
    depth : int
        The most items, finished or being prepared, that wait besides the one in use. An item is
        released as soon as it is handed over.
    stop : callable, optional
        Called when no more items are wanted, before waiting for the thread. It may make `blocks`
        stop in the middle of an item.

    Returns
    -------
    generator
        A caller that stops early must close it, for example with `contextlib.closing`. The thread
        then finishes its current item and ends, as it does after an error or an interrupt.

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
            yield item.pop()  # keep no reference to it here
    finally:
        stop()
        thread.shutdown(cancel_futures=True)
        items.close()


def _each(blocks: Iterable[T]) -> Generator[T]:
    """Return `blocks` as a generator, because a generator ends once it has raised an error."""
    yield from blocks


def interruptible(call: Callable[[], T], stop: Callable[[], None] = lambda: None) -> T:
    """Return the result of a long call into another language, which signals can interrupt.

    Python handles signals in the main thread only, between two of its own instructions. There the
    call runs in a thread of its own; in other threads it runs as usual.

    Parameters
    ----------
    call : callable
    stop : callable, optional
        Called if the call is interrupted; it makes the call return soon. A call that does not
        return is left behind, see `is_left_behind`.
    """
    if threading.current_thread() is not threading.main_thread():
        return call()
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(call())
        except BaseException as error:
            result.set_exception(error)

    # A daemon, because what does not stop must not keep the program from ending.
    thread = threading.Thread(target=run, name=_INTERRUPTIBLE, daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(_LONGEST_WAIT)
    except BaseException:
        stop()
        thread.join(_PATIENCE)
        raise
    return result.result()


def is_left_behind() -> bool:
    """Return whether an interrupted call still runs, so that the program cannot end as usual."""
    return any(thread.name == _INTERRUPTIBLE for thread in threading.enumerate())


def n_threads(jobs: int | None) -> int:
    """Return the number of threads to use; None means one for each core."""
    if jobs is None:
        return available_cores()
    if not isinstance(jobs, Integral) or jobs < 1:
        raise SettingError(f"--jobs is {jobs!r}.", "Give a whole number of 1 or more.")
    return int(jobs)


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_bytes() -> int | None:
    """Return the size of the memory of this machine; None where the system does not tell it."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
