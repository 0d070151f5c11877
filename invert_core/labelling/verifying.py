"""Verification of a run: its files, and every number of its rows from the inputs that it names."""

import csv
import itertools
import logging
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

from invert_core.errors import FileFormatError
from invert_core.files.input_file import input_path
from invert_core.files.text_files import read_lines
from invert_core.files.unchanged import unchanged
from invert_core.labelling.label import Progress, label_workload
from invert_core.labelling.q_values import with_q_values
from invert_core.labelling.recorded_inputs import recorded
from invert_core.labelling.searches import with_objective
from invert_core.results.columns import Label
from invert_core.results.label_table import EXPLAINED
from invert_core.results.labels import Labels
from invert_core.results.run_directory import file_identity, read_run, versions

_TABLE = "labels.csv"
_EXACT = {"auc", "u", "concept_fraction"}
"""Quotients of integers; all other numbers may differ in their last digits between machines."""
_RELATIVE, _ABSOLUTE = 1e-9, 1e-12

_log = logging.getLogger("invert")


@dataclass(frozen=True)
class Difference:
    """A column in which a run differs from what its inputs give.

    Attributes
    ----------
    column : str
    n_rows : int
        Number of rows that differ.
    unit, rank : str, int
        The first of them.
    recorded, computed : value of the column
        Its values in the run, and computed again; None for a row that is not there.
    """

    column: str
    n_rows: int
    unit: str
    rank: int
    recorded: Any
    computed: Any


@dataclass(frozen=True)
class Verified:
    """What `verify_run` found.

    Attributes
    ----------
    n_units, n_rows : int
        Numbers of units and rows of the run.
    inputs : mapping of str to Path
        The files that the run was made from, keyed by role.
    differences : tuple of Difference
        Columns that differ; empty if every number is the same.
    """

    n_units: int
    n_rows: int
    inputs: Mapping[str, Path] = field(repr=False)
    differences: tuple[Difference, ...]


def verify_run(
    run: str | PathLike[str],
    *,
    activations: str | PathLike[str] | None = None,
    concepts: str | PathLike[str] | None = None,
    names: str | PathLike[str] | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Verified:
    """Label again from the inputs of a run, and compare every number of its rows.

    Parameters
    ----------
    run : path
        The run directory.
    activations, concepts, names : path, optional
        Where these inputs are now, if they have moved. Their content must be the same.
    jobs, progress
        As for `label`.

    Returns
    -------
    Verified

    Raises
    ------
    MissingFileError
        There is no such run, or one of its inputs is no longer where it was.
    StaleFileError
        An input has changed since the run was made.
    FileFormatError
        A file of the run is damaged.
    InvertError
        As for `label`.
    """
    read = read_run(run)
    table = input_path(run) / _TABLE
    _check_digests(input_path(run), read.info)
    header = _header(table)
    moved = {"activations": activations, "concepts": concepts, "names": names}
    of_run = recorded(run, read.info, moved)
    _warn_of_versions(read.info)
    with unchanged(*of_run.files.values()), of_run.inputs.open(of_run.settings.seed) as work:
        settings = with_objective(of_run.settings, work)
        tables = label_workload(work, settings, jobs=jobs, progress=progress)
        with closing(tables):
            again = Labels.of_tables(with_q_values(tables, settings))
    n_units = sum(len(part.units()) for part in read.labels.tables)
    differences = _differences(read.labels, again, header)
    return Verified(n_units, len(read.labels), of_run.files, differences)


def _check_digests(run: Path, info: Mapping[str, Any]) -> None:
    """Refuse files that are not what run.json says of them."""
    for name, digests in info.get("files", {}).items():
        path = run / name
        if not path.is_file():
            raise FileFormatError(
                f"The run {str(run)!r} lacks its file {name!r}.",
                "Copy the run again from where it is whole, or label again.",
            )
        if file_identity(path)["sha256"] != digests.get("sha256"):
            raise FileFormatError(
                f"{str(path)!r} is damaged or was changed: it does not match its digest in "
                "run.json.",
                "Copy the run again from where it is whole, or label again.",
            )


def _header(table: Path) -> list[str]:
    """Return the columns of labels.csv."""
    first = next((line for _, line in read_lines(table, "Label again.")), "")
    return [name for name in next(csv.reader([first]), []) if name in Label.ORDER]


def _warn_of_versions(info: Mapping[str, Any]) -> None:
    recorded = info.get("versions")
    before = recorded if isinstance(recorded, dict) else {}
    different = [
        f"{name} {before.get(name)} (now {now})"
        for name, now in versions().items()
        if before.get(name) != now
    ]
    if different:
        _log.warning("The run was made with %s, so digits may differ.", ", ".join(different))
    if "permutations" not in info["settings"]:
        _log.warning("The run is older than p-values given the ties, so its p-values differ.")
    if info["settings"].get("time_limit") is not None:
        _log.warning("The run had a time limit, so what was found depends on the machine.")


def _differences(before: Labels, now: Labels, columns: Sequence[str]) -> tuple[Difference, ...]:
    first: dict[str, Difference] = {}
    counts: Counter[str] = Counter()
    units: dict[tuple[str, int], tuple[list[Label], list[Label]]] = {}
    for side, labels in enumerate((before, now)):
        for row in labels:
            units.setdefault((row.layer, row.unit), ([], []))[side].append(row)
    for of_unit in units.values():
        for pair in itertools.zip_longest(*of_unit):
            for difference in _of_row(*pair, columns):
                first.setdefault(difference.column, difference)
                counts[difference.column] += 1
    return tuple(replace(one, n_rows=counts[name]) for name, one in first.items())


def _of_row(
    recorded: Label | None, computed: Label | None, columns: Sequence[str]
) -> Iterator[Difference]:
    """Yield the columns in which a row differs; a row may be there in one of both runs only."""
    if recorded is None or computed is None:
        row = recorded or computed
        assert row is not None
        formulas = (each and each.formula for each in (recorded, computed))
        yield Difference("row", 1, row.shown_address, row.rank, *formulas)
        return
    of_row = recorded.shown_address, recorded.rank
    before, now = recorded.row(), computed.row()
    for name in columns:
        if not _is_same(name, before[name], now[name]):
            yield Difference(name, 1, *of_row, before[name], now[name])
    n_formulas = len(recorded.by_length), len(computed.by_length)
    if n_formulas[0] != n_formulas[1]:
        yield Difference("by_length", 1, *of_row, *n_formulas)
        return
    for name in filter(set(columns).__contains__, EXPLAINED):
        for one, other in zip(recorded.by_length, computed.by_length, strict=True):
            values = getattr(one, name), getattr(other, name)
            if not _is_same(name, *values):
                yield Difference(f"by_length.{name}", 1, *of_row, *values)
                break


def _is_same(name: str, recorded: Any, computed: Any) -> bool:
    if isinstance(recorded, float) and isinstance(computed, float) and name not in _EXACT:
        return math.isclose(recorded, computed, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
    return bool(recorded == computed)
