"""Layers named by patterns: ``layer4.*`` stands for all layers whose names fit it."""

import re
from collections import Counter
from collections.abc import Sequence

from invert_core.errors import UnknownNameError
from invert_core.models.backend import Layer, Model
from invert_core.values import is_pattern, pattern_rule
from invert_core.wording import nearest


def matching(layers: Sequence[Layer], patterns: Sequence[str]) -> list[Layer]:
    """Return the layers whose name or module path fits a pattern, in the order of the model.

    Parameters
    ----------
    layers : sequence of Layer
    patterns : sequence of str
        ``*`` stands for any characters and ``?`` for one; without them, a pattern fits only itself.
    """
    rules = list(map(pattern_rule, patterns))
    return [each for each in layers if any(_asked_as(each, rule) for rule in rules)]


def select_layers(model: Model, wanted: Sequence[str]) -> list[str]:
    """Replace patterns by the layers that fit them and can be extracted.

    Parameters
    ----------
    model : Model
    wanted : sequence of str
        Names, module paths and patterns.

    Returns
    -------
    list of str
        Names for `Model.extractor`. A layer that a pattern finds gets its module path if that
        fits, else its name. A layer that is named, or was found before, is not found again.
    """
    if not any(map(is_pattern, wanted)):
        return list(wanted)
    layers = model.layers()
    literal = [name for name in wanted if not is_pattern(name)]
    names: list[str] = []
    for name in wanted:
        if not is_pattern(name):
            names.append(name)
            continue
        rule = pattern_rule(name)
        found = [(each, _asked_as(each, rule)) for each in layers if each.pool]
        taken = {*literal, *names}
        fitting = [
            asked for each, asked in found if asked and taken.isdisjoint((each.name, each.module))
        ]
        if not any(asked for _, asked in found):
            raise UnknownNameError(
                f"No layer that can be extracted fits {name!r}.",
                nearest(
                    name.strip("*?"),
                    _all_names(layers),
                    "`invert layers MODEL --supported` lists them.",
                ),
            )
        names += fitting
    return names


def layer_aliases(layers: Sequence[Layer], named: Sequence[str]) -> dict[str, str]:
    """Return the other name of each layer that has one: its module path, or its own name.

    A name or path that stands for several layers is nobody's alias.

    Parameters
    ----------
    layers : sequence of Layer
        All layers of a model.
    named : sequence of str
        Names and module paths, as `select_layers` returns them.
    """
    count = Counter(_all_names(layers))
    aliases: dict[str, str] = {}
    for layer in layers:
        if not layer.module or layer.module == layer.name:
            continue
        for name, other in ((layer.name, layer.module), (layer.module, layer.name)):
            if name in named and count[name] == count[other] == 1 and other not in named:
                aliases[name] = other
    return aliases


def _asked_as(layer: Layer, rule: re.Pattern[str]) -> str:
    """The name by which a layer fits a pattern, or "" if it does not fit."""
    return next((name for name in (layer.module, layer.name) if name and rule.fullmatch(name)), "")


def _all_names(layers: Sequence[Layer]) -> list[str]:
    return [name for each in layers for name in (each.name, each.module) if name]
