"""Finds out which group every sample belongs to, from a table or from the sample ids."""

import logging
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from invert_core.activations.group_patterns import group_pattern
from invert_core.activations.groups import SPELLINGS, Groups
from invert_core.concepts.sets.matching import Likeness, key_of, likeness, named_alike
from invert_core.errors import DataError, SettingError
from invert_core.tables.cells import is_missing
from invert_core.tables.columns import name_in, read_column
from invert_core.tables.formats import open_by_suffix
from invert_core.values import as_sample_id, has_own_index, index_ids, locate, sample_name
from invert_core.wording import counted, first_few

_log = logging.getLogger("invert")

FROM_IDS = "id:"
"""What the text begins with if a regular expression finds the groups in the sample ids."""
_HELD_OUT = "held-out sample"


def read_groups(
    groups: str | Sequence[str] | np.ndarray,
    sample_id: tuple[str, ...] | None,
    n_samples: int,
    *,
    kept: np.ndarray | None = None,
    match: str = "exact",
    searched_id: Sequence[str] | None = None,
) -> Groups:
    """Find out which group every sample belongs to.

    Parameters
    ----------
    groups : str or sequence [n_samples] of str
        The groups, or where they are: ``TABLE:COLUMN`` for a column of a table whose column
        ``sample_id``, or else its first column, names the samples; or ``id:REGEX`` for a regular
        expression that fits a whole sample id, and whose first pair of parentheses encloses the
        name of the group. If the samples or the table have no ids, rows are matched by position.
        The index of a pandas object holds sample ids. Blanks at the ends of a name in a list or a
        table are no part of it; nothing, a blank, ``nan``, ``NA`` and the like are no name, and
        whole numbers are.
    sample_id : tuple of str or None
        The ids of the samples.
    n_samples : int
        The number of samples.
    kept : int64 array, optional
        Positions of the samples that need a group; None means all.
    match : {"exact", "name", "stem"}
        What of two sample ids must be equal; see `key_of`.
    searched_id : sequence of str, optional
        Given if the samples are held out: the ids of the searched ones, as far as they are known. A
        table also has rows of these, so it is never matched by position.

    Returns
    -------
    Groups
        The groups of the samples that need one.

    Raises
    ------
    SettingError
        The text is none of these, or the regular expression is wrong or could take for ever.
    MissingFileError, FileFormatError, UnknownNameError
        The table cannot be read, or does not have the column.
    DataError
        A sample has no group.
    """
    if sample_id is not None and kept is not None:
        sample_id = tuple(map(sample_id.__getitem__, kept.tolist()))
    where, held_out = "There are", searched_id is not None
    kind = _HELD_OUT if held_out else "sample"
    named: Sequence[str]
    ids = None
    if not isinstance(groups, str):
        called, named = "the list of groups", _as_names(groups)
        if has_own_index(groups):
            ids = index_ids(getattr(groups, "index", None), "the groups")
    elif groups.startswith(FROM_IDS):
        return Groups.of(_from_ids(groups.removeprefix(FROM_IDS), sample_id, kind))
    else:
        path, column = _place(groups)
        called, where = repr(str(path)), f"{str(path)!r} has"
        named, ids = _read(path, column, sample_id, match, held_out)
    if sample_id is not None and ids is not None:
        rows = _joined(called, ids, sample_id, match, searched_id)
    elif held_out:
        raise DataError(
            f"Without ids on both sides, nothing shows which rows of {called} are those of the "
            f"{counted(n_samples, kind)}.",
            "Give the samples ids, and the table a column sample_id.",
        )
    elif len(named) == n_samples:
        rows = np.arange(n_samples) if kept is None else kept
    else:
        raise DataError(
            f"{where} {counted(len(named), 'group name')} for {counted(n_samples, 'sample')}.",
            "Give one per sample, or a column sample_id on both sides.",
        )
    return Groups.of(_picked(called, named, rows, sample_id, kind))


def groups_of_searched(
    groups: str, searched_id: Sequence[str], held_out_id: tuple[str, ...], match: str
) -> list[str | None]:
    """Return the group of each searched sample, None where nothing names one.

    Parameters
    ----------
    groups : str
        ``TABLE:COLUMN`` or ``id:REGEX``, as `read_groups` read it for the held-out samples.
    searched_id, held_out_id : sequence of str
        The ids of the samples.
    match : {"exact", "name", "stem"}
        As for `read_groups`.
    """
    if groups.startswith(FROM_IDS):
        return _found_in(searched_id, groups.removeprefix(FROM_IDS))
    named, ids = _read(*_place(groups), held_out_id, match, held_out=True)
    assert ids is not None  # held-out samples are never matched by position
    group = dict(zip(ids, named, strict=True))
    held_out = {key_of(id, match) for id in held_out_id}
    like = {key: id for key, id in _of_one_id(ids, match).items() if key not in held_out}
    partner = {id: like.get(key) for key, id in _of_one_id(searched_id, match).items()}
    return [group.get(id) or group.get(partner.get(id) or "") or None for id in searched_id]


def _of_one_id(ids: Sequence[str], match: str) -> dict[str, str]:
    """Return the id of each key that only one id has."""
    count = Counter(key_of(id, match) for id in ids)
    return {key: id for id in ids if count[key := key_of(id, match)] == 1}


def table_of_groups(groups: str) -> Path | None:
    """Return the table that groups are read from; None if they are found in the ids."""
    return None if groups.startswith(FROM_IDS) else _place(groups)[0]


