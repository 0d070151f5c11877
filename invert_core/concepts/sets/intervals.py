"""Intervals of numbers as concepts: their ids carry the edges, so one id never means two intervals.

An id ends in ``.ge.X`` if the number must be at least X, in ``.lt.Y`` if it must be below Y, or in
``.ge.X.lt.Y``. The edges are written shortest, which float64 gives back to the last bit.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.errors import DataError
from invert_core.wording import counted, first_few

_NUMBER = r"[-+]?(?:\d[\d.e+-]*|inf)"
_ENDING = re.compile(rf"(?:\.ge\.(?P<low>{_NUMBER}))?(?:\.lt\.(?P<high>{_NUMBER}))?")
_AT_END = re.compile(rf"\.(?:ge|lt)\.{_NUMBER}$")
_SENTENCES = tuple(
    map(
        re.compile,
        (
            rf"(?P<low>{_NUMBER}) <= (?P<title>.+) < (?P<high>{_NUMBER})",
            rf"(?P<title>.+) < (?P<high>{_NUMBER})",
            rf"(?P<title>.+) >= (?P<low>{_NUMBER})",
        ),
    )
)
_WHOLE = (re.compile(rf"(?P<title>.+) (?P<low>{_NUMBER})(?: to (?P<high>{_NUMBER}))?"),)
"""The names that groups of whole numbers have."""

_WITHOUT_EDGES = re.compile(r".*\.q\d+of\d+", re.DOTALL)
"""The ids that groups had before ids carried edges."""


@dataclass(frozen=True)
class Interval:
    """The numbers from `low`, which is included, to `high`, which is not; None means no edge."""

    low: float | None = None
    high: float | None = None

    def id(self, title: str) -> str:
        """The id of the concept of a column.

        >>> Interval(0.12, 0.5).id("rms"), Interval(high=4).id("age")
        ('rms.ge.0.12.lt.0.5', 'age.lt.4')
        """
        low = "" if self.low is None else f".ge.{shortest(self.low)}"
        high = "" if self.high is None else f".lt.{shortest(self.high)}"
        return f"{title}{low}{high}"

    def sentence(self, title: str) -> str:
        """The condition in words.

        >>> Interval(0.12, 0.5).sentence("rms"), Interval(4).sentence("age")
        ('0.12 <= rms < 0.5', 'age >= 4')
        """
        if self.low is None:
            return f"{title} < {shortest(self.high or 0.0)}"
        if self.high is None:
            return f"{title} >= {shortest(self.low)}"
        return f"{shortest(self.low)} <= {title} < {shortest(self.high)}"

    def contains(self, numbers: np.ndarray) -> np.ndarray:
        """Return which numbers are in the interval, bool [N]; NaN never is."""
        inside = ~np.isnan(numbers)
        if self.low is not None:
            inside &= numbers >= self.low
        if self.high is not None:
            inside &= numbers < self.high
        return inside


def interval_in(id: str, title: str) -> Interval | None:
    """The interval in the id of a concept of a column; None if it is no such id.

    >>> interval_in("rms.ge.0.12.lt.0.5", "rms"), interval_in("rms.ge.0.120", "rms")
    (Interval(low=0.12, high=0.5), None)
    """
    found = _ENDING.fullmatch(id.removeprefix(title)) if id.startswith(f"{title}.") else None
    interval = None if found is None else _interval(found)
    return interval if interval is not None and interval.id(title) == id else None


def carries_edges(id: str) -> bool:
    """Return whether the id of a concept ends like that of an interval.

    >>> carries_edges("rms.lt.0.12"), carries_edges("species.dog")
    (True, False)
    """
    return _AT_END.search(id) is not None


def refuse_other_intervals(
    first: ConceptSet, second: ConceptSet, called: Sequence[str] = ("the first", "the second")
) -> None:
    """Refuse two sets in which one id means two intervals, as their definitions or names say."""
    of_first, of_second = _told(first), _told(second)
    both = [id for id in of_first if id in of_second]
    differing = [id for id in both if _differ(id, of_first[id], of_second[id])]
    if differing:
        id = differing[0]
        raise DataError(
            f"{counted(len(differing), 'concept')} {'means' if len(differing) == 1 else 'mean'} "
            f"other numbers in {called[1]} than in {called[0]}: {first_few(differing)}. "
            f"{id!r} is {_shown(of_first[id])} in {called[0]}, and {_shown(of_second[id])} in "
            f"{called[1]}.",
            "Build the second again with the edges of the first: "
            "invert concepts build SOURCE --edges FIRST.h5 -o SECOND.h5",
        )


def shortest(number: float) -> str:
    """The shortest text of a number.

    >>> shortest(18.0), shortest(-0.0), shortest(0.1), shortest(1e22)
    ('18', '0', '0.1', '1e+22')
    """
    return repr(float(number) + 0.0).removesuffix(".0")


def _told(concepts: ConceptSet) -> dict[str, tuple[str, str]]:
    described = zip(concepts.name, concepts.definition, strict=True)
    return dict(zip(concepts.id, described, strict=True))


def _differ(id: str, first: tuple[str, str], second: tuple[str, str]) -> bool:
    """Return whether two descriptions of a concept tell of different intervals."""
    forms = _SENTENCES if _WITHOUT_EDGES.fullmatch(id) is None else _SENTENCES + _WHOLE
    one, other = _meant(first, forms), _meant(second, forms)
    if one is None or other is None:
        # Ids without edges are trusted only as far as something else tells the edges.
        return forms is not _SENTENCES and first != second
    return one != other


def _meant(
    described: tuple[str, str], forms: Sequence[re.Pattern[str]]
) -> tuple[str, Interval] | None:
    """The column and the interval that a definition tells or, if it tells none, a name."""
    name, definition = described
    for text in (definition, name):
        for form in forms:
            found = form.fullmatch(text)
            interval = None if found is None else _interval(found)
            if found is not None and interval is not None:
                return found["title"], interval
    return None


def _interval(found: re.Match[str]) -> Interval | None:
    edges = found.groupdict()
    try:
        low, high = (
            None if edges.get(end) is None else float(edges[end]) for end in ("low", "high")
        )
    except ValueError:
        return None
    return Interval(low, high)


def _shown(described: tuple[str, str]) -> str:
    name, definition = described
    return repr(definition or name)
