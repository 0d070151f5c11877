"""Layers named by patterns: ``layer4.*`` stands for all layers whose names fit it."""

import re
from collections.abc import Sequence

from invert_core.errors import UnknownNameError
from invert_core.models.backend import Layer, Model
from invert_core.wording import nearest

_WILDCARDS = {"*": ".*", "?": "."}


def is_pattern(name: str) -> bool:
    """Return whether a name holds ``*`` or ``?``; brackets, as in ``attention[0]``, do not count.

    >>> is_pattern("layer4.*"), is_pattern("attention[0]")
    (True, False)
    """
    return any(wildcard in name for wildcard in _WILDCARDS)


def matching(layers: Sequence[Layer], patterns: Sequence[str]) -> list[Layer]:
    """Return the layers whose name or module path fits a pattern, in the order of the model.

    Parameters
    ----------
    layers : sequence of Layer
    patterns : sequence of str
        ``*`` stands for any characters and ``?`` for one; without them, a pattern fits only itself.
    """
    rules = [_rule(pattern) for pattern in patterns]
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
        rule = _rule(name)
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


def _rule(pattern: str) -> re.Pattern[str]:
    parts = (_WILDCARDS.get(character, re.escape(character)) for character in pattern)
    return re.compile("".join(parts), re.DOTALL)


def _asked_as(layer: Layer, rule: re.Pattern[str]) -> str:
    """The name by which a layer fits a pattern, or "" if it does not fit."""
    return next((name for name in (layer.module, layer.name) if name and rule.fullmatch(name)), "")


def _all_names(layers: Sequence[Layer]) -> list[str]:
    return [name for each in layers for name in (each.name, each.module) if name]
