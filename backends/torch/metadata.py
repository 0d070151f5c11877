"""Reads names of classes from the attributes in which modules usually hold them."""

import json
from collections.abc import Mapping

import torch

_KEYS = ("names", "classes", "class_names", "id2label", "class_to_idx")


def metadata(module: torch.nn.Module) -> dict[str, str]:
    """Return the lists and mappings of names that a module or its `config` holds, as JSON."""
    found = {}
    for holder in (getattr(module, "config", None), module):
        for key in _KEYS:
            value = getattr(holder, key, None)
            if _holds_names(value):
                found[key] = json.dumps(dict(value) if isinstance(value, Mapping) else value)
    return found


def _holds_names(value: object) -> bool:
    """Return whether JSON keeps the value apart from every other: names alone, or with numbers."""
    if isinstance(value, list | tuple):
        return all(isinstance(name, str) for name in value)
    return isinstance(value, Mapping) and all(
        {type(key), type(name)} == {int, str} for key, name in value.items()
    )
