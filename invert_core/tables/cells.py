"""What cells of tables of strangers mean: a label, a number, or that nothing is known."""

import math

from invert_core.values import INTEGER_LIMIT

UNDEFINED = 2
"""The label of a cell that says neither 0 nor 1."""

LABELS = {
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
"""Texts that are labels, in lower case."""

MISSING = frozenset({"", "nan", "na", "n/a", "null", "none"})
"""Texts that say that nothing is known, in lower case."""


def is_missing(cell: object) -> bool:
    """Whether a cell is no value: None, NaN, blank, or a word for that.

    >>> is_missing("NaN"), is_missing(float("nan")), is_missing("0")
    (True, True, False)
    """
    if isinstance(cell, str):
        return cell.strip().lower() in MISSING
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


def as_label(cell: object) -> int | None:
    """0, 1, or `UNDEFINED`, which -1 and what `is_missing` mean; None where it is no label.

    >>> as_label("TRUE"), as_label(0.0), as_label(-1), as_label(""), as_label("yes")
    (1, 0, 2, 2, None)
    """
    text = cell if isinstance(cell, str) else str(cell)
    if text.lower() in LABELS:
        return LABELS[text.lower()]
    return UNDEFINED if is_missing(cell) else None


class CellLabels(dict[object, int]):
    """What `as_label` says of cells, worked out once for each; no label is a ValueError."""

    def __missing__(self, cell: object) -> int:
        label = as_label(cell)
        if label is None:
            raise ValueError(f"{excerpt(cell)} is not a label")
        if cell == cell:  # every NaN would be another key
            self[cell] = label
        return label


def as_number(cell: object) -> float:
    """A number, NaN for what `is_missing`.

    >>> as_number("12.50"), as_number(3), as_number("n/a")
    (12.5, 3.0, nan)

    Raises
    ------
    ValueError
        It is no number, or an integer that floats do not keep apart from its neighbours.
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
        raise ValueError("reaches 2**53, from where on floats do not keep integers apart")
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
