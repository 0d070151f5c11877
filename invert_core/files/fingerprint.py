"""Compares fingerprints, which say what a file was made from, field by field."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from invert_core.errors import StaleFileError

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
    field, old, new = different[0]
    if field == CONTRACT:
        raise StaleFileError(
            f"{str(path)!r} was made by another version of invert (extraction contract "
            f"{_short(old)}, here it is {_short(new)}), which may give different values.",
            "Choose another output with -o, or start anew with --overwrite.",
        )
    others = ", ".join(name for name, _, _ in different[1:])
    raise StaleFileError(
        f"{str(path)!r} was made with {field} {_short(old)}, now it is {_short(new)}"
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


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
