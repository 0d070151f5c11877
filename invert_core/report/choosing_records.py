"""Which units of a run are shown."""

from collections.abc import Sequence

import numpy as np

from invert_core.errors import SettingError, UnknownNameError
from invert_core.labelling.choosing import unit_numbers
from invert_core.report.run_rows import RunRows
from invert_core.values import is_pattern, looks_like_numbers, pattern_rule
from invert_core.wording import first_few, nearest


def choose_records(
    rows: RunRows, layers: Sequence[str] | None = None, units: str | Sequence[int] | None = None
) -> np.ndarray:
    """Return the records of the chosen units, int64 [E], in order.

    Parameters
    ----------
    rows : RunRows
    layers : sequence of str, optional
        Names, aliases and patterns of layers; None chooses all.
    units : str or sequence of int, optional
        Numbers and names of units, separated by commas, or numbers; None chooses all.

    Raises
    ------
    UnknownNameError
        No layer or no unit fits.
    SettingError
        The units cannot be read.
    """
    of_record = np.array(rows.evidence.layer, object)
    is_chosen = np.ones(of_record.size, np.bool_)
    if layers is not None:
        layers = [layers] if isinstance(layers, str) else layers
        if not layers:
            raise SettingError(
                "No layers are named.", "Name at least one, or leave the option out."
            )
        is_chosen = np.isin(of_record, list(_layers_called(layers, rows)))
    if units is not None:
        parts = units.split(",") if isinstance(units, str) else [str(unit) for unit in units]
        of_units = np.zeros(of_record.size, np.bool_)
        if not all(part.strip() for part in parts) or not parts:
            raise SettingError(
                f"The units are wrong: a name in {units!r} is empty.", "Write them as in 0-63,70."
            )
        for part in parts:
            of_part = is_chosen & _has_unit(part.strip(), rows)
            if not of_part.any():
                of_layers = " in these layers" if layers else ""
                raise UnknownNameError(
                    f"The run has no unit {part.strip()!r}{of_layers}.",
                    "List its units with: invert show RUN",
                )
            of_units |= of_part
        is_chosen = of_units
    return np.flatnonzero(is_chosen)


def _layers_called(layers: Sequence[str], rows: RunRows) -> set[str]:
    names = list(dict.fromkeys(rows.evidence.layer))
    aliases = rows.labels.aliases
    found: set[str] = set()
    for wanted in layers:
        fits = pattern_rule(wanted).fullmatch if is_pattern(wanted) else wanted.__eq__
        fitting = {name for name in names if fits(name) or fits(aliases.get(name, name))}
        if not fitting:
            raise UnknownNameError(
                f"The run has no layer {wanted!r}.",
                nearest(wanted.strip("*?"), names, f"Its layers are {first_few(names)}."),
            )
        found |= fitting
    return found


def _has_unit(part: str, rows: RunRows) -> np.ndarray:
    """Return which records are of units with this name or these numbers: bool [S]."""
    if looks_like_numbers(part):
        return np.isin(rows.evidence.units["unit"], list(unit_numbers(part)))
    named = np.array(rows.values("unit_name"), object) == part
    n_ways = len(rows.evidence.direction) // rows.evidence.concepts.n_units
    first = np.unique(rows.record[named] // n_ways * n_ways)
    is_called = np.zeros(len(rows.evidence.direction), np.bool_)
    is_called[(first[:, None] + np.arange(n_ways)).ravel()] = True
    return is_called
