"""A signal ends a run of ONNX Runtime, however long the run would take."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).parents[3]

TELLING = """
import sys
import onnxruntime

def run(*given, real=onnxruntime.InferenceSession.run):
    print("the run begins", file=sys.stderr, flush=True)
    return real(*given)

onnxruntime.InferenceSession.run = run
from invert_core.entry import main
main()
"""
"""The command line, which says when ONNX Runtime begins to run the model."""


def endless(path):
    """Write a model with a Loop that goes on for ever once the samples have another length."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])
    inside = helper.make_graph(
        [
            helper.make_node("Identity", ["go_in"], ["go_out"]),
            helper.make_node("Add", ["state", "state"], ["next"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("step", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_in", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, ["n", 4]),
        ],
        [
            helper.make_tensor_value_info("go_out", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, ["n", 4]),
        ],
    )
    graph = helper.make_graph(
        [helper.make_node("Loop", ["", "go", "x"], ["y"], body=inside)],
        "g",
        [x],
        [y],
        [numpy_helper.from_array(np.array(True), "go")],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_that_would_never_end(tmp_path, number, code):
    endless(tmp_path / "m.onnx")
    np.save(tmp_path / "x.npy", np.ones((4, 4), np.float32))
    arguments = ("extract", "m.onnx", "--data", "x.npy", "-l", "y", "-o", "o.h5")
    command = subprocess.Popen(
        [sys.executable, "-c", TELLING, *arguments],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    try:
        while b"the run begins" not in command.stderr.readline():
            assert command.poll() is None
        os.kill(command.pid, number)
        _, said = command.communicate(timeout=60)
    finally:
        command.kill()
    assert command.returncode == code, said
    assert b"Traceback" not in said
