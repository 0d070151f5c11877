"""Why there is nothing to look at of some samples, and the sentence that says so."""

from collections.abc import Mapping
from dataclasses import dataclass

from invert_core.wording import counted, first_few


@dataclass(frozen=True)
class Absent:
    """There is nothing to look at of one sample; `why` is one of the adjectives below."""

    why: str


MISSING = Absent("missing")
OUTSIDE = Absent("outside of it")
UNREADABLE = Absent("unreadable")
CHANGED = Absent("changed since the extraction")

_LONGEST = 100


def named(row: int, id: str) -> str:
    """Return what sentences call a sample; ids come from untrusted files and may be long."""
    return repr(id[:_LONGEST]) if id else f"row {row}"


def sentence(absent: Mapping[int, Absent], shown: Mapping[int, str], what: str, where: str) -> str:
    """Say of which samples there is nothing to look at; "" if there is something of all.

    Parameters
    ----------
    absent : mapping of int to Absent
        Those samples, by row.
    shown : mapping of int to str
        Ids of all samples that are shown, by row; "" if they have none.
    what : str
        What the others have, such as "picture".
    where : str
        Where they are, such as ``the folder 'images'``.

    Examples
    --------
    >>> shown = {2: "a.png", 5: "b.png", 7: "c.png"}
    >>> sentence({2: MISSING, 7: UNREADABLE}, shown, "picture", "the folder 'x'")
    "2 of 3 samples have no picture in the folder 'x': 1 missing ('a.png'), 1 unreadable ('c.png')."
    """
    if not absent:
        return ""
    names: dict[str, list[str]] = {}
    for row, one in absent.items():
        names.setdefault(one.why, []).append(named(row, shown[row]))
    reasons = ", ".join(
        f"{len(of_reason):,} {why} ({first_few(of_reason, called=str)})"
        for why, of_reason in names.items()
    )
    have = "has" if len(absent) == 1 else "have"
    of_all = f"{len(absent):,} of {counted(len(shown), 'sample')}"
    return f"{of_all} {have} no {what} in {where}: {reasons}."
