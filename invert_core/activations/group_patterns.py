"""Regular expressions that find the group of a sample in its id."""

import re

from invert_core.errors import SettingError

_TOKEN = re.compile(
    r"""
    \\.                                             # an escaped character
    | \[\^?\]?(?:\\.|[^\]\\])*\]                    # a set of characters
    | (?P<open>\()\??
    | (?P<close>\))
    | (?P<choice>\|)
    | (?P<repeat>(?:[*+?]|\{\d+(?:,\d*)?\}|\{,\d+\})[?+]?)
    | .
    """,
    re.VERBOSE | re.DOTALL,
)


def group_pattern(pattern: str, hint: str) -> re.Pattern[str]:
    """Compile an expression that fits whole sample ids, and whose first group names the group.

    `hint` says how to write groups. An expression that can take time exponential in the length of
    an id is refused.
    """
    try:
        rule = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise SettingError(f"{pattern!r} is no regular expression: {error}.", hint) from error
    if not rule.groups:
        raise SettingError(f"{pattern!r} has no parentheses around the name of the group.", hint)
    if _repeats_a_choice(pattern):
        raise SettingError(
            f"{pattern!r} repeats what can fit in several ways, so that it could take for ever.",
            "Leave repetitions and | out of parentheses that are repeated, as in 'id:(.*)/.*'.",
        )
    return rule


def _repeats_a_choice(pattern: str) -> bool:
    r"""Return whether anything is repeated that holds a repetition or a choice itself.

    >>> [_repeats_a_choice(pattern) for pattern in (r"(.*)/.*", r"(a+)+", r"(a|a)*b", r"(\w*)?b")]
    [False, True, True, False]
    """
    # Whether each open pair of parentheses, or the last one that was closed, holds a choice.
    holds = [False]
    closed = False
    for token in _TOKEN.finditer(pattern):
        kind = token.lastgroup
        if kind == "repeat":
            if closed and token["repeat"][0] != "?":
                return True
            holds[-1] |= re.fullmatch(r"\{\d+\}", token["repeat"]) is None
        elif kind == "choice":
            holds[-1] = True
        elif kind == "open":
            holds.append(False)
        closed = kind == "close" and len(holds) > 1 and holds.pop()
        holds[-1] |= closed
    return False
