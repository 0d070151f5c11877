"""Divides a cell into the concepts that it lists, and notices the signs of another separator."""

import json
import re

import numpy as np

LISTS = "list"
"""The separator that stands for lists in the form of JSON or Python."""

_SEPARATORS = (";", "|", ",")
"""The usual separators besides blanks, from the one that names hold least often."""

_BRACKETS = ("[]", "()", "{}")

_ODD = re.compile(r"""[,;|]|(?<!\S)[\[({'"]|['"](?!\S)|(?<!\S)[^\s\[({]*[\])}](?!\S)""")
"""What no id holds in a list that blanks divide; brackets in pairs, as in f(x), do not count."""

_ITEM = re.compile(
    r"""\s*('(?:[^'\\\n]|\\[\\'"nrt]|\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\U000[0-9a-f]{5})*'"""
    r"""|"(?:[^"\\\n]|\\[\\'"nrt]|\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\U000[0-9a-f]{5})*\""""
    r"""|[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)\s*(?:,\s*|$)"""
)
"""A string or a number of a Python list, with the comma behind it."""

_LEAST_CELLS = 3
"""In fewer cells two words may stand together by chance."""


def divide(cell: str, separator: str | None) -> list[str] | None:
    """The ids in a cell, with blanks around them; None if it should be a list and is none.

    A number of a list is its text.

    >>> divide("cat  dog", None), divide("['cat', 2.50]", "list"), divide("cat", "list")
    (['cat', 'dog'], ['cat', '2.50'], None)
    """
    if separator != LISTS:
        return cell.split(separator)
    text = cell.strip()
    if not text:
        return []
    return _json_list(text) if text[:1] + text[-1:] == "[]" else _python_list(text)


def looks_like_list(cell: str) -> bool:
    """Whether a cell is written as a list of JSON or Python, with or without quotation marks.

    >>> looks_like_list("['cat', 'dog']"), looks_like_list("[cat, dog]"), looks_like_list("f(x)")
    (True, True, False)
    """
    text = cell.strip()
    if text[:1] + text[-1:] not in _BRACKETS:
        return False
    inside = text[1:-1].strip()
    return not inside or inside[0] in "'\"" or (text[0] == "[" and "," in inside)


def looks_divided(cell: str) -> bool:
    """Whether something else than blanks seems to divide the ids of a cell.

    >>> [looks_divided(cell) for cell in ("cat, dog", "a|b", "cat dog f(x)")]
    [True, True, False]
    """
    return _ODD.search(cell) is not None


def likely_separator(cell: str) -> str | None:
    """The separator that a cell seems to have; None if it has no usual one."""
    if looks_like_list(cell):
        return LISTS
    return next((each for each in _SEPARATORS if each in cell), None)


def names_of_two_words(cell: np.ndarray, member: np.ndarray, n_ids: int) -> np.ndarray:
    """Pairs of ids that only occur side by side: int64 [P, 2].

    Parameters
    ----------
    cell : int array [M]
        The number of the cell of each member, ascending.
    member : int array [M]
        The ids of the cells, as ranks in alphabetical order, as the cells list them.
    n_ids : int

    Notes
    -----
    Lists in alphabetical order put concepts that occur together side by side anyway. If all cells
    are in that order, there is no pair.
    """
    beside = cell[1:] == cell[:-1]
    left, right = member[:-1][beside], member[1:][beside]
    if (left <= right).all():
        return np.zeros((0, 2), np.int64)
    count = np.bincount(member, minlength=n_ids)
    # One number for each pair: NumPy sorts numbers ten times faster than rows of them.
    found, together = np.unique(left.astype(np.int64) * n_ids + right, return_counts=True)
    pairs = np.stack(np.divmod(found, n_ids), axis=1)
    always = (together == count[pairs[:, 0]]) & (together == count[pairs[:, 1]])
    return pairs[always & (together >= _LEAST_CELLS) & (pairs[:, 0] != pairs[:, 1])]


def _json_list(text: str) -> list[str] | None:
    try:
        found = json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return _python_list(text)
    return found if all(isinstance(each, str) for each in found) else None


def _python_list(text: str) -> list[str] | None:
    if text[:1] + text[-1:] not in _BRACKETS:
        return None
    body, place, found = text[1:-1].strip(), 0, []
    while place < len(body):
        item = _ITEM.match(body, place)
        if item is None:
            return None
        quoted = item[1][0] in "'\""
        found.append(_ESCAPE.sub(_unescaped, item[1][1:-1]) if quoted else item[1])
        place = item.end()
    return found


_ESCAPE = re.compile(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U000[0-9a-f]{5}|.)")


def _unescaped(escape: re.Match[str]) -> str:
    kind, digits = escape[0][1], escape[0][2:]
    if digits:
        return chr(int(digits, 16))
    return {"n": "\n", "r": "\r", "t": "\t"}.get(kind, kind)
