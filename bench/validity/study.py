"""What a study is."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from bench.validity.record import Row

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]
"""Titles and cells."""


class Sizes(NamedTuple):
    """How much to run: `repeats` runs, each with its own seed, of `units` units a cell."""

    repeats: int
    units: int
    jobs: int | None = None


class Study(NamedTuple):
    """A question, what answers it, and how its rows become a small table.

    `data` are the names of what it takes from outside the repository, as `labels.absent` has them.
    """

    asks: str
    run: Callable[[Sizes], Iterator[Row]]
    summary: Callable[[Sequence[Row]], Table]
    repeats: int
    units: int
    data: tuple[str, ...] = ()


def percent(part: float) -> str:
    """Write a share for a table.

    >>> percent(0.0448), percent(0.5), percent(1.0)
    ('4.5 %', '50.0 %', '100.0 %')
    """
    return f"{part:.1%}".replace("%", " %")


def round_percent(part: float) -> str:
    """Write a share that was chosen, with no more digits than it has.

    >>> round_percent(0.9), round_percent(0.998)
    ('90 %', '99.8 %')
    """
    return f"{100 * part:g} %"


def extremes(rows: Sequence[Row], share: str) -> str:
    """Write the range of a share over several rows."""
    of = [row[share] for row in rows]
    return f"{percent(min(of))} to {percent(max(of))}"


def groups_of(rows: Sequence[Row], *names: str) -> dict[tuple[str | int | float, ...], list[Row]]:
    """Return the rows by the values of some of their columns, in the order of the rows."""
    found: dict[tuple[str | int | float, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in names), []).append(row)
    return found
