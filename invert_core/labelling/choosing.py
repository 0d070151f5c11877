"""Chooses layers by name, alias or pattern, and units by number or name."""

import operator
from collections.abc import Iterable, Mapping, Sequence

from invert_core.activations.values import ActivationLayer
from invert_core.errors import SettingError, UnknownNameError
from invert_core.values import as_numbers, is_pattern, looks_like_numbers, pattern_rule
from invert_core.wording import counted, first_few, nearest

UnitChoice = str | Sequence[int | str]
"""Numbers and names of units, or a text of both, such as ``"0-63,70,person"``."""

Chosen = tuple[tuple[ActivationLayer, Sequence[int]], ...]

_OR_LEAVE_OUT = "Name at least one, or leave the option out."


def choose_units(
    available: Mapping[str, ActivationLayer],
    layers: Sequence[str] | None,
    units: UnitChoice | None,
) -> Chosen:
    """Choose layers and units among the available ones; None chooses all.

    Parameters
    ----------
    available : mapping of layer name to ActivationLayer
    layers : sequence of str, optional
        Names, aliases and patterns. A name counts before an alias, and both count before a pattern.
    units : str or sequence of int and str, optional
        Numbers and names of units, which every chosen layer must have. In a text, commas separate
        them; where several readings are possible, the longest name counts, but a number counts
        before a name of its length.

    Returns
    -------
    tuple of (ActivationLayer, ascending sequence of int)
        The layers in the order of `available`.
    """
    wanted = [layers] if isinstance(layers, str) else layers
    if wanted is not None and not len(wanted):
        raise SettingError("No layers are named.", _OR_LEAVE_OUT)
    named = available.keys() if wanted is None else _layers_called(wanted, available.values())
    if units is not None and not isinstance(units, str):
        units = tuple(unit if isinstance(unit, str) else operator.index(unit) for unit in units)
    chosen = tuple(
        (layer, range(layer.n_units) if units is None else _units_called(layer, units))
        for layer in available.values()
        if layer.name in named
    )
    if not any(of_layer for _, of_layer in chosen):
        raise SettingError("No units are named.", _OR_LEAVE_OUT)
    return chosen


def _layers_called(wanted: Iterable[str], available: Iterable[ActivationLayer]) -> set[str]:
    """Return the true names of all layers that names, aliases and patterns stand for."""
    layers = list(available)
    found: set[str] = set()
    wanted = list(wanted)
    if not all(isinstance(name, str) for name in wanted):
        raise TypeError("layers are named by text")
    for name in wanted:
        fitting = _called(name, layers)
        if not fitting:
            names = [each for layer in layers for each in (layer.name, layer.alias) if each]
            raise UnknownNameError(
                f"No layer fits {name!r}." if is_pattern(name) else f"There is no layer {name!r}.",
                nearest(
                    name.strip("*?"),
                    names,
                    f"The layers are {first_few([layer.name for layer in layers])}.",
                ),
            )
        found.update(fitting)
    return found


def _called(name: str, layers: Sequence[ActivationLayer]) -> list[str]:
    for named in ([each.name for each in layers], [each.alias for each in layers]):
        same = [each.name for each, own in zip(layers, named, strict=True) if own and own == name]
        if len(same) > 1:
            raise UnknownNameError(
                f"{counted(len(same), 'layer')} have the alias {name!r}.",
                f"Give a name: {first_few(same)}.",
            )
        if same:
            return same
    if not is_pattern(name):
        return []
    fits = pattern_rule(name).fullmatch
    return [each.name for each in layers if fits(each.name) or (each.alias and fits(each.alias))]


def _units_called(layer: ActivationLayer, units: str | tuple[int | str, ...]) -> list[int]:
    """Return the numbers of units of a layer, ascending."""
    if isinstance(units, str):
        found = _in_text(layer, units)
    else:
        names = [unit for unit in units if isinstance(unit, str)]
        found = {unit for unit in units if not isinstance(unit, str)}
        numbers = _numbers_by_name(layer) if names else {}
        found |= {_only(layer, numbers, name) for name in names}
    for number in sorted(found)[:1] + sorted(found)[-1:]:
        if not 0 <= number < layer.n_units:
            raise UnknownNameError(
                f"There is no unit {number} in layer {layer.name!r}.",
                f"Its units are 0 to {layer.n_units - 1}.",
            )
    return sorted(found)


def _in_text(layer: ActivationLayer, text: str) -> set[int]:
    if looks_like_numbers(text):
        return unit_numbers(text)
    numbers = _numbers_by_name(layer)
    most_parts = 1 + max((name.count(",") for name in numbers), default=0)
    parts = text.split(",")
    found: set[int] = set()
    while parts:
        # A name may hold commas, so the longest run of parts that is a name counts.
        for n_parts in range(min(most_parts, len(parts)), 1, -1):
            run = ",".join(parts[:n_parts])
            name = run if run in numbers else run.strip()
            if name in numbers:
                found.add(_only(layer, numbers, name))
                break
        else:
            n_parts = 1
            part = parts[0] if parts[0] in numbers else parts[0].strip()
            if looks_like_numbers(part):
                found |= unit_numbers(part)
            else:
                found.add(_only(layer, numbers, part))
        parts = parts[n_parts:]
    return found


def unit_numbers(text: str) -> set[int]:
    """Read numbers and ranges of units, or raise a SettingError."""
    try:
        return as_numbers(text)
    except ValueError as error:
        raise SettingError(f"The units are wrong: {error}", "Write them as in 0-63,70.") from error


def _numbers_by_name(layer: ActivationLayer) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for number, name in enumerate(layer.unit or ()):
        if name:
            found.setdefault(name, []).append(number)
    return found


def _only(layer: ActivationLayer, numbers: Mapping[str, list[int]], name: str) -> int:
    """Return the number of the only unit with a name."""
    found = numbers.get(name, [])
    if len(found) > 1:
        raise UnknownNameError(
            f"{counted(len(found), 'unit')} of layer {layer.name!r} are called {name!r}.",
            f"Give numbers: {first_few(list(map(str, found)), called=str)}.",
        )
    if not found:
        of_layer = f"Its units are 0 to {layer.n_units - 1}"
        then = f"{of_layer}." if numbers else f"{of_layer} and have no names."
        raise UnknownNameError(
            f"There is no unit {name!r} in layer {layer.name!r}.", nearest(name, numbers, then)
        )
    return found[0]
