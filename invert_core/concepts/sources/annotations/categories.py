"""Makes concepts of the categories of annotated objects."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from invert_core.errors import DataError
from invert_core.wording import first_few

SUFFIX = "_supercategory"

_log = logging.getLogger("invert")


def category_ids(path: Path, names: Sequence[str]) -> list[str]:
    """Concept ids of categories: their names with underscores instead of blanks."""
    taken: dict[str, str] = {}
    for name in names:
        id = _id_of(name)
        if not id:
            raise DataError(
                f"{str(path)!r}: the name of a category is {name!r}.", "Give every category a name."
            )
        if id in taken:
            raise DataError(
                f"{str(path)!r}: the categories {taken[id]!r} and {name!r} have the same id, "
                f"{id!r}.",
                "Give each its own name.",
            )
        taken[id] = name
    return list(taken)


@dataclass(frozen=True)
class Supercategory:
    """A group of categories as a concept; `members` are the indices of its categories."""

    id: str
    name: str
    members: tuple[int, ...]


def supercategories(
    path: Path, ids: Sequence[str], groups: Sequence[str | None]
) -> list[Supercategory]:
    """The groups of categories, in the order of their first category.

    A group with the name of its only category is the same concept; it is left out, and logged. A
    group with the name of another category gets an id with a suffix.

    Parameters
    ----------
    path : Path
        The annotation file, for messages.
    ids : sequence of str
        Concept ids of the categories.
    groups : sequence of str or None
        The name of the group of each category; None if it has none.
    """
    members: dict[str, list[int]] = {}
    for index, group in enumerate(groups):
        if group is not None:
            members.setdefault(group, []).append(index)
    of_categories = set(ids)
    found = []
    left_out = []
    for id, (name, inside) in zip(category_ids(path, list(members)), members.items(), strict=True):
        if [id] == [ids[index] for index in inside]:
            left_out.append(name)
        elif id in of_categories:
            found.append(Supercategory(id + SUFFIX, f"{name} (supercategory)", tuple(inside)))
        else:
            found.append(Supercategory(id, name, tuple(inside)))
    if left_out:
        _log.info(
            "%s: left out supercategories that are the same as their only category: %s.",
            path.name,
            first_few(left_out),
        )
    if not members:
        _log.info("%s: no category has a supercategory.", path.name)
    return found


def _id_of(name: str) -> str:
    return "_".join(name.split())
