"""Measuring ways of the same work in turns, so that a noisy machine slows all of them alike."""

import os
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from bench.results import Round


def _anything(_: Any) -> None:
    """Accept every result, of work that has nothing to be compared with."""


class Way(NamedTuple):
    """A way of doing a workload, and the check that its result must pass before a time counts.

    A way that takes long works on the share `part` of the workload, or takes part in the first
    `rounds` rounds only, without a warm-up.
    """

    name: str
    function: Callable[[], Any]
    check: Callable[[Any], None] = _anything
    part: float = 1.0
    remark: str = ""
    rounds: int | None = None


def alternate(ways: Sequence[Way], rounds: int) -> list[tuple[Round, ...]]:
    """Return the rounds of each way; way follows way, round by round.

    Every result is checked, also that of a first round, which is not timed: it fills caches and
    starts threads.
    """
    for way in ways:
        if way.rounds is None:
            way.check(way.function())
    spent: list[list[Round]] = [[] for _ in ways]
    for number in range(rounds):
        for way, of_way in zip(ways, spent, strict=True):
            if way.rounds is None or number < way.rounds:
                of_way.append(_timed(way))
    return [tuple(of_way) for of_way in spent]


def _timed(way: Way) -> Round:
    wall, processor = time.perf_counter(), _processor_time()
    result = way.function()
    spent = Round(time.perf_counter() - wall, _processor_time() - processor)
    way.check(result)
    return spent


def _processor_time() -> float:
    """Return the processor time of this process with its threads, and of the children it awaited.

    Children count in ticks of the system, often 10 ms; without any, the time is as fine as the
    clock.
    """
    children = os.times()
    return time.process_time() + children.children_user + children.children_system
