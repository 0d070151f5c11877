"""Columns of numbers, which are cut into groups or at thresholds."""

import logging
import math
import re
from array import array
from collections.abc import Sequence
from decimal import ROUND_FLOOR, Context, Decimal

import numpy as np

from invert_core.concepts.sets.intervals import Interval, shortest
from invert_core.concepts.sets.missing import NOTHING_GIVEN, VALUE, Missing
from invert_core.concepts.sources.edges import KnownInterval
from invert_core.concepts.sources.tables.column_concepts import (
    ColumnConcepts,
    defined_where,
    sets_by_code,
)
from invert_core.concepts.sources.tables.rows import check_size
from invert_core.errors import DataError, SettingError
from invert_core.kernels.bits import pack_columns
from invert_core.tables.cells import as_number, excerpt, sentinel
from invert_core.tables.table import Table
from invert_core.values import INTEGER_LIMIT, SENTINELS
from invert_core.wording import counted

_MOST_GROUPS = 1_000_000
_EXACT = Context(prec=40)
"""Enough digits for what `roundest` computes with the shortest text of any float64."""

_WITH_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")

_log = logging.getLogger("invert")


class _Numbers:
    """A column whose cells are numbers; missing cells are what `missing` says.

    -1 is missing unless another number of the column is negative, or `missing` says otherwise.
    """

    def __init__(self, title: str, missing: Missing):
        self.title = title
        self._missing = missing
        self._numbers = array("d")
        self._kinds = bytearray()

    def add(self, table: Table, number: int, cell: object) -> None:
        """Take the cell of the next row; raises DataError if it is no number."""
        try:
            self._numbers.append(as_number(cell))
        except ValueError as error:
            where = f"{table.where(number)}, column {self.title!r}: {excerpt(cell)}"
            if isinstance(cell, str) and _WITH_COMMA.fullmatch(cell.strip()):
                raise _with_comma(where, cell.strip()) from None
            raise DataError(
                f"{where} {error}.",
                "Write numbers, and leave unknown ones blank; columns of words are for --classes.",
            ) from None
        # Of numbers, only the column as a whole tells whether -1 is missing.
        known = self._numbers[-1] == self._numbers[-1]
        self._kinds.append(0 if known else SENTINELS.index(str(sentinel(cell))) + 1)

    def _values(self) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of all samples, NaN for missing ones, and the kinds of these."""
        numbers, kinds = np.array(self._numbers), np.array(self._kinds, np.uint8)
        others = (numbers < 0) & (numbers != -1)
        how = self._missing.given.get("-1")
        if how != VALUE and (how is not None or not others.any()):
            kinds[numbers == -1] = SENTINELS.index("-1") + 1
            numbers[numbers == -1] = np.nan
        if np.isnan(numbers).all():
            raise DataError(
                f"The column {self.title!r} holds no number.", "Name a column of numbers."
            )
        return numbers, kinds

    def _defined(self, kinds: np.ndarray, n_concepts: int) -> np.ndarray:
        """Where the cells are defined, given the kinds of the missing ones: bool [N]."""
        return defined_where(self.title, kinds, self._missing, "-1", n_concepts)


class GroupedColumn(_Numbers):
    """A column of numbers that is cut at its quantiles.

    If ``v[0]`` to ``v[n - 1]`` are the n numbers in ascending order, the edge between the groups k
    and k + 1 of N lies above the largest number below ``v[k n // N]``, and at most there: it is
    that number itself if all numbers are whole, and otherwise the roundest number that cuts there.
    A group includes its lower edge, but not its upper edge. So equal numbers are in one group, and
    if no number repeats, sizes differ by one at most. Empty groups are left out. Groups are named
    ``age < 21``, ``21 <= age < 35`` and ``age >= 35``, or ``age 21 to 34`` for the second if all
    numbers are whole; `Interval.id` makes their ids.

    Parameters
    ----------
    title : str
    n_groups : int
        N, the number of groups, from 2 to 1,000,000.
    """

    def __init__(self, title: str, n_groups: int, missing: Missing = NOTHING_GIVEN):
        super().__init__(title, missing)
        if n_groups < 2:
            raise SettingError(
                f"{title!r} cannot be cut into {counted(n_groups, 'group')}.",
                f"Give at least two, such as --bin {title}:4",
            )
        if n_groups > _MOST_GROUPS:
            raise SettingError(
                f"{title!r} cannot be cut into more than {_MOST_GROUPS:,} groups.",
                f"Give fewer, such as --bin {title}:4",
            )
        self._n_groups = n_groups

    def concepts(self) -> ColumnConcepts:
        """The groups from the lowest to the highest."""
        numbers, kinds = self._values()
        there = ~np.isnan(numbers)
        ascending = np.sort(numbers[there])
        first = np.array([k * ascending.size // self._n_groups for k in range(1, self._n_groups)])
        whole = _are_whole(ascending)
        edges = ascending[first] if whole else _round_edges(ascending, first)
        group = np.where(there, np.searchsorted(edges, numbers, side="right"), -1)
        filled = np.unique(group[there])
        if filled.size < self._n_groups:
            _log.info(
                "%s of %d of the column %r left out: equal numbers are in one group.",
                counted(self._n_groups - filled.size, "empty group"),
                self._n_groups,
                self.title,
            )
        place = np.full(self._n_groups + 1, -1)
        place[filled] = np.arange(filled.size)
        ends = [None, *edges.tolist(), None]
        intervals = [Interval(ends[k], ends[k + 1]) for k in filled.tolist()]
        return ColumnConcepts(
            [each.id(self.title) for each in intervals],
            [self._name(each, whole) for each in intervals],
            sets_by_code(self.title, place[group], filled.size),
            self._defined(kinds, filled.size),
            [each.sentence(self.title) for each in intervals],
        )

    def _name(self, interval: Interval, whole: bool) -> str:
        if not whole or interval.low is None or interval.high is None:
            return interval.sentence(self.title)
        low, high = shortest(interval.low), shortest(interval.high - 1)
        return f"{self.title} = {low}" if high == low else f"{self.title} {low} to {high}"


class ThresholdColumn(_Numbers):
    """A column of numbers with the concept ``title.ge.X``, true where the number is at least X.

    Parameters
    ----------
    title : str
    threshold : float
        X, a finite number.
    """

    def __init__(self, title: str, threshold: float, missing: Missing = NOTHING_GIVEN):
        super().__init__(title, missing)
        if not math.isfinite(threshold):
            raise SettingError(
                f"The threshold of {title!r} is {threshold}.", "Give a finite number."
            )
        self._interval = Interval(threshold)

    def concepts(self) -> ColumnConcepts:
        """The single concept of the column."""
        numbers, kinds = self._values()
        sentence = self._interval.sentence(self.title)
        return ColumnConcepts(
            [self._interval.id(self.title)],
            [sentence],
            _extents(numbers, [self._interval]),
            self._defined(kinds, 1),
            [sentence],
        )


class EdgesColumn(_Numbers):
    """A column of numbers with intervals of another concept file, and the concepts' names there.

    A number that is in no interval carries none of the concepts. If the intervals are groups, a
    warning counts such numbers.
    """

    def __init__(
        self, title: str, known: Sequence[KnownInterval], missing: Missing = NOTHING_GIVEN
    ):
        super().__init__(title, missing)
        self._known = known

    def concepts(self) -> ColumnConcepts:
        """The concepts in the order of the other file."""
        numbers, kinds = self._values()
        check_size(self.title, numbers.size, len(self._known))
        intervals = [each.interval for each in self._known]
        bits = _extents(numbers, intervals)
        if any(each.high is not None for each in intervals):
            marked = np.unpackbits(
                np.bitwise_or.reduce(bits).astype("<u8").view(np.uint8), bitorder="little"
            )
            n_outside = int((~np.isnan(numbers) & (marked[: numbers.size] == 0)).sum())
            if n_outside:
                _log.warning(
                    "%s of the column %r %s in none of the groups of --edges.",
                    counted(n_outside, "number"),
                    self.title,
                    "is" if n_outside == 1 else "are",
                )
        return ColumnConcepts(
            [each.id for each in self._known],
            [each.name for each in self._known],
            bits,
            self._defined(kinds, len(intervals)),
            [each.definition for each in self._known],
        )


def _with_comma(where: str, number: str) -> DataError:
    """The error for a number with a comma, which may stand before decimals or after thousands."""
    behind = number.partition(",")[2]
    if len(behind) == 3:
        return DataError(
            f"{where} has a comma.",
            f"Write {number.replace(',', '.')} if it is a decimal comma, or "
            f"{number.replace(',', '')} if it stands after thousands.",
        )
    return DataError(f"{where} has a decimal comma.", f"Write {number.replace(',', '.')}.")


def _extents(numbers: np.ndarray, intervals: Sequence[Interval]) -> np.ndarray:
    """The samples whose numbers are in each interval: uint64 [C, ceil(N / 64)]."""
    return np.concatenate([pack_columns(each.contains(numbers)[:, None]) for each in intervals])


def _round_edges(ascending: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The roundest edges that put each number `ascending[first]` at the beginning of its group."""
    edges = []
    for at in first.tolist():
        upper = float(ascending[at])
        below = int(np.searchsorted(ascending, upper)) - 1
        edges.append(upper if below < 0 else roundest(float(ascending[below]), upper))
    return np.array(edges)


def roundest(lower: float, upper: float) -> float:
    """The number above `lower` and at most `upper` with the fewest decimal places.

    >>> roundest(0.4987, 0.5012), roundest(20.0, 21.5), roundest(-0.3, 0.04)
    (0.5, 21.0, 0.0)
    """
    if not (math.isfinite(lower) and math.isfinite(upper)):
        return upper
    exact = Decimal(repr(upper))
    largest = max(abs(lower), abs(upper))
    start = math.floor(math.log10(largest)) + 1
    for place in range(start, start - 20, -1):
        unit = Decimal(1).scaleb(place, _EXACT)
        steps = _EXACT.divide(exact, unit).to_integral_value(ROUND_FLOOR, _EXACT)
        candidate = float(_EXACT.multiply(steps, unit))
        if lower < candidate <= upper:
            return candidate
    return upper


def _are_whole(numbers: np.ndarray) -> bool:
    """Return whether all numbers are integers of which floats keep the next ones apart."""
    return bool((np.abs(numbers) < INTEGER_LIMIT).all() and (numbers == np.trunc(numbers)).all())
