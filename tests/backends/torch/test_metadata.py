"""The names of classes that a module holds, by which its units can be named."""

import types

import numpy as np

from invert_core import extract, open_activations
from tests.needs import need

torch = need("torch")

from torch import nn

from tests.backends.torch_models import TorchBackend


class Classifier(nn.Module):
    """Holds names as the models of several libraries do, and other things under such names."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 2)
        self.names = {0: "cat", 1: "dog"}
        self.classes = nn.Identity()
        self.class_names = ["cat", 1]
        self.config = types.SimpleNamespace(id2label={0: "NEG", 1: "POS"}, classes=("a", "b"))

    def forward(self, x):
        return self.head(x)


def test_names_are_found_on_a_module_and_its_configuration():
    assert TorchBackend.adopt(Classifier()).metadata() == {
        "names": '{"0": "cat", "1": "dog"}',
        "id2label": '{"0": "NEG", "1": "POS"}',
        "classes": '["a", "b"]',
    }
    assert TorchBackend.adopt(nn.Linear(3, 2)).metadata() == {}


def test_units_are_named_by_what_the_module_holds(tmp_path):
    x = np.zeros((4, 3), np.float32)
    extract(
        Classifier(), x, tmp_path / "x.h5", ["head"], unit_names=["metadata:id2label"], device="cpu"
    )
    with open_activations(tmp_path / "x.h5") as activations:
        assert activations.layers["head"].unit == ("NEG", "POS")
