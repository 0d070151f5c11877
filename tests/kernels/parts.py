"""Calls parts of kernels, which only kernels can call once they are compiled."""

import numba


def from_python(part):
    """Return a function that does what a part of a kernel does, compiled like it."""
    return part if numba.config.DISABLE_JIT else numba.njit(error_model="numpy")(_calling(part))


def _calling(part):
    return lambda *arguments: part(*arguments)
