"""Layers named by patterns and with options: ``layer4.*:pool=max`` stands for all that fit it."""

import functools
import logging
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from invert_core.errors import ModelError, SettingError, UnknownNameError
from invert_core.models.backend import POOLS, Layer, Model, Reading
from invert_core.models.pooling import read_as
from invert_core.values import is_pattern, pattern_rule
from invert_core.wording import choice, first_few, nearest

_log = logging.getLogger("invert")


USUAL = Reading("")
"""How layers are read unless something else is said."""


def described(layers: Sequence[Layer], addresses: Sequence[str], usual: Reading) -> list[Layer]:
    """Return the layers that fit an address, as they would be read.

    Parameters
    ----------
    layers : sequence of Layer
        All layers of a model.
    addresses : sequence of str
        Names, module paths and patterns, with or without options as in `as_reading`. The first that
        a layer fits counts, and a name before any pattern.
    usual : Reading
        Says how layers are read whose address does not say it.

    Returns
    -------
    list of Layer
        In the order of the model. A layer that cannot be read in this way has a `problem`.
    """
    names = {name for each in layers for name in (each.name, each.module)}
    readings = [as_reading(each, usual, lambda: names) for each in addresses]
    asked = sorted(readings, key=lambda each: is_pattern(each.layer))
    rules = [(reading, pattern_rule(reading.layer)) for reading in asked]
    found = []
    refused = {}
    for layer in layers:
        fitting = [reading for reading, rule in rules if _asked_as(layer, rule)]
        if fitting:
            reading = replace(fitting[0], layer=layer.name)
            problem = _why_not_as(layer, reading)
            found.append(_described(layer, reading, problem))
            if problem:
                refused[layer.name] = problem
    if asked and layers and not found:
        _log.warning(
            "No layer fits %s. %s", " or ".join(map(repr, addresses)), _nearest(asked, names)
        )
    if refused:
        _log.warning("Cannot be read as asked: %s.", _shown_problems(refused))
    return found


def _nearest(asked: Sequence[Reading], names: Collection[str]) -> str:
    them = "the pattern" if len(asked) == 1 else "the patterns"
    return nearest(
        asked[0].layer.strip("*?"), filter(None, names), f"Leave out {them} to list all layers."
    )


def _described(layer: Layer, reading: Reading, problem: str) -> Layer:
    if problem:
        return replace(layer, n_units=None, pool="", problem=problem)
    if reading == Reading(layer.name) or _lacks_axis(layer, reading):
        return layer
    return read_as(layer, reading)


def _why_not_as(layer: Layer, reading: Reading) -> str:
    """Say why a layer cannot be read as asked, as the end of a sentence; "" if it can be.

    A layer that cannot be read in any way, or only needs an axis, is no fault of what was asked.
    """
    if layer.problem or reading == Reading(layer.name) or _lacks_axis(layer, reading):
        return ""
    return _refusal(layer, reading)


def _refusal(layer: Layer, reading: Reading) -> str:
    try:
        read_as(layer, reading)
    except ModelError as error:
        return error.message.removeprefix(f"The layer {layer.name!r} ").rstrip(".")
    return ""


def _lacks_axis(layer: Layer, reading: Reading) -> bool:
    """Return whether nothing tells the axis of the units, neither the model nor the user."""
    return not layer.pool and reading.channel_axis is None and layer.axes.channel is None


def _shown_problems(refused: Mapping[str, str]) -> str:
    """Name layers, and say for the first of them why it cannot be read."""
    name, problem = next(iter(refused.items()))
    if len(refused) == 1:
        return f"{name!r} {problem}"
    return f"{first_few([*refused])}; for example, {name!r} {problem}"


def as_reading(address: str, usual: Reading, names: Callable[[], Collection[str]]) -> Reading:
    """Read the options of an address such as ``encoder.*:axis=1,pool=max``.

    Only what follows the last colon is read, and only if it says ``key=value``, because tensors are
    called ``x:0``. The name of a layer is never taken apart.

    Parameters
    ----------
    address : str
        A name, module path or pattern, with or without options.
    usual : Reading
        Says what holds for options that are not given.
    names : callable
        Returns the names and module paths of all layers of the model.

    Raises
    ------
    SettingError
        There is no such option, its value is not a whole number or a pool, or the name of a layer
        and a colon are followed by something else.
    """
    name, colon, options = address.rpartition(":")
    if not colon or address in names():
        return replace(usual, layer=address)
    if "=" not in options:
        if name in names():
            raise SettingError(
                f"{address!r} has no option of the form key=value behind its colon.",
                f"Write it as in {name}:axis=1, or leave out the colon.",
            )
        return replace(usual, layer=address)
    given: dict[str, Any] = {}
    for option in options.split(","):
        key, _, text = (part.strip() for part in option.partition("="))
        if not key:
            raise SettingError(
                f"{address!r} has an option without a key.", f"Write it as in {name}:axis=1."
            )
        if key not in _OPTIONS:
            raise choice("option of a layer", key, tuple(_OPTIONS))
        field = _OPTIONS[key]
        if field in given:
            raise SettingError(f"{address!r} says {key} twice.", "Say it once.")
        if field == "pool" and text not in POOLS:
            raise choice("pool", text, POOLS)
        given[field] = text if field == "pool" else _axis(address, key, text)
    return replace(usual, layer=name, **given)


