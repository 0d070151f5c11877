"""Activations of layers over samples: values, readers of their files, and the writer.

The names below are imported when they are first used, because labelling needs no writer.
"""

import importlib
from typing import Any

_HOME = {
    "ActivationLayer": "values",
    "ActivationWriter": "writing.writer",
    "Activations": "values",
    "Origin": "writing.contents",
    "Steadiness": "steadiness",
    "open_activations": "reading",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
