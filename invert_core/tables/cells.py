"""The meaning of cells in untrusted tables: a mark, a number, or nothing known."""

import math
import re
from collections.abc import Callable, Sequence

import numpy as np

from invert_core.errors import DataError
from invert_core.values import INTEGER_LIMIT, SENTINELS, UNDEFINED

_KINDS = (
    {"0": 0, "1": 1, "false": 0, "true": 1},
    {"no": 0, "yes": 1},
    {"n": 0, "y": 1},
    {"f": 0, "t": 1},
)
"""The kinds of labels, in lower case; a column holds labels of one kind only."""

_MARK_OF = {word: (mark, kind) for kind, words in enumerate(_KINDS) for word, mark in words.items()}
_NUMBER = re.compile(r"(-?[01])(?:\.0*)?(?:e[+-]?0+)?")
_NUMBERS = {"0": 0, "-0": 0, "1": 1, "-1": UNDEFINED}
"""The marks of whole numbers, which may also be written as in 1.00 or 1.0e+00."""

_MARK_BITS = 2
_SENTINEL_BITS = _MARK_BITS + len(_KINDS)
"""A code is a mark, above it a bit for the kind of labels, above these the kind of a sentinel."""

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
        number = _NUMBER.fullmatch(str(cell).strip().lower())
        return "-1" if number and number[1] == "-1" else None
    return "NA" if isinstance(cell, str) and cell.strip() else "blank"


def as_mark(cell: object) -> int | None:
    """The mark in a cell: 0, 1, or `UNDEFINED` for -1 and missing cells; None if it is no mark.

    >>> as_mark("TRUE"), as_mark(0.0), as_mark("1.0e+00"), as_mark("no"), as_mark(""), as_mark("?")
    (1, 0, 1, 0, 2, None)
    """
    found = _mark_and_kind(cell)
    return None if found is None else found[0]


def sentinel_mark(cell: object) -> str | None:
    """The kind of a mark that says that nothing is known; None for others, and for what is no mark.

    >>> sentinel_mark("-1"), sentinel_mark(" -1"), sentinel_mark("1")
    ('-1', None, None)
    """
    return sentinel(cell) if as_mark(cell) == UNDEFINED else None


def looks_like_mark(title: str) -> bool:
    """Return whether a title is a number that is a mark, or true or false.

    >>> looks_like_mark("1.00"), looks_like_mark("y")
    (True, False)
    """
    found = None if is_missing(title) else _mark_and_kind(title)
    return found is not None and found[1] in (None, 0)


def _mark_and_kind(cell: object) -> tuple[int, int | None] | None:
    """The mark in a cell, and the number of its kind, which an undefined one lacks."""
    text = (cell if isinstance(cell, str) else str(cell)).lower()
    if text in _MARK_OF:
        return _MARK_OF[text]
    number = _NUMBER.fullmatch(text)
    if number:
        mark = _NUMBERS[number[1]]
        return mark, None if mark == UNDEFINED else 0
    return (UNDEFINED, None) if is_missing(cell) else None


class CellMarks(dict[object, int]):
    """A code of the mark in each cell, computed once; a ValueError if it is no mark.

    `OneKind` turns codes into marks.

    Parameters
    ----------
    mark_of : callable
        Gives the mark of a kind of `sentinel`, or None if such a cell has none.
    """

    def __init__(self, mark_of: Callable[[str], int | None] = lambda kind: UNDEFINED):
        super().__init__()
        self._mark_of = mark_of

    def __missing__(self, cell: object) -> int:
        mark, kind = _mark_and_kind(cell) or (None, None)
        missing = sentinel(cell) if mark == UNDEFINED else None
        if missing is not None:
            mark = self._mark_of(missing)
        if mark is None:
            raise ValueError(f"{excerpt(cell)} is not a label")
        code = mark if kind is None else mark | 1 << (kind + _MARK_BITS)
        if missing is not None:
            code |= (SENTINELS.index(missing) + 1) << _SENTINEL_BITS
        if cell == cell:  # NaN never equals a key: each would be kept again
            self[cell] = code
        return code


def sentinels_in(codes: np.ndarray) -> np.ndarray:
    """The kinds of missing cells in codes of `CellMarks`: 0, or 1 + the place in `SENTINELS`."""
    return codes >> _SENTINEL_BITS


class OneKind:
    """Turns codes of `CellMarks` into marks, and sees to it that a column holds labels of one kind.

    Parameters
    ----------
    titles : sequence of str, C entries
    """

    def __init__(self, titles: Sequence[str]):
        self._titles = titles
        self._found = np.zeros(len(titles), np.uint8)
        self._n_rows = 0

    @property
    def n_columns(self) -> int:
        """C."""
        return len(self._titles)

    def marks(self, codes: np.ndarray) -> np.ndarray:
        """The marks of more rows, uint8 [N, C]; a DataError if a column mixes kinds."""
        kinds = self._found | _label_kinds(np.bitwise_or.reduce(codes, axis=0))
        mixed = np.flatnonzero(kinds & (kinds - (kinds > 0)))
        if mixed.size:
            raise self._mixed(int(mixed[0]), _label_kinds(codes[:, mixed[0]]))
        self._n_rows += len(codes)
        self._found = kinds
        return codes & ((1 << _MARK_BITS) - 1)

    def _mixed(self, column: int, kinds: np.ndarray) -> DataError:
        usual = self._found[column] or kinds[np.flatnonzero(kinds)[0]]
        row = int(np.flatnonzero(kinds & ~usual)[0])
        named = [
            "/".join(words)
            for place, words in enumerate(_KINDS)
            if (usual | kinds[row]) >> place & 1
        ]
        return DataError(
            f"The column {self._titles[column]!r} mixes labels of several kinds: "
            f"{' and '.join(named)}, first in row {self._n_rows + row + 1:,} below the titles.",
            "Write 0 and 1 in all of its rows.",
        )


def _label_kinds(codes: np.ndarray) -> np.ndarray:
    return codes >> _MARK_BITS & (1 << len(_KINDS)) - 1


LABELS = "Labels are 0 and 1, true and false, yes and no, y and n, or t and f"
"""What messages say that a label is."""


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
