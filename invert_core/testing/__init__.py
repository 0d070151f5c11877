"""Tests for plug-ins: a suite that every backend must pass, and Hypothesis strategies.

    from invert_core.testing import BackendSuite

    class TestMyBackend(BackendSuite):
        ...

Write the abstract methods; pytest finds the tests. `invert_core.testing.strategies` draws
activations, labels and settings, and needs the package `hypothesis`.
"""

from invert_core.testing.backend_suite import BackendSuite

__all__ = ["BackendSuite"]