def _place(groups: str) -> tuple[Path, str]:
    """Split TABLE:COLUMN at the last colon; a path may have others, and a title none."""
    path, colon, column = groups.rpartition(":")
    if not (colon and path and column):
        raise SettingError(
            f"Groups cannot be read from {groups!r}, which names no column.", SPELLINGS
        )
    shorter = path
    while ":" in shorter and not os.path.isfile(path):
        shorter = shorter.rpartition(":")[0]
        if os.path.isfile(shorter):
            title = groups.removeprefix(f"{shorter}:")
            raise SettingError(
                f"The title {title!r} of a column of {shorter!r} has a colon.",
                "Rename the column, and name it as in --groups TABLE.csv:COLUMN.",
            )
    return Path(path), column


def _read(
    path: Path, column: str, sample_id: tuple[str, ...] | None, match: str, held_out: bool
) -> tuple[Sequence[str], tuple[str, ...] | None]:
    """Read a column of groups, and the ids of its rows, if there are any."""
    table = read_column(path, column, (), None, f"--groups {path}:COLUMN", name_in)
    if sample_id is None or table.sample_id is not None:
        return table.values, table.sample_id
    with open_by_suffix(path) as opened:
        first = opened.titles[0]
        cells = [cells[0] for _, cells in opened.rows([first])]
    ids = [str(cell) if isinstance(cell, str | int) else "" for cell in cells]
    keys = {key_of(id, match) for id in sample_id}
    is_named = any(key_of(id, match) in keys for id in ids) or likeness(sample_id, ids) is not None
    if first != column and is_named:
        return table.values, as_sample_id(ids, f"the column {first!r} of {str(path)!r}")
    if held_out:
        raise _no_rows(repr(str(path)), sample_id, _HELD_OUT, None)
    _log.warning(
        "%r has no column sample_id, and its first column names no sample: its rows are matched "
        "with the samples by position.",
        str(path),
    )
    return table.values, None


def _as_names(groups: Any) -> list[str]:
    if isinstance(groups, bytes | Mapping) or not isinstance(groups, Iterable):
        raise SettingError(f"The groups are {groups!r}, not a list of names.", SPELLINGS)
    values = groups.tolist() if hasattr(groups, "tolist") else list(groups)
    for row, value in enumerate(values):
        if not isinstance(value, str | int | float | np.generic | None):
            raise DataError(
                f"The group of row {row} is {value!r}, not a name.", "Name one for every sample."
            )
    names = [str(value).strip() for value in values]
    return ["" if is_missing(name) else name for name in names]


def _from_ids(pattern: str, sample_id: tuple[str, ...] | None, kind: str) -> list[str]:
    if sample_id is None:
        raise DataError(
            f"The {kind}s have no ids that could name their groups.",
            "Give the groups in a table: --groups TABLE.csv:COLUMN.",
        )
    found = _found_in(sample_id, pattern)
    missing = [name for name, group in zip(sample_id, found, strict=True) if not group]
    if missing:
        raise DataError(
            f"{pattern!r} finds no group in {counted(len(missing), f'{kind} id')}: "
            f"{first_few(missing)}.",
            "It must fit the whole id, and the first parentheses enclose the name of the group.",
        )
    return [group or "" for group in found]


def _found_in(sample_id: Sequence[str], pattern: str) -> list[str | None]:
    rule = group_pattern(pattern, SPELLINGS)
    return [(match and match[1]) or None for match in map(rule.fullmatch, sample_id)]


def _picked(
    where: str, names: Sequence[str], rows: np.ndarray, sample_id: tuple[str, ...] | None, kind: str
) -> list[str]:
    """Return the names in some rows, one per sample."""
    picked = [names[row] for row in rows]
    missing = [place for place, name in enumerate(picked) if not name]
    if missing:
        places = rows[missing].tolist() if sample_id is None else missing
        told = first_few([sample_name(sample_id, place) for place in places], called=str)
        raise DataError(
            f"{counted(len(missing), kind)} {'has' if len(missing) == 1 else 'have'} no group "
            f"in {where}: {told}.",
            "Name one for every sample; blanks, nan, NA and the like count as missing.",
        )
    return picked


def _joined(
    where: str,
    ids: tuple[str, ...],
    sample_id: tuple[str, ...],
    match: str,
    searched_id: Sequence[str] | None,
) -> np.ndarray:
    """Return the row of each sample: int64 [n_samples]."""
    ids = named_alike(ids, sample_id, match, (where, "the samples"))
    place = locate(sample_id, ids)
    missing = [sample_id[row] for row in np.flatnonzero(place < 0)]
    if missing:
        searched = set(searched_id or ())
        # Frames of two clips may be numbered alike: a searched sample is no held-out one.
        free = [id for id in ids if id not in searched]
        kind = "sample" if searched_id is None else _HELD_OUT
        raise _no_rows(where, missing, kind, likeness(sample_id, free))
    if len(ids) > len(sample_id):
        _log.info(
            "%s: %s of other samples ignored.", where, counted(len(ids) - len(sample_id), "row")
        )
    return place


def _no_rows(where: str, missing: Sequence[str], kind: str, alike: Likeness | None) -> DataError:
    return DataError(
        f"{where} has no row for {counted(len(missing), kind)}: {first_few(missing)}."
        + ("" if alike is None else f" {alike.told}"),
        "Add them, each with its group." if alike is None else alike.hint,
    )
