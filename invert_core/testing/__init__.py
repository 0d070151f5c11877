"""Tests for plug-ins: a suite that every backend must pass, and Hypothesis strategies.

    from invert_core.testing import BackendSuite

    class TestMyBackend(BackendSuite):
        ...

Write the abstract methods; pytest finds the tests. `invert_core.testing.strategies` draws
activations, labels and settings, and needs the package `hypothesis`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from invert_core.testing.backend_suite import BackendSuite

__all__ = ["BackendSuite"]


def __getattr__(name: str) -> Any:
    # Imported when it is first used: the strategies need no suite.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.backend_suite"), name)
