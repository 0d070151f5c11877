"""Columns of numbers, which are cut into groups or at thresholds."""

import logging
import math
from array import array

import numpy as np

from invert_core.concepts.sets.missing import NOTHING_GIVEN, SENTINELS, VALUE, Missing
from invert_core.concepts.sources.tables.column_concepts import (
    ColumnConcepts,
    defined_where,
    sets_by_code,
)
from invert_core.errors import DataError, SettingError
from invert_core.kernels.bits import pack_columns
from invert_core.tables.cells import as_number, excerpt, sentinel
from invert_core.tables.table import Table
from invert_core.values import INTEGER_LIMIT
from invert_core.wording import counted

_MOST_GROUPS = 1_000_000

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
            raise DataError(
                f"{table.where(number)}, column {self.title!r}: {excerpt(cell)} {error}.",
                "Write numbers, and leave unknown ones blank; columns of words are for --classes.",
            ) from None
        # Of numbers, only the column as a whole tells whether -1 is missing.
        known = self._numbers[-1] == self._numbers[-1]
        self._kinds.append(0 if known else SENTINELS.index(str(sentinel(cell))) + 1)

    def _values(self) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of all samples, NaN for missing ones, and whether they are defined."""
        numbers, kinds = np.array(self._numbers), np.array(self._kinds, np.uint8)
        others = (numbers < 0) & (numbers != -1)
        how = self._missing.given.get("-1")
        if how != VALUE and (how is not None or not others.any()):
            kinds[numbers == -1] = SENTINELS.index("-1") + 1
            numbers[numbers == -1] = np.nan
        defined = defined_where(self.title, kinds, self._missing, "-1")
        if np.isnan(numbers).all():
            raise DataError(
                f"The column {self.title!r} holds no number.", "Name a column of numbers."
            )
        return numbers, defined


class GroupedColumn(_Numbers):
    """A column of numbers that is cut into groups of equal size: ``title.q1of4`` and so on.

    If ``v[0]`` to ``v[n - 1]`` are the n numbers in ascending order, the edge between the groups k
    and k + 1 of N is ``v[k n // N]``. A group includes its lower edge, but not its upper edge. So
    equal numbers are in one group, and if no number repeats, sizes differ by one at most. Empty
    groups are left out. Groups are named ``age < 21``, ``21 <= age < 35`` and ``age >= 35``, or
    ``age 21 to 34`` for the second if all numbers are whole.

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
        numbers, defined = self._values()
        there = ~np.isnan(numbers)
        ascending = np.sort(numbers[there])
        first = np.array([k * ascending.size // self._n_groups for k in range(1, self._n_groups)])
        edges = ascending[first]
        group = np.where(there, np.searchsorted(edges, numbers, side="right"), -1)
        filled = np.unique(group[there])
        if filled.size < self._n_groups:
            _log.info(
                "%s of %d of the column %r left out: equal numbers are in one group.",
                counted(self._n_groups - filled.size, "empty group"),
                self._n_groups,
                self.title,
            )
        whole = _are_whole(ascending)
        place = np.full(self._n_groups + 1, -1)
        place[filled] = np.arange(filled.size)
        return ColumnConcepts(
            [f"{self.title}.q{k + 1}of{self._n_groups}" for k in filled.tolist()],
            [self._interval(edges, k, whole) for k in filled.tolist()],
            sets_by_code(self.title, place[group], filled.size),
            defined,
        )

    def _interval(self, edges: np.ndarray, group: int, whole: bool) -> str:
        if group == 0:
            return f"{self.title} < {shortest(edges[0])}"
        low = shortest(edges[group - 1])
        if group == len(edges):
            return f"{self.title} >= {low}"
        if not whole:
            return f"{low} <= {self.title} < {shortest(edges[group])}"
        high = shortest(edges[group] - 1)
        return f"{self.title} {low}" if high == low else f"{self.title} {low} to {high}"


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
        self._threshold = threshold

    def concepts(self) -> ColumnConcepts:
        """The single concept of the column."""
        numbers, defined = self._values()
        threshold = shortest(self._threshold)
        return ColumnConcepts(
            [f"{self.title}.ge.{threshold}"],
            [f"{self.title} >= {threshold}"],
            pack_columns((numbers >= self._threshold)[:, None]),
            defined,
        )


def _are_whole(numbers: np.ndarray) -> bool:
    """Return whether all numbers are integers of which floats keep the next ones apart."""
    return bool((np.abs(numbers) < INTEGER_LIMIT).all() and (numbers == np.trunc(numbers)).all())


def shortest(number: float) -> str:
    """The shortest text of a number.

    >>> shortest(18.0), shortest(-0.0), shortest(0.1), shortest(1e22)
    ('18', '0', '0.1', '1e+22')
    """
    return repr(float(number) + 0.0).removesuffix(".0")
