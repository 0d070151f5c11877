"""Tables for people, which fit the terminal, and the same rows for programs."""

import csv
import io
import itertools
import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from invert_core.commands.console import echo_data, echo_line, printable, say
from invert_core.commands.signs import as_written, cut_to, width_of

T = TypeVar("T")

_ROWS_AT_ONCE = 1000
_GAP = "  "
_ADDRESS, _LEAST = 24, 6
"""Places to which an address shrinks before columns are left out, and all texts at worst."""


class Number(str):
    """A number that is already written; in a table it stands to the right and is never cut."""

    __slots__ = ()


class Address(str):
    """An address of a unit; where it must be cut, both ends stay."""

    __slots__ = ()


@dataclass(frozen=True)
class Fit:
    """What gives way, besides long texts, if a table is wider than the terminal.

    Attributes
    ----------
    drop : tuple of str
        Columns that are left out, the first first.
    prose : tuple of str
        Columns that are not cut but go on in the next line.
    text : int
        Places to which texts shrink before columns are left out.
    """

    drop: tuple[str, ...] = ()
    prose: tuple[str, ...] = ()
    text: int = 16


def print_rows(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[str], style: str, fit: Fit = Fit()
) -> None:
    """Print rows on stdout as a table for people, or as JSON or CSV for programs.

    Only a table needs all rows at once. In a terminal it is as wide as that at most; elsewhere
    nothing is left out.
    """
    if style == "json":
        _print_json(rows)
    elif style == "csv":
        _print_csv(itertools.chain([columns], ([row[name] for name in columns] for row in rows)))
    else:
        lines, without = table(list(rows), columns, terminal_width(), fit)
        echo_line("\n".join(lines))
        say_left_out(left_out(without))


def terminal_width() -> int | None:
    """Return the number of places of a line, or None if stdout is no terminal."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size().columns


def left_out(columns: Iterable[str], of: str = "") -> list[str]:
    """Return in words which columns were left out, and of which table if there are several."""
    names = ", ".join(_title(name) for name in columns if name)
    return [f"{names} ({of})" if of else names] if names else []


def say_left_out(told: Iterable[str]) -> None:
    """Say what a terminal has no room for."""
    if said := "; ".join(dict.fromkeys(told)):
        say(f"Left out, because the terminal is narrow: {said}.")


def _print_json(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print a list of objects as `json.dumps` does, some of them at a time."""
    before = "[\n"
    for some in _batched(rows):
        written = json.dumps([dict(row) for row in some], indent=2, ensure_ascii=False)
        echo_data(before + written.removeprefix("[\n").removesuffix("\n]"))
        before = ",\n"
    echo_data("[]\n" if before == "[\n" else "\n]\n")


def _print_csv(lines: Iterable[Sequence[Any]]) -> None:
    for some in _batched(lines):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(some)
        echo_data(text.getvalue())


def _batched(items: Iterable[T]) -> Iterator[list[T]]:
    items = iter(items)
    while some := list(itertools.islice(items, _ROWS_AT_ONCE)):
        yield some


def table(
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    width: int | None = None,
    fit: Fit = Fit(),
) -> tuple[list[str], list[str]]:
    """Align rows as text, with numbers to the right; return the lines and the columns left out."""
    made = [_Column.of(name, [row[name] for row in rows], fit) for name in columns]
    kept = made if width is None else _with_room(made, width, fit.drop)
    widths = _widths(kept, width)
    lines = []
    in_lines = [one.lines(places) for one, places in zip(kept, widths, strict=True)]
    for cells in zip(*in_lines, strict=True):
        for parts in itertools.zip_longest(*cells, fillvalue=""):
            padded = [
                one.padded(part, places)
                for one, part, places in zip(kept, parts, widths, strict=True)
            ]
            lines.append(_GAP.join(padded).rstrip())
    return lines, [one.name for one in made if one not in kept]


@dataclass(frozen=True, eq=False)
class _Column:
    """A column as text; the first cell is its title."""

    name: str
    cells: list[str]
    is_number: bool
    is_address: bool
    is_prose: bool
    spared: int
    """Places to which its cells shrink before columns are left out."""

    @classmethod
    def of(cls, name: str, values: Sequence[Any], fit: Fit) -> "_Column":
        is_address = any(isinstance(one, Address) for one in values)
        return cls(
            name,
            [_title(name), *map(_cell, values)],
            bool(values) and all(isinstance(one, int | float | Number | None) for one in values),
            is_address,
            name in fit.prose,
            _ADDRESS if is_address else fit.text,
        )

    @property
    def full(self) -> int:
        """How many places the widest cell takes."""
        return max(map(width_of, self.cells))

    def least(self, worst: bool = False) -> int:
        """Return to how many places the cells shrink, before columns are left out or at worst."""
        if self.is_number:
            return self.full
        return min(self.full, max(_LEAST if worst else self.spared, width_of(self.cells[0])))

    def lines(self, places: int) -> Iterator[list[str]]:
        """Yield the lines of each cell."""
        for cell in self.cells:
            if self.is_prose and width_of(cell) > places:
                yield textwrap.wrap(cell, places) or [""]
            else:
                yield [cut_to(cell, places, in_middle=self.is_address)]

    def padded(self, text: str, places: int) -> str:
        """Return a text with blanks that fill a cell."""
        blanks = " " * (places - width_of(text))
        return blanks + text if self.is_number else text + blanks


def _with_room(columns: list[_Column], width: int, drop: Sequence[str]) -> list[_Column]:
    """Leave out columns until the others can shrink to the width of a terminal."""
    kept = list(columns)
    for name in drop:
        if _total(one.least() for one in kept) <= width:
            return kept
        kept = [one for one in kept if one.name != name]
    # The first column says what a line is about.
    while len(kept) > 1 and _total(one.least(worst=True) for one in kept) > width:
        kept.pop()
    return kept


def _widths(columns: Sequence[_Column], width: int | None) -> list[int]:
    """Return the width of each column; of those that shrink, the widest shrink first."""
    widths = [one.full for one in columns]
    if width is None:
        return widths
    is_worst = _total(one.least() for one in columns) > width
    least = [one.least(is_worst) for one in columns]
    while _total(widths) > width:
        spare = [places - at_least for places, at_least in zip(widths, least, strict=True)]
        shrinking = [places if left > 0 else 0 for places, left in zip(widths, spare, strict=True)]
        if not any(shrinking):
            break
        widths[shrinking.index(max(shrinking))] -= 1
    return widths


def _total(widths: Iterable[int]) -> int:
    """Return the width of a table."""
    listed = list(widths)
    return sum(listed) + len(_GAP) * max(0, len(listed) - 1)


def _title(name: str) -> str:
    return name.replace("_", " ")


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return as_written(printable(str(value)))
