"""Checks that the evidence of a run is about the rows of this run."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from invert_core.errors import FileFormatError
from invert_core.formula.syntax import ids_in
from invert_core.results.evidence_checks import AGAIN
from invert_core.results.labels import Labels

if TYPE_CHECKING:
    from invert_core.results.evidence_file import RunEvidence

_COLUMNS = ("layer", "unit", "objective", "direction")
"""What a row and its evidence must have in common."""


def refuse_other_rows(evidence: "RunEvidence", labels: Labels, path: Path) -> None:
    """Raise unless evidence is about the rows of a run, in their order.

    Parameters
    ----------
    evidence : RunEvidence
    labels : Labels
        As many rows as the evidence has.
    path : Path
        Where the evidence comes from.

    Raises
    ------
    FileFormatError
        A row has evidence of another unit, direction or objective, a unit has no row, or a formula
        has a concept that the evidence does not know.
    """
    here = {
        name: np.concatenate([table.array(name) for table in labels.tables])
        for name in (*_COLUMNS, "formula")
    }
    record = evidence.rows["record"]
    there = {
        "layer": np.array(evidence.layer, object)[record],
        "unit": evidence.units["unit"][record],
        "objective": np.array(evidence.objective, object),
        "direction": np.array(evidence.direction, object)[record],
    }
    differs = {name: here[name] != there[name] for name in _COLUMNS}
    is_dead = here["formula"] == ""
    n_ways = len(evidence.direction) // evidence.concepts.n_units
    # The row of a dead unit has the first record, and is about no direction or objective.
    of_dead, of_living = record % n_ways != 0, differs["objective"] | differs["direction"]
    is_other = differs["layer"] | differs["unit"] | np.where(is_dead, of_dead, of_living)
    if is_other.any():
        at = int(is_other.argmax())
        ours, theirs = (
            "'{}:{}' ({}, {})".format(*(one[name][at] for name in _COLUMNS))
            for one in (here, there)
        )
        raise _other(path, f"row {at + 1:,} is about {ours}, and the evidence about {theirs}")
    n_described = np.unique(record // n_ways).size
    if n_described < evidence.concepts.n_units:
        raise _other(path, f"it is about {evidence.concepts.n_units:,} units, not {n_described:,}")
    used = ids_in(text for table in labels.tables for text in table.explained["formula"].tolist())
    if unknown := used.difference(evidence.concept):
        raise _other(path, f"it does not know the concept {min(unknown)!r}")


def _other(path: Path, why: str) -> FileFormatError:
    return FileFormatError(f"{str(path)!r} belongs to other labels: {why}.", AGAIN)
