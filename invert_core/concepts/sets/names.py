"""Reads names and definitions of concepts from a table, and applies them."""

import itertools
import logging
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.concepts.sources.source import log_ignored
from invert_core.errors import DataError, FileFormatError
from invert_core.tables.csv_table import open_table
from invert_core.wording import counted, first_few

_OF_OPEN_IMAGES = {"LabelName": "concept_id", "DisplayName": "name"}
_LABEL_NAME = re.compile(r"/[a-z]/\w+")

_log = logging.getLogger("invert")


@dataclass(frozen=True)
class Names:
    """Names and definitions of concepts, by id, in the order of their table."""

    source: str
    name: dict[str, str]
    definition: dict[str, str]


def read_names(path: Path) -> Names:
    """Read a table with the columns ``concept_id``, ``name`` and perhaps ``definition``.

    The tables of Open Images have the columns ``LabelName`` and ``DisplayName``, or no header.
    """
    name: dict[str, str] = {}
    definition: dict[str, str] = {}
    with open_table(path) as (header, rows):
        if len(header) == 2 and _LABEL_NAME.fullmatch(header[0]):
            rows = itertools.chain([(1, header)], rows)
            header = list(_OF_OPEN_IMAGES)
        if "concept_id" not in header:
            header = [_OF_OPEN_IMAGES.get(title, title) for title in header]
        missing = [column for column in ("concept_id", "name") if column not in header]
        if missing:
            raise FileFormatError(
                f"{str(path)!r} has no column {missing[0]!r}.",
                "A table of names starts with the line: concept_id,name,definition",
            )
        column = {title: place for place, title in enumerate(header)}
        log_ignored(path, "column", set(header) - {"concept_id", "name", "definition"})
        for line, row in rows:
            id = row[column["concept_id"]]
            if not id or not row[column["name"]]:
                raise DataError(
                    f"{str(path)!r}, line {line}: the concept id or the name is empty.",
                    "Fill in both, or remove the line.",
                )
            if id in name:
                raise DataError(
                    f"{str(path)!r}, line {line}: the concept id {id!r} repeats.",
                    "Keep one line for each concept.",
                )
            name[id] = row[column["name"]]
            definition[id] = row[column["definition"]] if "definition" in column else ""
    return Names(str(path), name, definition)


def apply_names(concepts: ConceptSet, names: Names) -> ConceptSet:
    """Name concepts by a table, and put them in its order.

    Concepts that the table lacks come last and keep their names. Lines about other concepts are
    left out. Log messages count both. Aliases are named too; a blank definition changes nothing.
    """
    place = {id: position for position, id in enumerate(names.name)}
    order = np.argsort([place.get(id, len(place)) for id in concepts.id], kind="stable")
    unnamed = [
        id == name for id, name in zip(concepts.id, concepts.name, strict=True) if id not in place
    ]
    known = {*concepts.id, *(alias.id for alias in concepts.aliases)}
    _check_names_of_words(names, known)
    unused = sum(id not in known for id in place)
    if unnamed:
        one = len(unnamed) == 1
        _log.info(
            "%s %s not in %s and %s.",
            counted(len(unnamed), "concept"),
            "is" if one else "are",
            names.source,
            ("is shown by its id" if one else "are shown by their ids")
            if all(unnamed)
            else ("keeps its name" if one else "keep their names"),
        )
    if unused:
        _log.info(
            "%s of %s %s on no sample and left out.",
            counted(unused, "concept"),
            names.source,
            "is" if unused == 1 else "are",
        )
    ordered = concepts.select(order)
    return replace(
        ordered,
        name=tuple(
            names.name.get(id, name) for id, name in zip(ordered.id, ordered.name, strict=True)
        ),
        definition=tuple(
            names.definition.get(id) or definition
            for id, definition in zip(ordered.id, ordered.definition, strict=True)
        ),
        aliases=tuple(
            replace(alias, name=names.name.get(alias.id, alias.name)) for alias in ordered.aliases
        ),
    )


def _check_names_of_words(names: Names, known: Collection[str]) -> None:
    """Refuse concepts that are the words of an id or a name that has none of its own."""
    for id, name in names.name.items():
        for text in (id, name):
            words = text.split()
            if id in known or len(words) < 2:
                continue
            if all(word in known and word not in names.name for word in words):
                raise DataError(
                    f"{names.source!r} has a concept {text!r}, but the samples carry its words "
                    f"{first_few(words)} as concepts.",
                    "Divide the concepts of a cell by something else than blanks, such as a "
                    "semicolon, and give --separator ';'; if they are right, name them in this "
                    "table, too.",
                )
