"""Concepts: named binary labels of samples, and the files they come from.

The names below are imported when they are first used, because concepts in memory need no readers.
"""

import importlib
from typing import Any

_HOME = {
    "Alias": "sets.concept_set",
    "ConceptSet": "sets.concept_set",
    "Reading": "sources.source",
    "add_samples": "adding",
    "append_samples": "sets.appending",
    "build_concepts": "building",
    "check_concepts": "quick_check",
    "combine": "sets.combining",
    "export_concepts": "export",
    "list_concepts": "catalogue",
    "read_concepts": "building",
    "write_concepts": "hdf5_file",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
