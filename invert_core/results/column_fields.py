"""Columns of results, each declared once as a field of a dataclass, with its meaning."""

import math
from dataclasses import MISSING, Field, field, fields
from typing import Any, TypeVar

Row = TypeVar("Row")

REQUIRED = object()
"""Stands for the value of a dead unit that depends on the unit."""
_TEXT_OF_TYPE: dict[Any, str] = {
    str: "text",
    int: "integer",
    float: "number",
    float | None: "number or nothing",
    int | None: "integer or nothing",
}
OPTIONAL_TYPES: dict[Any, Any] = {float | None: float, int | None: int}
"""The type of the values of a column whose values may be absent."""


def column(
    what: str,
    *,
    dead: object = REQUIRED,
    default: Any = MISSING,
    at_least: float = -math.inf,
    at_most: float = math.inf,
    words: tuple[str, ...] = (),
) -> Any:
    """Return a dataclass field that is a column.

    Parameters
    ----------
    what : str
        The meaning of the column, in whole sentences.
    dead : optional
        The value for a dead unit. Leave it out if the value depends on the unit.
    default : optional
        The value for rows that were written before this column existed.
    at_least, at_most : float
        The range of numbers that a file may hold.
    words : tuple of str
        All texts that a file may hold, without quotes and commas; any text if there are none.
    """
    metadata = {"what": what, "dead": dead, "at_least": at_least, "at_most": at_most}
    return field(default=default, metadata=metadata | {"words": words})


def columns(kind: type) -> dict[str, Field[Any]]:
    """Return the fields of a kind of row that are columns, keyed by name."""
    return {one.name: one for one in fields(kind) if "what" in one.metadata}


def described(kind: type[Row]) -> type[Row]:
    """Add the meaning of the columns to the docstring of a kind of row."""
    lines = [f"    {name}\n        {one.metadata['what']}" for name, one in columns(kind).items()]
    kind.__doc__ = (
        f"{kind.__doc__}\n\n    Attributes\n    ----------\n" + "\n".join(lines) + "\n    "
    )
    return kind


def markdown_table(kind: type, order: tuple[str, ...]) -> str:
    """Return the columns in the given order as a Markdown table."""
    found = columns(kind)
    lines = ["| column | type | meaning |", "| --- | --- | --- |"]
    lines += [
        f"| `{name}` | {_TEXT_OF_TYPE[found[name].type]} | {found[name].metadata['what']} |"
        for name in order
    ]
    return "\n".join(lines) + "\n"
