"""Matches sample ids that mean the same file, and says how ids that do not match differ."""

import itertools
import posixpath
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from unicodedata import normalize

from invert_core.errors import DataError
from invert_core.wording import choice, counted, first_few

MATCHES = ("exact", "name", "stem")
"""What of two sample ids must be equal."""


def _composed(id: str) -> str:
    return normalize("NFC", id)


def _slashed(id: str) -> str:
    return id.replace("\\", "/")


def _plain(id: str) -> str:
    return posixpath.normpath(id)


def _last(id: str) -> str:
    return id.rstrip("/").rpartition("/")[2] or id


def _stripped(id: str) -> str:
    return id.strip()


def _small_suffix(id: str) -> str:
    stem, suffix = posixpath.splitext(id)
    return stem + suffix.lower()


def _stem(id: str) -> str:
    return posixpath.splitext(id)[0]


_STEPS: dict[Callable[[str], str], str] = {
    _composed: "in Unicode form (NFC against NFD)",
    _slashed: "in / against \\",
    _plain: "by parts of the path that lead nowhere, such as ./",
    _last: "by a leading folder",
    _stripped: "by blanks around them",
    _small_suffix: "in the case of the suffix",
    _stem: "by a suffix",
}
"""What two ids of one file may differ in, and the step that removes the difference."""

_STEPS_TO = {
    "name": (_composed, _slashed, _last, _stripped, _small_suffix),
    "stem": (_composed, _slashed, _last, _stripped, _stem),
}
_LOOKED_AT = 10_000
"""The most pairs of which messages say how they differ."""


def key_of(id: str, match: str) -> str:
    r"""Return the part of a sample id that must be equal.

    Parameters
    ----------
    id : str
    match : {"exact", "name", "stem"}
        The whole id; what follows its last ``/`` or ``\``, in Unicode's form NFC, without blanks
        around it and with the suffix in lower case; or the same without the suffix.

    Examples
    --------
    >>> [key_of("cats\\01.JPG", match) for match in ("exact", "name", "stem")]
    ['cats\\01.JPG', '01.jpg', '01']
    """
    for step in _STEPS_TO.get(match, ()):
        id = step(id)
    return id


def named_alike(
    ids: tuple[str, ...], like: tuple[str, ...], match: str, called: tuple[str, str]
) -> tuple[str, ...]:
    """Return `ids`, each replaced by the id of `like` that it matches, if there is one.

    Parameters
    ----------
    ids, like : tuple of str
        Sample ids that are unique on their side.
    match : {"exact", "name", "stem"}
        What of two ids must be equal; see `key_of`. Ids of one side that are equal in this part
        are refused.
    called : tuple of two str
        What messages call the sides of `ids` and `like`.
    """
    if match not in MATCHES:
        raise choice("match", match, MATCHES)
    if match == "exact":
        return ids
    for side, name in zip((ids, like), called, strict=True):
        same = _first_repeated(side, match)
        if same:
            raise DataError(
                f"With --match {match}, {first_few(same)} of {name} would all be "
                f"{key_of(same[0], match)!r}.",
                _OTHER_MATCH[match],
            )
    partner = {key_of(id, match): id for id in like}
    return tuple(partner.get(key_of(id, match), id) for id in ids)


_OTHER_MATCH = {
    "name": "Write the same ids on both sides, and leave --match out.",
    "stem": "Use --match name if the suffixes are the same on both sides; otherwise write the "
    "same ids on both, and leave --match out.",
}


@dataclass(frozen=True)
class Likeness:
    """Pairs of ids that differ, but mean the same file.

    Parameters
    ----------
    n_pairs : int
    differ : str
        What the pairs differ in, with an example, as a part of a sentence.
    match : str or None
        The way of matching that joins them; None if it would take different samples for one.
    """

    n_pairs: int
    differ: str
    match: str | None

    @property
    def told(self) -> str:
        """How many pairs there are, and what they differ in."""
        differ = "differs" if self.n_pairs == 1 else "differ"
        return f"{counted(self.n_pairs, 'pair')} of ids {differ} only {self.differ}."

    @property
    def hint(self) -> str:
        """What to do about it."""
        if self.match is None:
            if _STEPS[_last] in self.differ:
                return (
                    "File names repeat: write ids with the same leading folder on both sides; for "
                    "images, give 'invert extract' as --data the folder from which the longer ids "
                    "start."
                )
            return "Write the same ids on both sides."
        return f"Match them with: --match {self.match}"


