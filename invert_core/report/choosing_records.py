"""Which units of a run are shown."""

from collections.abc import Sequence

import numpy as np

from invert_core.errors import SettingError, UnknownNameError
from invert_core.report.run_rows import RunRows
from invert_core.values import as_numbers, is_pattern, looks_like_numbers, pattern_rule
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
        is_chosen = np.isin(of_record, list(_layers_called(layers, rows)))
    if units is not None:
        is_chosen &= _has_unit(units, rows)
    if not is_chosen.any():
        of_layers = " in these layers" if layers else ""
        raise UnknownNameError(
            f"The run has no unit {units!r}{of_layers}.", "List its units with: invert show RUN"
        )
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


def _has_unit(units: str | Sequence[int], rows: RunRows) -> np.ndarray:
    """Return which records are of units that are named by number or name: bool [S]."""
    numbers: set[int] = set()
    names: set[str] = set()
    for part in units.split(",") if isinstance(units, str) else map(str, units):
        if looks_like_numbers(part):
            numbers |= _numbers(part)
        else:
            names.add(part.strip())
    is_chosen = np.isin(rows.evidence.units["unit"], list(numbers))
    if names:
        named = np.isin(np.array(rows.values("unit_name"), object), list(names))
        n_ways = len(is_chosen) // rows.evidence.concepts.n_units
        first = np.unique(rows.record[named] // n_ways * n_ways)
        is_chosen[(first[:, None] + np.arange(n_ways)).ravel()] = True
    return is_chosen


def _numbers(text: str) -> set[int]:
    try:
        return as_numbers(text)
    except ValueError as error:
        raise SettingError(f"The units are wrong: {error}", "Write them as in 0-63,70.") from error
