"""Regular expressions that find the group of a sample in its id."""

import re
from collections.abc import Iterable
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

from invert_core.errors import SettingError

_LONGEST = 200
"""The most characters of an expression."""
_ID = 100
"""Number of characters of the sample id for which ways are counted."""
_MOST_WAYS = 3_000_000
"""Three repetitions without an end, and a choice between two things."""

_REPEATS = (_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT)


def group_pattern(pattern: str, hint: str) -> re.Pattern[str]:
    """Compile an expression that fits whole sample ids, and whose first group names the group.

    `hint` says how to write groups. An expression that could take very long is refused: one that
    can fit in exponentially many ways, or in a high power of the length of an id.
    """
    if len(pattern) > _LONGEST:
        raise SettingError(
            f"The regular expression has {len(pattern):,} characters, more than {_LONGEST}.",
            "Give the groups in a table: --groups TABLE.csv:COLUMN.",
        )
    try:
        rule = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise SettingError(f"{pattern!r} is no regular expression: {error}.", hint) from error
    if not rule.groups:
        raise SettingError(f"{pattern!r} has no parentheses around the name of the group.", hint)
    if _ways(_parser.parse(pattern)) > _MOST_WAYS:
        raise SettingError(
            f"{pattern!r} can fit in so many ways that it could take for ever.",
            "Use at most three of *, + and the like, none of them inside parentheses that are "
            "repeated, as in 'id:(.*)/.*'; or give the groups in a table: --groups "
            "TABLE.csv:COLUMN.",
        )
    return rule


def _ways(parsed: Iterable[tuple[Any, Any]]) -> int:
    r"""Bound in how many ways an expression, as Python parses it, can fit an id.

    A bound above `_MOST_WAYS` may be smaller than it should be.

    >>> [_ways(_parser.parse(pattern)) for pattern in ("a[bc]", "a?(b|cd)", ".*", r"(\w+)_\d{2,3}")]
    [1, 4, 101, 200]
    """
    ways = 1
    for kind, content in parsed:
        ways = min(ways * _ways_of(kind, content), _MOST_WAYS + 1)
    return ways


def _ways_of(kind: Any, content: Any) -> int:
    if kind in _REPEATS:
        least, most, repeated = content
        if most > 1 and not repeated.getwidth()[0]:
            return _MOST_WAYS + 1  # what may be empty can be repeated without moving on
        each = _ways(repeated)
        return sum(each**times for times in range(min(least, _ID), min(most, _ID) + 1))
    if kind is _constants.BRANCH:
        return sum(map(_ways, content[1]))
    # Parentheses of all kinds: tuples that end in what they enclose, or in two such branches.
    parts = content if isinstance(content, tuple | list) else (content,)
    inside = [_ways(part) for part in parts if isinstance(part, _parser.SubPattern)]
    return sum(inside) or 1
