"""Tells sample ids that look like numbered parts of a few sources, such as frames of clips."""

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

_NUMBER, _RANGE = r"\d+(?:\.\d+)?", r"\d+(?:[.,:_-]\d+)*"
_PART = (
    r"(?:chunk|clip|crop|frame|page|para|paragraph|part|patch|seg|segment|sentence|shot|slice|tile"
    r"|window)"
)
_FORMS = (
    # clip/0001: images in folders of classes have suffixes, and so do not end in a number.
    rf"(?P<source>.+)(?P<mark>/)(?P<number>{_RANGE})",
    # img#3, doc@17, talk:12.5
    rf"(?P<source>.+)(?P<mark>[#@:])(?P<number>{_RANGE})",
    # photo.jpg_2, talk.wav-003: what follows a suffix is no file.
    rf"(?P<source>.+\.[A-Za-z][A-Za-z0-9]{{1,4}})(?P<mark>[_-])(?P<number>{_NUMBER})",
    # video/frame_0001.png, doc-chunk3
    rf"(?P<source>.+)(?P<mark>[/_.-]{_PART}[_-]?)(?P<number>{_NUMBER})(?:\.\w+)?",
)
_SPLITS = {"dev", "eval", "test", "train", "training", "val", "valid", "validation"}
"""Names of parts of a data set, whose samples have nothing else in common."""


class Parts(NamedTuple):
    """Samples that look like parts of `n_sources` sources.

    `examples` are ids of parts of one source. `pattern` is a regular expression that fits every id,
    and whose first group is the source.
    """

    n_sources: int
    examples: tuple[str, ...]
    pattern: str


def numbered_parts(sample_id: Sequence[str], classes: Collection[str]) -> Parts | None:
    """Find out whether all samples look like numbered parts of a few sources.

    Parameters
    ----------
    sample_id : sequence of str
    classes : collection of str
        Names of classes; samples with such a name before their number belong to a class, not to a
        source.

    Returns
    -------
    Parts or None

    Examples
    --------
    >>> numbered_parts(["a/0", "a/1", "b/0", "b/1"], ())
    Parts(n_sources=2, examples=('a/0', 'a/1'), pattern='(.*)/.*')
    >>> numbered_parts(["cat/0", "cat/1", "dog/0", "dog/1"], {"cat", "dog"})
    """
    for form in _FORMS:
        parts = _parts(sample_id, re.compile(form), classes)
        if parts is not None:
            return parts
    return None


def _parts(
    sample_id: Sequence[str], form: re.Pattern[str], classes: Collection[str]
) -> Parts | None:
    sources: dict[str, list[str]] = {}
    marks, numbers = set(), set()
    for id in sample_id:
        found = form.fullmatch(id)
        if found is None:
            return None
        sources.setdefault(found["source"], []).append(id)
        marks.add(found["mark"])
        numbers.add(found["number"])
    n_samples = len(sample_id)
    # Parts are counted anew in each source; numbers of samples in one data set do not repeat.
    are_counted_anew = max(len(sources), len(numbers)) <= n_samples / 2
    if len(sources) < 2 or len(marks) > 1 or not are_counted_anew:
        return None
    known = set(map(_letters, classes)) | _SPLITS
    n_known = sum(_letters(source.rpartition("/")[2]) in known for source in sources)
    if n_known >= len(sources) / 2:
        return None
    mark = marks.pop().replace(".", r"\.")
    examples = next(ids for ids in sources.values() if len(ids) > 1)
    return Parts(len(sources), tuple(examples[:2]), f"(.*){mark}.*")


def _letters(name: str) -> str:
    """Return a name without what spellings of one name differ in.

    >>> _letters("Traffic light"), _letters("traffic_light")
    ('trafficlight', 'trafficlight')
    """
    return re.sub(r"[\W_]+", "", name.casefold())
