"""How far long work is: a bar in a terminal, a line now and then in a log."""

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import click

from invert_core.commands.console import is_quiet, say

Advance = Callable[[float, int], None]
"""Takes how much is done, and how much there is in all."""

_steps = logging.getLogger("invert.steps")
_STEPS = 1000
"""Steps of the bar for each item of work; click counts in whole steps."""


@contextlib.contextmanager
def progress(title: str, what: str = "", *, is_aside: bool = False) -> Iterator[Advance]:
    """Show on stderr how far a library call is that reports (done, total).

    In a terminal it is a bar with the time left; elsewhere a line at the start, at most one a
    minute, and one at the end. There is nothing with ``-q``, or for work that was done before. It
    starts at the first report and leaves out what was done by then, so that the time left fits the
    rest of the work. It ends when all is done, so that messages come on lines of their own. If
    `what` names the items, such as "samples", the rate is shown, too, and it starts again when the
    count does, as when all images are read once before the work. Work aside, which seldom takes
    long, has no lines at its start and end.
    """
    if is_quiet() or sys.stderr is None:
        yield lambda done, total: None
        return
    shown = _Bar(title, what) if sys.stderr.isatty() else _Lines(title, what, is_aside)
    progressed = _Progressed(shown, starts_again=bool(what))
    try:
        yield progressed.advance
    finally:
        shown.close()


class _Progressed:
    """Begins and ends what is shown about work, which may start again."""

    def __init__(self, shown: "_Bar | _Lines", *, starts_again: bool):
        self._shown = shown
        self._starts_again = starts_again
        self._last = 0.0
        self._is_begun = self._is_done = False

    def advance(self, done: float, total: int) -> None:
        """Show how much is done."""
        if self._starts_again and done < self._last:
            self._shown.close()
            self._is_begun = self._is_done = False
        self._last = done
        if self._is_done:
            return
        self._is_done = done >= total
        if not self._is_begun:
            if self._is_done:
                return
            self._is_begun = True
            self._shown.begin(done, total)
        self._shown.advance(done, total)
        if self._is_done:
            self._shown.end(total)


class _Bar:
    """A bar in a terminal."""

    def __init__(self, title: str, what: str):
        self._title, self._what = title, what
        self._stack = contextlib.ExitStack()
        self._first = self._clock = 0.0
        self._bar: Any = None

    def begin(self, done: float, _total: int) -> None:
        self._first, self._clock = done, time.monotonic()
        self._bar = self._stack.enter_context(
            click.progressbar(
                length=1,
                label=self._title,
                file=sys.stderr,
                item_show_func=lambda rate: rate,
            )
        )

    def advance(self, done: float, total: int) -> None:
        since = done - self._first
        seconds = time.monotonic() - self._clock
        is_rated = self._what and seconds
        rate = f"{rounded(since / seconds)} {self._what}/s" if is_rated else None
        self._bar.length = max(1, int((total - self._first) * _STEPS))
        self._bar.update(max(0, int(since * _STEPS) - self._bar.pos), rate)

    def end(self, _total: int) -> None:
        self.close()

    def close(self) -> None:
        self._stack.close()


class _Lines:
    """Lines in a log; how many come between the first and the last is left to `StepLines`."""

    def __init__(self, title: str, what: str, is_aside: bool):
        self._title, self._what, self._is_aside = title, what, is_aside
        self._first = self._clock = 0.0

    def begin(self, done: float, total: int) -> None:
        self._first, self._clock = done, time.monotonic()
        if not self._is_aside:
            say(f"{self._title}: {self._of(done, total)}.")

    def advance(self, done: float, total: int) -> None:
        if done < total:
            _steps.debug("%s: %s%s.", self._title, self._of(done, total), self._left(done, total))

    def end(self, total: int) -> None:
        took = duration(time.monotonic() - self._clock)
        if not self._is_aside:
            say(f"{self._title}: all {self._named(f'{total:,}')} in {took}.")

    def close(self) -> None:
        """Leave what was said."""

    def _of(self, done: float, total: int) -> str:
        return self._named(f"{int(done):,} of {total:,}")

    def _named(self, number: str) -> str:
        return f"{number} {self._what}".rstrip()

    def _left(self, done: float, total: int) -> str:
        """Say how much time is left, if that is known, and how much is done per second."""
        seconds, since = time.monotonic() - self._clock, done - self._first
        if not (seconds and since):
            return ""
        rate = f", {rounded(since / seconds)} {self._what}/s" if self._what else ""
        return f"{rate}, about {duration((total - done) * seconds / since)} left"


def duration(seconds: float) -> str:
    """Write a time for people.

    >>> duration(0.12), duration(75), duration(7325)
    ('0.12 s', '1 min 15 s', '2 h 2 min')
    """
    if seconds < 60:
        return f"{rounded(seconds)} s"
    minutes = int(seconds) // 60
    if minutes < 60:
        return f"{minutes} min {int(seconds) % 60} s"
    return f"{minutes // 60:,} h {minutes % 60} min"


def rounded(number: float) -> str:
    """Write a number with the digits that people want to see.

    >>> rounded(0.1234), rounded(1234.5)
    ('0.12', '1,234')
    """
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"
