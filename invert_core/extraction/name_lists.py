"""Lists of names of units, and how they are written: tables, JSON, Python literals and lines."""

import ast
import json
import logging
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from invert_core.errors import DataError, FileFormatError, SettingError
from invert_core.files.text_files import read_whole
from invert_core.tables.cells import excerpt
from invert_core.tables.formats import SUFFIXES, open_by_suffix
from invert_core.values import MOST_UNITS, check_text, is_count
from invert_core.wording import counted

_COLUMNS = ("layer", "unit", "name")
_ID2LABEL = "id2label"
_FORMS = (
    'Give one name per line, a list ["cat", "dog"], a mapping {0: "cat", 1: "dog"}, or a table '
    "with the columns unit,name."
)

_STRING = r"""(?:'(?:[^'\\\n]|\\.)*+'|"(?:[^"\\\n]|\\.)*+")"""
_LIST = rf"\[\s*+(?:{_STRING}\s*+(?:,\s*+|(?=\])))*+\]"
_VALUE = rf"(?:{_STRING}|[0-9]++)"
_MAPPING = rf"\{{\s*+(?:{_VALUE}\s*+:\s*+{_VALUE}\s*+(?:,\s*+|(?=\}})))*+\}}"
_LITERAL = re.compile(f"{_LIST}|{_MAPPING}")
"""A flat list or mapping as Python prints it; nothing nested can exhaust the parser's stack."""

_LONGEST_LITERAL = 2**21
"""The most characters of a Python literal, because its parser takes some 70 times as many bytes."""

_log = logging.getLogger("invert")


@dataclass(frozen=True)
class NameList:
    """Names of units by number.

    Attributes
    ----------
    source : str
        What messages call the place that the names come from.
    names : mapping of int to str
    is_partial : bool
        Whether units may be without a name, because it was said which unit each name is for.
    """

    source: str
    names: Mapping[int, str]
    is_partial: bool = False

    def beginning(self, first: int) -> "NameList":
        """Return the list with its first name for the unit `first`."""
        if self.is_partial:
            raise SettingError(
                f"{self.source} says which unit each name is for, so none can be the first.",
                f"Leave out :first={first}.",
            )
        names = {first + number: name for number, name in self.names.items()}
        return replace(self, names=names, is_partial=True)

    def spread(self, layer: str, what: str, count: int) -> tuple[str, ...]:
        """Return a name for each unit or channel of a layer, "" for one without a name."""
        if not self.is_partial and len(self.names) != count:
            raise DataError(
                f"{self.source} {_hold(len(self.names))}, and layer {layer!r} has "
                f"{counted(count, what)}.",
                f"If the first name belongs to another {what} than 0, add it, as in :first=1; or "
                "give a table with the columns unit,name.",
            )
        highest = max(self.names, default=-1)
        if highest >= count:
            raise DataError(
                f"{self.source} names {what} {highest:,}, and layer {layer!r} has "
                f"{counted(count, what)}, numbered from 0.",
                "Correct the numbers, or give the names to another layer with LAYER=FILE.",
            )
        spread = tuple(self.names.get(number, "") for number in range(count))
        n_named = count - spread.count("")
        if n_named < count:
            _log.info("%d of %s of layer %r have names.", n_named, counted(count, what), layer)
        return spread


def as_names(names: Iterable[object], source: str) -> NameList:
    """Return names in the order of the units."""
    listed: dict[int, str] = {}
    if isinstance(names, str | bytes) or not isinstance(names, Iterable):
        raise DataError(f"{source} is {excerpt(names)}, not a list of names.", _FORMS)
    for number, name in enumerate(names):
        if not isinstance(name, str):
            raise DataError(f"{source}: name {number} is {excerpt(name)}, not a text.", _FORMS)
        listed[number] = name
    return _checked(source, listed)


def read_name_file(path: Path) -> dict[str, NameList]:
    """Read a file of names: a table, JSON, or text as `read_name_text` takes it.

    Returns
    -------
    dict of layer name to NameList
        The layer is "" if the file does not say which one the names are for.
    """
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return _read_table(path)
    text, source = read_whole(path), repr(str(path))
    if suffix == ".json":
        return {"": _of_structure(_parsed_json(text, source), source)}
    return {"": read_name_text(text, source)}


def read_name_text(text: str, source: str) -> NameList:
    r"""Read names from a JSON text, a flat Python literal, or lines.

    A text from a bracket to a bracket must be JSON or a literal. Only "\n" and "\r\n" end a line,
    because names may hold any other character.
    """
    ends = text.strip()[:1] + text.strip()[-1:]
    if ends in ("[]", "{}"):
        return _of_structure(_parsed(text.strip(), source), source)
    lines = text.removesuffix("\n").split("\n") if text else []
    return as_names([line.removesuffix("\r") for line in lines], source)


