"""How concepts are printed: for people by their names, for programs by their ids."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from invert_core.commands.tables import Fit, print_rows
from invert_core.formula.syntax import quote_id
from invert_core.wording import first_few

if TYPE_CHECKING:
    from invert_core.concepts.catalogue import Entry
    from invert_core.concepts.sets.concept_set import ConceptSet

COLUMNS = (
    "id",
    "name",
    "n_positive",
    "n_defined",
    "fraction",
    "parents",
    "aliases",
    "overlaps",
    "jaccard",
    "definition",
)
_ALWAYS = ("id", "name", "n_positive", "fraction")
_LESS_NEEDED = ("aliases", "parents", "fraction")


def print_concepts(
    concepts: "ConceptSet", entries: Sequence["Entry"], style: str, *, definitions: bool
) -> None:
    """Print some concepts of a set.

    A table leaves out empty columns, and shows a few parents and aliases, and definitions on
    request. In CSV, blanks separate the ids in a cell, and an id that is no bare word is quoted as
    in a formula.
    """
    if style == "json":
        print_rows([_for_json(concepts, entry) for entry in entries], COLUMNS, style)
        return
    if style == "csv":
        print_rows([_for_csv(concepts, entry) for entry in entries], COLUMNS, style)
        return
    rows = [_for_people(concepts, entry) for entry in entries]
    told = {title for row in rows for title, value in row.items() if value}
    told -= set() if definitions else {"definition"}
    told -= set() if concepts.defined is not None else {"n_defined"}
    columns = [title for title in COLUMNS if title in told.union(_ALWAYS)]
    print_rows(rows, columns, style, Fit(drop=_LESS_NEEDED, prose=("definition",)))


def _for_people(concepts: "ConceptSet", entry: "Entry") -> dict[str, Any]:
    return _plain(entry) | {
        "parents": first_few([_called(concepts, index) for index in entry.parents], called=str),
        "aliases": first_few([alias.name for alias in entry.aliases], called=str),
        "overlaps": ", ".join(
            f"{_called(concepts, other.concept)} {other.jaccard:.2f}"
            for other in entry.overlaps or ()
        ),
    }


def _for_json(concepts: "ConceptSet", entry: "Entry") -> dict[str, Any]:
    return _plain(entry) | {
        "parents": [concepts.id[index] for index in entry.parents],
        "aliases": [{"id": alias.id, "name": alias.name} for alias in entry.aliases],
        "overlaps": None
        if entry.overlaps is None
        else [
            {"id": concepts.id[other.concept], "n_common": other.n_common, "jaccard": other.jaccard}
            for other in entry.overlaps
        ],
    }


def _for_csv(concepts: "ConceptSet", entry: "Entry") -> dict[str, Any]:
    return _plain(entry) | {
        "parents": _ids(concepts.id[index] for index in entry.parents),
        "aliases": _ids(alias.id for alias in entry.aliases),
        "overlaps": _ids(concepts.id[other.concept] for other in entry.overlaps or ()),
        "jaccard": " ".join(str(other.jaccard) for other in entry.overlaps or ()),
    }


def _plain(entry: "Entry") -> dict[str, Any]:
    return {
        "id": entry.id,
        "name": entry.name,
        "n_positive": entry.n_positive,
        "n_defined": entry.n_defined,
        "fraction": entry.fraction,
        "definition": entry.definition,
    }


def _called(concepts: "ConceptSet", index: int) -> str:
    name = concepts.name[index]
    return f"{name} ({concepts.id[index]})" if name in concepts.ambiguous_names else name


def _ids(ids: Iterable[str]) -> str:
    return " ".join(map(quote_id, ids))
