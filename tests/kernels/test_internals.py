"""What the cache of kernels relies on in the installed Numba, whichever version that is."""

import pickle

import numba
import numpy as np
import pytest

from invert_core.kernels import _internals
from invert_core.kernels._jit import frugal_kernel, kernel

compiled_only = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")


def test_this_numba_has_all_that_the_cache_relies_on():
    assert _internals.missing() == []


@compiled_only
def test_machine_code_of_this_numba_can_be_written_down_and_read_again():
    compiled = numba.njit(lambda number: number + 1)
    assert compiled(1) == 2
    [code] = compiled.overloads.values()
    written = _internals.to_bytes(code)
    again = _internals.from_bytes(written, compiled.targetctx)
    assert again.signature == code.signature
    assert again.entry_point is not code.entry_point
    assert pickle.loads(written)


@compiled_only
def test_this_numba_asks_the_cache_for_machine_code_and_gives_it_what_it_makes(
    tmp_path, monkeypatch
):
    asked = []

    class Noting:
        def load_overload(self, sig, target_context):
            asked.append("load")

        def save_overload(self, sig, data):
            asked.append("save")

    compiled = kernel(lambda number: number + 1)
    monkeypatch.setattr(compiled, "_cache", Noting())
    assert compiled(1) == 2
    assert asked == ["load", "save"]


@pytest.mark.parametrize("gone", _internals.RELIED_ON)
def test_an_internal_that_is_gone_is_named(monkeypatch, gone):
    def look(name):
        if name == gone:
            raise AttributeError(name)

    monkeypatch.setattr(_internals.pkgutil, "resolve_name", look)
    assert _internals.missing() == [gone]


@compiled_only
def test_a_compiled_function_without_a_cache_is_named(monkeypatch):
    monkeypatch.setattr(_internals.numba, "njit", lambda function: object())
    assert _internals.missing() == ["the cache of a compiled function"]


@compiled_only
def test_a_kernel_that_makes_an_array_cannot_be_frugal():
    with pytest.raises(numba.core.errors.NumbaError, match="NRT"):
        frugal_kernel(lambda n: np.zeros(n).sum())(3)