def _parsed(text: str, source: str) -> Any:
    """Read JSON, or else a literal, in which some escapes mean something else."""
    try:
        return _parsed_json(text, source)
    except FileFormatError:
        if len(text) > _LONGEST_LITERAL or not _LITERAL.fullmatch(text):
            raise
        try:
            return _parsed_literal(text)
        except (ValueError, SyntaxError, MemoryError) as error:
            raise _unreadable(source, error) from error


def _parsed_json(text: str, source: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_mapping)
    except (ValueError, RecursionError) as error:
        raise _unreadable(source, error) from error


def _parsed_literal(text: str) -> Any:
    with warnings.catch_warnings(action="ignore", category=SyntaxWarning):
        literal = ast.parse(text, mode="eval").body
    if not isinstance(literal, ast.Dict):
        return ast.literal_eval(literal)
    pairs = zip(filter(None, literal.keys), literal.values, strict=True)
    return _mapping((ast.literal_eval(key), ast.literal_eval(value)) for key, value in pairs)


def _unreadable(source: str, error: Exception) -> FileFormatError:
    return FileFormatError(
        f"{source} is neither JSON nor a plain Python literal ({str(error)[:80]}).", _FORMS
    )


def _mapping(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    for key, value in pairs:
        if key in made:
            raise ValueError(f"the key {excerpt(key)} repeats")
        made[key] = value
    return made


def _of_structure(value: object, source: str) -> NameList:
    if isinstance(value, list):
        return as_names(value, source)
    if isinstance(value, dict) and isinstance(value.get(_ID2LABEL), dict):
        value = value[_ID2LABEL]
    if not isinstance(value, dict):
        raise FileFormatError(f"{source} is {excerpt(value)}, which holds no names.", _FORMS)
    return _of_mapping(value, source)


def _of_mapping(mapping: Mapping[Any, Any], source: str) -> NameList:
    """Read number to name, or name to number, which the type of the values tells apart."""
    numbers, names = list(mapping), list(mapping.values())
    if any(isinstance(value, int) for value in names):
        numbers, names = names, numbers
    found: dict[int, str] = {}
    for number, name in zip(numbers, names, strict=True):
        if isinstance(number, bool) or not is_count(str(number)) or not isinstance(name, str):
            raise DataError(
                f"{source} maps {excerpt(number)} and {excerpt(name)}, not a number and a name.",
                _FORMS,
            )
        if int(number) in found:
            raise DataError(f"{source} names unit {number} twice.", "Keep one of the names.")
        found[int(number)] = name
    for place, number in enumerate(sorted(found)):
        if place != number:
            raise DataError(
                f"{source} {_hold(len(found))}, but none for unit {place}.",
                "Number the names from 0 without gaps, or give a table with the columns unit,name.",
            )
    return _checked(source, found)


def _read_table(path: Path) -> dict[str, NameList]:
    source = repr(str(path))
    with open_by_suffix(path) as table:
        titles = [title for title in _COLUMNS if title in table.titles]
        if "name" not in titles:
            raise FileFormatError(
                f"{source} has no column 'name'.",
                "A table of unit names starts with the line: unit,name",
            )
        found: dict[str, dict[int, str]] = {}
        for row, cells in table.rows(titles):
            of_row = dict(zip(titles, cells, strict=True))
            layer = of_row.get("layer", "")
            if not isinstance(layer, str) or ("layer" in titles and not layer):
                raise DataError(f"{table.where(row)}: the layer is {excerpt(layer)}.", "Name one.")
            of_layer = found.setdefault(layer, {})
            unit = _unit(of_row["unit"], table.where(row)) if "unit" in titles else len(of_layer)
            if unit in of_layer:
                raise DataError(
                    f"{table.where(row)}: unit {unit} repeats.", "Keep one line for each unit."
                )
            of_layer[unit] = _name(of_row["name"], table.where(row))
    ignored = [title for title in table.titles if title not in _COLUMNS]
    if ignored:
        _log.info("%s: ignored %s.", path.name, counted(len(ignored), "other column"))
    return {
        layer: _checked(source, names, is_partial="unit" in titles)
        for layer, names in found.items()
    }


def _unit(cell: object, where: str) -> int:
    text = str(cell).strip()
    if isinstance(cell, bool) or not is_count(text) or int(text) > MOST_UNITS:
        raise DataError(
            f"{where}: the unit is {excerpt(cell)}.", f"Write its number, 0 to {MOST_UNITS:,}."
        )
    return int(text)


def _name(cell: object, where: str) -> str:
    if cell is None:
        return ""
    if not isinstance(cell, str):
        raise DataError(
            f"{where}: the name is {excerpt(cell)}, not a text.", "Write names as strings."
        )
    return cell


def _checked(source: str, names: Mapping[int, str], is_partial: bool = False) -> NameList:
    try:
        check_text("unit name", list(names.values()), may_be_empty=True)
    except DataError as error:
        error.add_note(f"(In {source}.)")
        raise
    return NameList(source, names, is_partial)


def _hold(count: int) -> str:
    return f"holds {counted(count, 'name')}"