_OPTIONS = {"axis": "channel_axis", "batch": "batch_axis", "pool": "pool"}
"""Fields of `Reading` by the keys that addresses use."""


def _axis(address: str, key: str, text: str) -> int:
    if not re.fullmatch("-?[0-9]{1,3}", text):
        raise SettingError(
            f"{address!r} says {key}={text}, which is not the number of an axis.",
            f"Give a whole number, as in {key}=1; -1 is the last axis.",
        )
    return int(text)


def select_layers(
    model: Model, wanted: Sequence[str | Reading], usual: Reading = USUAL
) -> list[Reading]:
    """Replace patterns by the layers that fit them and can be extracted.

    Parameters
    ----------
    model : Model
    wanted : sequence of str or Reading
        Names, module paths and patterns, with or without options as in `as_reading`.
    usual : Reading
        Says how layers are read whose addresses do not say it.

    Returns
    -------
    list of Reading
        For `Model.open_layers`. A layer that a pattern finds gets its module path if that fits,
        else its name. A layer that is named, or was found before, is not found again.
    """
    layers = functools.cache(model.layers)

    def names() -> set[str]:
        known = model.names()
        return {*known, *known.values()}

    asked = [
        each if isinstance(each, Reading) else as_reading(each, usual, names) for each in wanted
    ]
    literal = [each.layer for each in asked if not is_pattern(each.layer)]
    readings: list[Reading] = []
    for each in asked:
        if not is_pattern(each.layer):
            readings.append(each)
            continue
        taken = {*literal, *(reading.layer for reading in readings)}
        readings += [
            replace(each, layer=name)
            for layer, name in _fitting(each, layers())
            if taken.isdisjoint((layer.name, layer.module))
        ]
    return readings


def layer_aliases(names: Mapping[str, str], named: Sequence[str]) -> dict[str, str]:
    """Return the other name of each layer that has one: its module path, or its own name.

    A name or path that stands for several layers is nobody's alias.

    Parameters
    ----------
    names : mapping of str to str
        The module path of every layer of a model by its name.
    named : sequence of str
        Names and module paths, as `select_layers` returns them.
    """
    count = Counter([*names, *filter(None, names.values())])
    aliases: dict[str, str] = {}
    asked = set(named)
    for layer, module in names.items():
        if not module or module == layer:
            continue
        for name, other in ((layer, module), (module, layer)):
            if name in asked and count[name] == count[other] == 1 and other not in asked:
                aliases[name] = other
    return aliases


def _fitting(asked: Reading, layers: Sequence[Layer]) -> list[tuple[Layer, str]]:
    """Return the layers that fit a pattern and can be read so, and the names by which they fit."""
    rule = pattern_rule(asked.layer)
    found = [(layer, name) for layer in layers if (name := _asked_as(layer, rule))]
    readable = [pair for pair in found if _can_be_read(pair[0], asked)]
    if found and not readable:
        layer, name = found[0]
        refusal = _refusal(layer, replace(asked, layer=layer.name))
        why = refusal or layer.problem or layer.axes.reason or "cannot be read"
        raise UnknownNameError(
            f"No layer that fits {asked.layer!r} can be extracted. For example, {name!r} {why}.",
            "`invert layers MODEL --format json` says why of each; if an axis is missing, say it, "
            f"as in -l '{asked.layer}:axis=1'.",
        )
    if not readable:
        raise UnknownNameError(
            f"No layer fits {asked.layer!r}.",
            nearest(
                asked.layer.strip("*?"),
                _all_names(layers),
                "`invert layers MODEL --supported` lists them.",
            ),
        )
    able = {layer.name for layer, _ in readable}
    left_out = [pair for pair in found if not pair[0].problem and pair[0].name not in able]
    undecided = [name for layer, name in left_out if _lacks_axis(layer, asked)]
    refused = {
        name: _why_not_as(layer, replace(asked, layer=layer.name))
        for layer, name in left_out
        if not _lacks_axis(layer, asked)
    }
    if refused:
        _log.warning(
            "Left out of %r, because they cannot be read as asked: %s.",
            asked.layer,
            _shown_problems(refused),
        )
    if undecided:
        _log.warning(
            "Left out of %r, because nothing tells which axis counts their channels: %s. Name them "
            "with an axis, as in -l '%s:axis=1'.",
            asked.layer,
            first_few(undecided),
            undecided[0],
        )
    return readable


def _can_be_read(layer: Layer, asked: Reading) -> bool:
    if layer.pool == "auto" or (layer.pool and replace(asked, layer="") == USUAL):
        return True
    try:
        return bool(read_as(layer, replace(asked, layer=layer.name)).pool)
    except ModelError:
        return False


def _asked_as(layer: Layer, rule: re.Pattern[str]) -> str:
    """The name by which a layer fits a pattern, or "" if it does not fit."""
    return next((name for name in (layer.module, layer.name) if name and rule.fullmatch(name)), "")


def _all_names(layers: Sequence[Layer]) -> list[str]:
    return [name for each in layers for name in (each.name, each.module) if name]
