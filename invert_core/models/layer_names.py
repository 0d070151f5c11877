"""Layers named by patterns and with options: ``layer4.*:pool=max`` stands for all that fit it."""

import functools
import logging
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

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
        a layer fits counts.
    usual : Reading
        Says how layers are read whose address does not say it.

    Returns
    -------
    list of Layer
        In the order of the model. A layer that cannot be read in this way has a `problem`.
    """
    names = {name for each in layers for name in (each.name, each.module)}
    asked = [as_reading(each, usual, lambda: names) for each in addresses]
    rules = [(reading, pattern_rule(reading.layer)) for reading in asked]
    found = []
    for layer in layers:
        fitting = [reading for reading, rule in rules if _asked_as(layer, rule)]
        if fitting:
            found.append(_described(layer, replace(fitting[0], layer=layer.name)))
    return found


def _described(layer: Layer, reading: Reading) -> Layer:
    if reading == Reading(layer.name):
        return layer
    try:
        return read_as(layer, reading)
    except ModelError as error:
        return replace(layer, n_units=None, pool="", problem=_reason(layer, error))


def _reason(layer: Layer, error: ModelError) -> str:
    """Return what an error says of a layer, as the end of a sentence."""
    return error.message.removeprefix(f"The layer {layer.name!r} ").rstrip(".")


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
        There is no such option, or its value is not a whole number or a pool.
    """
    name, colon, options = address.rpartition(":")
    if not colon or "=" not in options or address in names():
        return replace(usual, layer=address)
    given: dict[str, str | int] = {}
    for option in options.split(","):
        key, _, text = (part.strip() for part in option.partition("="))
        if key not in _OPTIONS:
            raise choice("option of a layer", key, tuple(_OPTIONS))
        field = _OPTIONS[key]
        if field in given:
            raise SettingError(f"{address!r} says {key} twice.", "Say it once.")
        if field == "pool" and text not in POOLS:
            raise choice("pool", text, POOLS)
        given[field] = text if field == "pool" else _axis(address, key, text)
    return replace(usual, layer=name, **given)  # type: ignore[arg-type]


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
        raise UnknownNameError(
            f"No layer that fits {asked.layer!r} can be extracted. For example, {name!r} "
            f"{_why_not(layer, asked)}.",
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
    undecided = [name for layer, name in found if not layer.problem and layer.name not in able]
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


def _why_not(layer: Layer, asked: Reading) -> str:
    """Return why a layer cannot be read in this way, as the end of a sentence."""
    try:
        read_as(layer, replace(asked, layer=layer.name))
    except ModelError as error:
        return _reason(layer, error)
    return layer.problem or layer.axes.reason or "cannot be read"


def _asked_as(layer: Layer, rule: re.Pattern[str]) -> str:
    """The name by which a layer fits a pattern, or "" if it does not fit."""
    return next((name for name in (layer.module, layer.name) if name and rule.fullmatch(name)), "")


def _all_names(layers: Sequence[Layer]) -> list[str]:
    return [name for each in layers for name in (each.name, each.module) if name]
