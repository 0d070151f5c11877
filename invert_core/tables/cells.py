"""The meaning of cells in untrusted tables: a mark, a number, or nothing known."""

import math
from collections.abc import Callable

from invert_core.values import INTEGER_LIMIT

UNDEFINED = 2
"""The mark of a cell that says neither 0 nor 1."""

MARKS = {
    "0": 0,
    "0.0": 0,
    "-0.0": 0,
    "false": 0,
    "1": 1,
    "1.0": 1,
    "true": 1,
    "-1": UNDEFINED,
    "-1.0": UNDEFINED,
}
"""Cells that are marks, in lower case."""

MISSING = frozenset({"", "nan", "na", "n/a", "null", "none"})
"""Cells that say that nothing is known, in lower case."""


def is_missing(cell: object) -> bool:
    """Return whether a cell holds no value: None, NaN, a blank, or a word such as "n/a".

    >>> is_missing("NaN"), is_missing(float("nan")), is_missing("0")
    (True, True, False)
    """
    if isinstance(cell, str):
        return cell.strip().lower() in MISSING
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


def sentinel(cell: object) -> str | None:
    """The kind of a cell that says that nothing is known: "blank", "NA" or "-1"; None for others.

    >>> [sentinel(cell) for cell in ("", None, float("nan"), "n/a", "-1.0", -1, "dog")]
    ['blank', 'blank', 'blank', 'NA', '-1', '-1', None]
    """
    if not is_missing(cell):
        text = cell.strip() if isinstance(cell, str) else str(cell)
        return "-1" if text in ("-1", "-1.0") else None
    return "NA" if isinstance(cell, str) and cell.strip() else "blank"


def as_mark(cell: object) -> int | None:
    """The mark in a cell: 0, 1, or `UNDEFINED` for -1 and missing cells; None if it is no mark.

    >>> as_mark("TRUE"), as_mark(0.0), as_mark(-1), as_mark(""), as_mark("yes")
    (1, 0, 2, 2, None)
    """
    text = cell if isinstance(cell, str) else str(cell)
    if text.lower() in MARKS:
        return MARKS[text.lower()]
    return UNDEFINED if is_missing(cell) else None


class CellMarks(dict[object, int]):
    """The mark of each cell, computed once; a ValueError if it has none.

    Parameters
    ----------
    mark_of : callable
        Gives the mark of a kind of `sentinel`, or None if such a cell has none.
    """

    def __init__(self, mark_of: Callable[[str], int | None] = lambda kind: UNDEFINED):
        super().__init__()
        self._mark_of = mark_of

    def __missing__(self, cell: object) -> int:
        mark = as_mark(cell)
        if mark == UNDEFINED:
            mark = self._mark_of(str(sentinel(cell)))
        if mark is None:
            raise ValueError(f"{excerpt(cell)} is not a label")
        if cell == cell:  # NaN never equals a key: each would be kept again
            self[cell] = mark
        return mark


def as_number(cell: object) -> float:
    """The number in a cell; NaN if it is missing.

    Anything else is a ValueError, and so is an integer from 2**53 on: floats do not keep such
    integers apart.

    >>> as_number("12.50"), as_number(3), as_number("n/a")
    (12.5, 3.0, nan)
    """
    if is_missing(cell):
        return math.nan
    if isinstance(cell, str):
        number, whole = _parsed(cell), cell.strip().lstrip("+-").isdigit()
    elif isinstance(cell, int | float) and not isinstance(cell, bool):
        number, whole = cell, isinstance(cell, int)
    else:
        raise ValueError("is not a number")
    if whole and abs(number) >= INTEGER_LIMIT:
        raise ValueError("reaches 2**53, where floats no longer keep integers apart")
    return float(number)


def excerpt(cell: object) -> str:
    """The beginning of a cell, for messages."""
    text = repr(cell)
    return text if len(text) <= 42 else text[:40] + "..."


def _parsed(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isnan(number) or "_" in text:
        raise ValueError("is not a number")
    return number
