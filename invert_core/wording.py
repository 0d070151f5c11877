"""How messages are worded."""

import difflib
from collections.abc import Iterable, Sequence


def counted(count: int, what: str) -> str:
    """A number and what it counts.

    >>> counted(1, "sample"), counted(1198, "sample")
    ('1 sample', '1,198 samples')
    """
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def first_line(error: BaseException) -> str:
    r"""What an error of a stranger says in its first line, or else what kind it is.

    >>> first_line(ValueError("no header\nat byte 0")), first_line(EOFError())
    ('no header', 'EOFError')
    """
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known names are close to `name`, as a sentence, or nothing when none is.

    >>> nearest("layer1.relu", ["layer1.0.relu", "fc"])
    "Did you mean 'layer1.0.relu'?"
    """
    found = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(map(repr, found))}?" if found else ""


def first_few(names: Sequence[str], shown: int = 3) -> str:
    """Name the first of many names, and count the others.

    >>> first_few(["a", "b", "c", "d"])
    "'a', 'b', 'c' and 1 more"
    """
    named = ", ".join(map(repr, names[:shown]))
    return f"{named} and {len(names) - shown:,} more" if len(names) > shown else named
