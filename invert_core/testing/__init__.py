"""For the tests of plug-ins: a suite that every backend passes, and Hypothesis strategies.

    from invert_core.testing import BackendSuite

    class TestMyBackend(BackendSuite):
        ...

Fill in the abstract methods; pytest finds the rest. `invert_core.testing.strategies` draws
activations, labels and settings, and needs the package `hypothesis`.
"""

from invert_core.testing.backend_suite import BackendSuite

__all__ = ["BackendSuite"]
