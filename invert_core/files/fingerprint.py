"""Compares fingerprints, which say what a file was made from, field by field."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from invert_core.errors import StaleFileError
from invert_core.wording import counted

CONTRACT = "contract"
"""The field for the rules by which values are made; if it differs, no other can be compared."""

_SHOWN_CHARACTERS = 60


def as_stored(fingerprint: Mapping[str, Any]) -> dict[str, Any]:
    """The fingerprint as it is read back from a file: tuples become lists.

    >>> as_stored({"layers": ("fc",)})
    {'layers': ['fc']}
    """
    return json.loads(json.dumps(fingerprint))


def refuse_stale(path: Path, stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raise unless both fingerprints, as stored, are equal.

    The error names the fields that differ, and both values of the first.
    """
    different = list(_differences(stored, wanted, ""))
    if not different:
        return
    field, *values = different[0]
    old, new = _shown(*values)
    if field == CONTRACT:
        raise StaleFileError(
            f"{str(path)!r} was made by another version of invert (extraction contract "
            f"{old}, here it is {new}), which may give different values.",
            "Choose another output with -o, or start anew with --overwrite.",
        )
    others = ", ".join(name for name, _, _ in different[1:])
    raise StaleFileError(
        f"{str(path)!r} was made with {field} {old}, now it is {new}"
        + (f"; these differ too: {others}." if others else "."),
        "Choose another output with -o, or start anew with --overwrite.",
    )


def _differences(
    old: Mapping[str, Any], new: Mapping[str, Any], prefix: str
) -> Iterator[tuple[str, Any, Any]]:
    for key in dict.fromkeys([*new, *old]):
        before, after = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _differences(before, after, f"{prefix}{key}.")
        elif before != after or (key in old) != (key in new):
            yield f"{prefix}{key}", before, after


def _shown(old: Any, new: Any) -> tuple[str, str]:
    """Write two different values so that people see the difference, however long they are.

    >>> _shown([0, 1], [0, 2])
    ('[0, 1]', '[0, 2]')
    >>> _shown([*range(99)], [*range(50), 70])
    ('of 99 elements (number 51: 50)', 'of 51 elements (number 51: 70)')
    """
    texts = _as_json(old), _as_json(new)
    if max(map(len, texts)) <= _SHOWN_CHARACTERS:
        return texts
    if not (isinstance(old, list) and isinstance(new, list)):
        return _around_difference(*texts)
    place = _first_difference(old, new)
    first, second = _around_difference(
        *(_as_json(each[place]) if place < len(each) else "missing" for each in (old, new))
    )
    return (
        f"of {counted(len(old), 'element')} (number {place + 1:,}: {first})",
        f"of {counted(len(new), 'element')} (number {place + 1:,}: {second})",
    )


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _around_difference(old: str, new: str) -> tuple[str, str]:
    place = _first_difference(old, new)
    start = 0 if place < _SHOWN_CHARACTERS // 2 else place - _SHOWN_CHARACTERS // 2
    return _excerpt(old, start), _excerpt(new, start)


def _excerpt(text: str, start: int) -> str:
    end = start + _SHOWN_CHARACTERS
    return ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")


def _first_difference(old: Sequence[Any], new: Sequence[Any]) -> int:
    """Return the first place where two sequences differ; one may end there."""
    pairs = enumerate(zip(old, new, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(old), len(new)))
