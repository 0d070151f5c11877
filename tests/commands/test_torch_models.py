"""The commands that open a model, with one that PyTorch runs."""

import csv
import importlib
import io
import sys

import numpy as np
import pytest

from tests.command_line import invert
from tests.needs import need

need("torch")

SOURCE = """
import torch

class Net(torch.nn.Linear):
    def forward(self, input):
        print("in forward")
        return super().forward(input)

def make():
    print("in the factory")
    return Net(3, 2)
"""


@pytest.fixture
def talking(here):
    """A model that prints."""
    (here / "talking_of_a_test.py").write_text(SOURCE)
    np.save(here / "x.npy", np.ones((4, 3), np.float32))
    yield "torch:talking_of_a_test:make"
    sys.modules.pop("talking_of_a_test", None)


@pytest.mark.parametrize(
    "command",
    [
        ("layers", "--input", "input=3"),
        ("extract", "--data", "x.npy", "-l", "output", "-o", "x.h5", "--device", "cpu"),
    ],
)
def test_what_a_model_prints_is_not_mixed_with_the_data(talking, command):
    done = invert(command[0], talking, *command[1:], "--format", "csv")
    assert [row["n_units"] for row in csv.DictReader(io.StringIO(done.stdout))] == ["2"]
    assert "in the factory\n" in done.stderr
    assert "in forward\n" in done.stderr


def test_without_an_example_a_line_says_how_to_describe_an_input(talking):
    done = invert("layers", talking)
    assert "describe one with --input input=SHAPE, as in --input input=3x224x224" in done.stderr
    assert "Shapes are unknown" not in invert("layers", talking, "--input", "input=3").stderr


def test_without_cuda_a_line_says_that_the_model_runs_on_the_cpu(talking, monkeypatch):
    device = importlib.import_module("invert_core.backends.torch.device")
    monkeypatch.setattr(device, "_built_with_cuda", lambda: False)
    done = invert("extract", talking, "--data", "x.npy", "-l", "output", "-o", "x.h5")
    assert "The model runs on the CPU: this build of PyTorch has no CUDA." in done.stderr
