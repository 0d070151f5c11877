"""Whatever arguments a public function gets, what leaves it is a result or one of our errors."""

import inspect
import os
import traceback
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import invert_core
from invert_core.errors import InvertError

FUNCTIONS = [
    name for name in invert_core.__all__ if inspect.isfunction(getattr(invert_core, name))
] + ["Settings", "Preprocess", "Reading", "Feed"]

USUAL = {
    "activations": lambda: "a.npz",
    "certified": lambda: "folder",
    "concepts": lambda: "c.csv",
    "data": lambda: "a.npz",
    "formula": lambda: "a",
    "labels": lambda: np.arange(8) % 2 == 0,
    "layers": lambda: ["fc"],
    "model": lambda: "bad.onnx",
    "output": lambda: "out",
    "path": lambda: "none",
    "run": lambda: "folder",
    "sources": lambda: ["c.csv"],
    "values": lambda: np.arange(8.0),
}

ODD = {
    "files": ["empty", "junk.h5", "cut.csv", "objects.npy", "a.npz", "nested.json", "bad.onnx"],
    "paths": ["", "none", "folder", "loop", "pipe", "n" * 5000, "x\0y", "\udce9", Path("none")],
    "values": [None, 0, -1, 1.5, float("nan"), 10**30, True, b"bytes", object(), len, Exception],
    "containers": [[], [1], ["a", 1], {}, {"a": 1}, (1, 2), {1, 2}, [[]], [None]],
}

ARRAYS = [
    lambda: np.zeros(3),
    lambda: np.zeros((2, 3)),
    lambda: np.array([["a"]]),
    lambda: np.array([np.nan]),
    lambda: np.zeros((2, 2), complex),
    lambda: np.array(5),
    lambda: np.zeros((0, 3)),
    lambda: np.zeros((4, 3, 2)),
    lambda: np.zeros((8, 3), "M8[s]"),
    lambda: np.array([[object()]]),
    lambda: iter([]),
]

odd = st.one_of(
    *(st.sampled_from(each) for each in ODD.values()), st.sampled_from(ARRAYS).map(lambda f: f())
)


@pytest.fixture(scope="module", autouse=True)
def odd_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd")
    before = os.getcwd()
    os.chdir(folder)
    (folder / "empty").touch()
    (folder / "junk.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(99))
    (folder / "cut.csv").write_text("a,b\n1\n")
    (folder / "folder").mkdir()
    (folder / "loop").symlink_to("loop")
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe")
    np.save(folder / "objects.npy", np.array([1, "a", None], object), allow_pickle=True)
    np.savez(folder / "a.npz", fc=np.random.default_rng(0).random((8, 3), np.float32))
    (folder / "nested.json").write_text("[[" * 2000)
    (folder / "bad.onnx").write_bytes(b"\xff" * 50)
    (folder / "c.csv").write_text("sample_id,a\n" + "".join(f"{i},{i % 2}\n" for i in range(8)))
    yield
    os.chdir(before)


def run_to_its_end(call):
    result = call()
    if inspect.isgenerator(result):
        list(result)
    if hasattr(result, "close"):
        result.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONS)
@given(draw=st.data())
def test_only_our_errors_and_those_of_wrong_types_leave_a_public_function(name, draw):
    function = getattr(invert_core, name)
    parameters = inspect.signature(function).parameters
    spoiled = draw.draw(st.sampled_from(sorted(parameters)), label="parameter")
    chosen = {spoiled: draw.draw(odd, label="value")}
    for other, parameter in parameters.items():
        if other not in chosen and parameter.default is parameter.empty:
            chosen[other] = USUAL[other]() if other in USUAL else draw.draw(odd, label=other)
    positional = [
        chosen.pop(other)
        for other, parameter in parameters.items()
        if parameter.kind is parameter.POSITIONAL_ONLY
    ]
    try:
        run_to_its_end(partial(function, *positional, **chosen))
    except (InvertError, TypeError, ValueError):
        pass
    except Exception as error:
        raise AssertionError("".join(traceback.format_exception(error))) from error