def likeness(ids: Sequence[str], others: Sequence[str]) -> Likeness | None:
    """Find ids of two sides that differ, but mean the same file; None if there are none."""
    only = _alone(ids, others), _alone(others, ids)
    if not all(only):
        return None
    found = {match: _pairs(*only, match) for match in ("name", "stem")}
    unique = {
        match: not any(_first_repeated(side, match) for side in (ids, others)) for match in found
    }
    # Suffixes are only left out where that joins samples that their names do not.
    by_stem = len(found["stem"]) > len(found["name"]) and (unique["stem"] or not found["name"])
    match = "stem" if by_stem else "name"
    pairs = found[match][:_LOOKED_AT]
    if not pairs:
        return None
    steps = {step for pair in pairs for step in _steps_between(*pair)}
    told = " and ".join(what for step, what in _STEPS.items() if step in steps)
    shown = " against ".join(map(ascii if _composed in steps else repr, pairs[0]))
    return Likeness(len(found[match]), f"{told}, as in {shown}", match if unique[match] else None)


def _pairs(ids: Sequence[str], others: Sequence[str], match: str) -> list[tuple[str, str]]:
    """Pair ids by a key that is unique on both sides; by their paths if the key repeats."""
    keys, other_keys = ([key_of(id, match) for id in side] for side in (ids, others))
    count, other_count = Counter(keys), Counter(other_keys)
    unique = {key for key in count if count[key] == other_count[key] == 1}
    partner = {key: id for id, key in zip(others, other_keys, strict=True) if key in unique}
    whole = {
        _path(id, match): id
        for id, key in zip(others, other_keys, strict=True)
        if key in count and key not in unique
    }
    by_tail = {tail: id for path, id in whole.items() for tail in _tails(path)}
    pairs = []
    for id, key in zip(ids, keys, strict=True):
        other = partner.get(key)
        if other is None and key in other_count:
            path = _path(id, match)
            shorter = (whole[tail] for tail in _tails(path) if tail in whole)
            other = next(itertools.chain(shorter, filter(None, [by_tail.get(path)])), None)
        if other is not None:
            pairs.append((id, other))
    return pairs


def _path(id: str, match: str) -> str:
    """What is compared of the whole path of an id."""
    for step in (_composed, _slashed, _plain, *_STEPS_TO[match]):
        id = id if step is _last else step(id)
    return id


def _tails(path: str) -> Iterator[str]:
    """A path, and what is left of it without its first, its first two ... folders."""
    while path:
        yield path
        path = path.partition("/")[2]


def _alone(ids: Sequence[str], others: Sequence[str]) -> list[str]:
    known = set(others)
    return [id for id in ids if id not in known]


def _first_repeated(ids: Sequence[str], match: str) -> list[str]:
    """Return the ids that have the first key that repeats; none if no key does."""
    place: dict[str, list[str]] = {}
    for id in ids:
        place.setdefault(key_of(id, match), []).append(id)
    return next((same for same in place.values() if len(same) > 1), [])


def _steps_between(id: str, other: str) -> list[Callable[[str], str]]:
    """Return the fewest first steps that make two ids equal, without those that are not needed."""
    steps: list[Callable[[str], str]] = []
    for step in _STEPS:
        steps.append(step)
        if _equal(id, other, steps):
            break
    for step in tuple(steps):
        fewer = [each for each in steps if each is not step]
        steps = fewer if _equal(id, other, fewer) else steps
    return steps


def _equal(id: str, other: str, steps: Sequence[Callable[[str], str]]) -> bool:
    for step in steps:
        id, other = step(id), step(other)
    return id == other
