"""Finds out which group every sample belongs to, from a table or from the sample ids."""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from invert_core.activations.groups import Groups
from invert_core.errors import DataError, SettingError
from invert_core.tables.columns import read_column
from invert_core.values import has_own_index, index_ids, locate
from invert_core.wording import counted, first_few

_log = logging.getLogger("invert")

_SPELLINGS = "Write --groups TABLE.csv:COLUMN, or --groups 'id:(.*)/.*' for a part of the ids."


def read_groups(
    groups: str | Sequence[str] | np.ndarray, sample_id: tuple[str, ...] | None, n_samples: int
) -> Groups:
    """Find out which group every sample belongs to.

    Parameters
    ----------
    groups : str or sequence [n_samples] of str
        The groups, or where they are: ``TABLE:COLUMN`` for a column of a table with a column
        ``sample_id``; or ``id:REGEX`` for a regular expression that fits a whole sample id, and
        whose first pair of parentheses encloses the name of the group. If the samples or the table
        have no ids, rows are matched by position. The index of a pandas object holds sample ids.
    sample_id : tuple of str or None
        The ids of the samples.
    n_samples : int
        The number of samples.

    Raises
    ------
    SettingError
        The text is none of these, or the regular expression is wrong.
    MissingFileError, FileFormatError, UnknownNameError
        The table cannot be read, or does not have the column.
    DataError
        A sample has no group.
    """
    if not isinstance(groups, str):
        named = _as_names(groups)
        if sample_id is not None and has_own_index(groups):
            ids = index_ids(getattr(groups, "index", None), "the groups")
            return Groups.of(_joined("the list of groups", named, ids, sample_id))
        where = "There are"
    elif groups.startswith("id:"):
        return Groups.of(_from_ids(groups.removeprefix("id:"), sample_id))
    else:
        path, colon, column = groups.rpartition(":")
        if not (colon and path and column):
            raise SettingError(
                f"Groups cannot be read from {groups!r}, which names no column.", _SPELLINGS
            )
        table = read_column(Path(path), column, (), None, f"--groups {path}:COLUMN")
        if sample_id is not None and table.sample_id is not None:
            return Groups.of(_joined(repr(path), table.values, table.sample_id, sample_id))
        named = list(table.values)
        where = f"{path!r} has"
    if len(named) != n_samples:
        raise DataError(
            f"{where} {counted(len(named), 'group name')} for {counted(n_samples, 'sample')}.",
            "Give one per sample, or a column sample_id on both sides.",
        )
    return Groups.of(named)


def _as_names(groups: Any) -> list[str]:
    if isinstance(groups, bytes | Mapping) or not isinstance(groups, Iterable):
        raise SettingError(f"The groups are {groups!r}, not a list of names.", _SPELLINGS)
    values = groups.tolist() if hasattr(groups, "tolist") else list(groups)
    for row, value in enumerate(values):
        if not isinstance(value, str | int | float | np.generic) or value != value:
            raise DataError(
                f"The group of row {row} is {value!r}, not a name.", "Name one for every sample."
            )
    return [str(each) for each in values]


def _from_ids(pattern: str, sample_id: tuple[str, ...] | None) -> list[str]:
    try:
        rule = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise SettingError(f"{pattern!r} is no regular expression: {error}.", _SPELLINGS) from error
    if not rule.groups:
        raise SettingError(
            f"{pattern!r} has no parentheses around the name of the group.", _SPELLINGS
        )
    if sample_id is None:
        raise DataError(
            "The samples have no ids that could name their groups.",
            "Give the groups in a table: --groups TABLE.csv:COLUMN.",
        )
    found = [match and match[1] for match in map(rule.fullmatch, sample_id)]
    missing = [name for name, group in zip(sample_id, found, strict=True) if not group]
    if missing:
        raise DataError(
            f"{pattern!r} finds no group in {counted(len(missing), 'sample id')}: "
            f"{first_few(missing)}.",
            "It must fit the whole id, and the first parentheses enclose the name of the group.",
        )
    return [group or "" for group in found]


def _joined(
    where: str, values: Sequence[str], ids: tuple[str, ...], sample_id: tuple[str, ...]
) -> list[str]:
    place = locate(sample_id, ids)
    missing = [sample_id[row] for row in np.flatnonzero(place < 0)]
    if missing:
        raise DataError(
            f"{where} has no row for {counted(len(missing), 'sample')}: {first_few(missing)}.",
            "Add them, each with its group.",
        )
    if len(ids) > len(sample_id):
        _log.info(
            "%s: %s of other samples ignored.", where, counted(len(ids) - len(sample_id), "row")
        )
    return [values[row] for row in place]
