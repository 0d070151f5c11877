"""Checks of the values that rows of a file have."""

import functools
import sys
from collections.abc import Mapping
from dataclasses import MISSING
from typing import Any, NamedTuple

from invert_core.results.column_fields import OPTIONAL_TYPES, columns
from invert_core.results.columns import Explanation


def checked(kind: type[Explanation], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a row from a file, after a check, with defaults for absent ones.

    A ValueError says which column is unknown, missing, or has a value that it cannot hold.
    """
    if not isinstance(values, Mapping):
        raise ValueError("it is no object")
    # mypy looks for the hash of a row instead of that of its kind.
    ranges, defaults = _ranges(kind)  # type: ignore[arg-type]
    values = defaults | dict(values)
    if values.keys() != ranges.keys():
        raise ValueError(f"columns {sorted(values.keys() ^ ranges.keys())}")
    for name, value in values.items():
        _check(name, ranges[name], value)
    return values


class _Range(NamedTuple):
    """What a column of a file can hold; every number in it is finite."""

    type: Any
    is_optional: bool
    low: float
    high: float
    words: tuple[str, ...]


@functools.cache
def _ranges(kind: type[Explanation]) -> tuple[dict[str, _Range], dict[str, Any]]:
    """Return the range of each column, and the default of each that may be absent."""
    ranges, defaults = {}, {}
    for name, one in columns(kind).items():
        ranges[name] = _Range(
            OPTIONAL_TYPES.get(one.type, one.type),
            one.type in OPTIONAL_TYPES,
            max(one.metadata["at_least"], -sys.float_info.max),
            min(one.metadata["at_most"], sys.float_info.max),
            one.metadata["words"],
        )
        if one.default is not MISSING:
            defaults[name] = one.default
    return ranges, defaults


def _check(name: str, of: _Range, value: object) -> None:
    if type(value) is not of.type:
        if not (value is None and of.is_optional):
            raise ValueError(f"{name} is {value!r}")
    elif isinstance(value, str):
        value.encode()  # half a surrogate pair could not be written again
        if of.words and value not in of.words:
            raise ValueError(f"{name} is {value!r}")
    elif isinstance(value, int):
        # Columns with absent values are stored as float64, which holds integers up to here.
        if not 0 <= value < (2**53 if of.is_optional else 2**63):
            raise ValueError(f"{name} is out of range")
    elif isinstance(value, float) and not of.low <= value <= of.high:
        raise ValueError(f"{name} is {value}")
