"""Categories of annotated objects as concepts."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from invert_core.errors import DataError
from invert_core.wording import first_few

SUFFIX = "_supercategory"

_log = logging.getLogger("invert")


def category_ids(path: Path, names: Sequence[str]) -> list[str]:
    """Concept ids of categories: their names with blanks made underscores.

    Raises
    ------
    DataError
        A name is blank, or two become one id.
    """
    taken: dict[str, str] = {}
    for name in names:
        id = _id_of(name)
        if not id:
            raise DataError(
                f"{str(path)!r}: the name of a category is {name!r}.", "Give every category a name."
            )
        if id in taken:
            raise DataError(
                f"{str(path)!r}: the categories {taken[id]!r} and {name!r} have one id, {id!r}.",
                "Give each a name of its own.",
            )
        taken[id] = name
    return list(taken)


@dataclass(frozen=True)
class Supercategory:
    """A group of categories as a concept; `members` are the rows of its categories."""

    id: str
    name: str
    members: tuple[int, ...]


def supercategories(
    path: Path, ids: Sequence[str], groups: Sequence[str | None]
) -> list[Supercategory]:
    """The groups of categories in the order of their first category.

    A group that is named like its only category is that category, and left out, which is logged.
    One that is named like any other category gets an id of its own.

    Parameters
    ----------
    path : Path
        Of their file, for messages.
    ids : sequence of str
        Of the categories.
    groups : sequence of str or None
        The name of the group of each category; None where it has none.

    Raises
    ------
    DataError
        As `category_ids`.
    """
    members: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        if group is not None:
            members.setdefault(group, []).append(row)
    of_categories = set(ids)
    found = []
    left_out = []
    for id, (name, rows) in zip(category_ids(path, list(members)), members.items(), strict=True):
        if [id] == [ids[row] for row in rows]:
            left_out.append(name)
        elif id in of_categories:
            found.append(Supercategory(id + SUFFIX, f"{name} (supercategory)", tuple(rows)))
        else:
            found.append(Supercategory(id, name, tuple(rows)))
    if left_out:
        _log.info(
            "%s: left out supercategories that are their only category: %s.",
            path.name,
            first_few(left_out),
        )
    if not members:
        _log.info("%s: no category has a supercategory.", path.name)
    return found


def _id_of(name: str) -> str:
    return "_".join(name.split())
