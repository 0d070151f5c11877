"""Names of layers: module paths, calls of a module, parts of what it returns."""

import logging

import numpy as np
import pytest

from invert_core.errors import ModelError, SettingError, UnknownNameError
from invert_core.models.axes import Axes
from invert_core.models.backend import Layer, ModelInput
from tests.backends import models
from tests.needs import need

torch = need("torch")

from torch import nn

from tests.backends import torch_models
from tests.backends.torch_models import TorchBackend, names, run, settled

FIRST = Axes(0, 1, "channels of Conv2d 'conv'")
LAST = Axes(0, 2, "channels of Conv2d 'conv'")
FLAT = Axes(0, 1, "the only other axis")

X = np.arange(12, dtype=np.float32).reshape(4, 3)


class Parts(nn.Module):
    """Returns tensors inside a tuple, a dict, and both."""

    def __init__(self):
        super().__init__()
        self.a = nn.Identity()

    def forward(self, x):
        return {"a": x, "odd name": (x + 1, [x + 2]), 7: x + 3, "none": None, "text": "x"}


class Model(nn.Module):
    """Has one module of each kind of trouble, in an order other than that of their calls."""

    def __init__(self):
        super().__init__()
        self.unused = nn.Linear(3, 3)
        self.parts = Parts()
        self.twice = nn.Sequential(nn.ReLU())
        self.whole = nn.Identity()
        self.scalar = nn.Identity()
        self.turned = nn.Identity()

    def forward(self, x):
        x = self.twice(x) + self.twice(x - 3)
        self.parts(x)
        self.whole(x.int())
        self.scalar(x.sum())
        self.turned(x.T)
        return x


def rows(model):
    return {layer.name: layer for layer in model.layers()}


def test_layers_come_in_the_order_in_which_the_modules_run():
    assert names(settled(Model(), {"x": X[:1]})) == [
        "twice",
        "twice#1",
        "twice#2",
        "twice.0",
        "twice.0#1",
        "twice.0#2",
        "parts",
        "parts['a']",
        "parts['odd name'][0]",
        "parts['odd name'][1][0]",
        "parts[7]",
        "whole",
        "scalar",
        "turned",
        "unused",
        "parts.a",
        "output",
    ]


def test_without_a_sample_layers_come_in_the_order_of_their_definition():
    found = TorchBackend.adopt(Model()).layers()
    assert [layer.name for layer in found] == [
        "unused",
        "parts",
        "parts.a",
        "twice",
        "twice.0",
        "whole",
        "scalar",
        "turned",
        "output",
    ]
    assert {layer.pool for layer in found} == {"auto"}
    assert {layer.shape for layer in found} == {None}


def test_a_layer_is_described_as_the_contract_says():
    model = settled(torch_models.Network(), {"x": models.network_input(1)})
    conv = Layer("conv", "conv", "Conv2d", (None, 4, 4, 5), 4, "mean", 12, axes=FIRST)
    assert rows(model)["conv"] == conv
    tokens = Layer("tokens", "tokens", "Tokens", (None, 20, 4), 4, "mean", 0, axes=LAST)
    assert rows(model)["tokens"] == tokens
    output = Layer("output", "", "Network", (None, 6), 6, "none", 36, axes=FLAT)
    assert rows(model)["output"] == output


def test_samples_on_another_axis_than_the_first_are_followed():
    model = settled(Model(), {"x": X[:1]})
    turned = rows(model)["turned"]
    assert (turned.shape, turned.n_units, turned.pool) == ((3, None), 3, "none")
    assert (turned.axes.batch, turned.axes.channel) == (1, 0)
    right = np.maximum(X, 0) + np.maximum(X - 3, 0)
    np.testing.assert_array_equal(run(Model(), ["turned"], X)["turned"], right)


def test_the_shape_of_a_layer_without_samples_is_the_one_it_had():
    module = torch_models.Passing()
    module.forward = lambda x: module.same(x.sum(0, keepdim=True).repeat(5, 1))
    same = rows(settled(module, {"x": X[:1]}))["same"]
    assert (same.shape, same.pool) == ((5, 3), "")
    assert "no axis counts the samples" in same.problem


def test_each_call_and_each_part_gives_its_own_values():
    right = np.maximum(X, 0) + np.maximum(X - 3, 0)
    wanted = {
        "twice#1": np.maximum(X, 0),
        "twice#2": np.maximum(X - 3, 0),
        "parts['a']": right,
        "parts['odd name'][0]": right + 1,
        "parts['odd name'][1][0]": right + 2,
        "parts[7]": right + 3,
        "output": right,
    }
    found = run(Model(), list(wanted), X)
    assert list(found) == list(wanted)
    for layer, values in wanted.items():
        np.testing.assert_array_equal(found[layer], values)


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        ("twice", r"runs 2 times\. Name one of 'twice#1', 'twice#2'"),
        ("parts", r"does not return a single tensor\. Name one of .*\['a'\]"),
        ("unused", r"did not run on the first sample"),
        ("whole", "holds int32, but only floats can be read"),
        ("scalar", "is a single value, not one per sample"),
    ],
)
def test_layers_that_cannot_be_extracted_say_why_and_what_to_name(layer, reason):
    model = settled(Model(), {"x": X[:1]})
    assert rows(model)[layer].pool == ""
    with pytest.raises(ModelError, match=reason):
        model.extractor([layer], device="cpu")


def test_a_layer_that_loses_the_axis_of_a_single_sample_is_refused():
    module = torch_models.Passing()
    module.forward = lambda x: module.same(x.squeeze())
    model = settled(module, {"x": X[:1]})
    with pytest.raises(ModelError, match="'same' has another number of axes in other batches"):
        model.extractor(["same"], device="cpu")


def test_an_axis_as_long_as_the_example_is_not_taken_for_the_samples():
    square = np.zeros((3, 3), np.float32)
    assert rows(settled(Model(), {"x": square}))["turned"].axes.batch == 1


def test_a_model_for_single_samples_shows_its_layers_all_the_same(caplog):
    caplog.set_level(logging.INFO, "invert")
    module = Model()
    module.whole.register_forward_hook(lambda _module, args, _out: args[0].reshape(1, 3))
    model = settled(module, {"x": X[:1]})
    assert "does not run with one sample more" in caplog.text
    assert rows(model)["twice#1"].pool == "none"
    assert rows(model)["turned"].axes.batch == 1


def test_an_unknown_layer_is_refused_with_the_nearest_names():
    model = settled(Model(), {"x": X[:1]})
    with pytest.raises(UnknownNameError, match=r"no layer 'twice#3'\. Did you mean 'twice#"):
        model.extractor(["twice#3"], device="cpu")
    with pytest.raises(UnknownNameError, match="`invert layers` lists all"):
        model.extractor([""], device="cpu")


def test_a_shared_module_is_found_by_all_its_paths_and_listed_once():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(3, 2)
            self.second = self.first

        def forward(self, x):
            return self.second(x)

    module = Shared()
    model = settled(module, {"x": X[:1]})
    assert names(model) == ["first", "output"]
    found, again = (run(module, [name], X)[name] for name in ("first", "second"))
    np.testing.assert_array_equal(found, again)
    with pytest.raises(SettingError, match="'first' and 'second' are the same"):
        model.extractor(["first", "second"], device="cpu")


def test_a_module_called_output_keeps_its_name():
    module = nn.Sequential()
    module.add_module("output", nn.Linear(3, 2))
    assert names(settled(module, {"input": X[:1]})) == ["output", "output_"]


def test_a_cell_that_runs_once_per_token_is_known_as_often_as_in_every_text():
    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.RNNCell(1, 2)

        def forward(self, ids, attention_mask):
            state = torch.zeros(len(ids), 2)
            for token in ids.T:
                state = self.cell(token[:, None].float(), state)
            return state

    batch = torch_models.texts((6,))
    model = settled(Recurrent(), batch)
    known = [name for name, layer in rows(model).items() if layer.pool]
    assert known == ["cell#1", "cell#2", "cell#3", "cell#4", "output"]
    with pytest.raises(ModelError, match="'cell' runs a different number of times"):
        model.extractor(["cell"], device="cpu")
    with pytest.raises(ModelError, match="'cell#5' does not come with every batch"):
        model.extractor(["cell#5"], device="cpu")
    with model.extractor(["cell#4", "output"], device="cpu") as extractor:
        assert extractor.run(batch)["cell#4"].shape == (1, 2)


def test_a_recurrent_layer_gives_its_states_by_their_place():
    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(3, 2, bidirectional=True, batch_first=True)

        def forward(self, x):
            return self.lstm(x)[0]

    model = settled(Recurrent(), {"x": np.zeros((1, 5, 3), np.float32)})
    pools = {name: layer.pool for name, layer in rows(model).items()}
    assert pools == {
        "lstm": "",
        "lstm[0]": "mean",
        "lstm[1][0]": "",
        "lstm[1][1]": "",
        "output": "mean",
    }
    state = rows(model)["lstm[1][0]"]
    assert (state.shape, state.axes.batch) == ((2, None, 2), 1)
    assert "axes 0 and 2 both hold channels" in state.axes.reason


def test_declared_inputs_show_the_layers_without_a_sample():
    model = TorchBackend.adopt(torch_models.Network(), inputs=torch_models.PIXELS)
    assert rows(model)["conv"].shape == (None, 4, 4, 5)


def test_declared_inputs_that_the_model_does_not_run_on_show_nothing(caplog):
    caplog.set_level(logging.INFO, "invert")
    inputs = [ModelInput("x", (None, 2), np.dtype(np.float32))]
    model = TorchBackend.adopt(
        nn.Sequential(nn.Linear(3, 4)), inputs=[ModelInput("input", (None, 2))]
    )
    assert [layer.pool for layer in model.layers()] == ["auto", "auto"]
    assert "does not run on a made-up sample" in caplog.text
    with pytest.raises(ModelError, match=r"takes no input 'x'\. It takes 'input'"):
        TorchBackend.adopt(nn.Sequential(nn.Linear(3, 4)), inputs=inputs)


def test_a_model_that_has_seen_no_sample_says_what_to_do():
    model = TorchBackend.adopt(torch_models.Network())
    with pytest.raises(ModelError, match=r"has seen no sample.*Call `settled`"):
        model.extractor(["conv"], device="cpu")
    with pytest.raises(UnknownNameError, match="Did you mean 'conv'"):
        model.extractor(["conw"], device="cpu")


class Claimed(nn.Module):
    """Has modules named like a part and like a call of other modules."""

    def __init__(self):
        super().__init__()
        self.twice = nn.Identity()
        self.add_module("twice#1", nn.ReLU())
        self.add_module("two[0]", nn.ReLU())
        self.two = Two()

    def forward(self, x):
        self._modules["two[0]"](-x)
        self._modules["twice#1"](-x)
        return self.twice(self.twice(self.two(x)[0]) + 1)


class Two(nn.Module):
    def forward(self, x):
        return x, 2 * x


def test_a_module_goes_before_a_part_or_call_of_its_name():
    layers = ["two[0]", "two[0]_", "two[1]", "twice#1", "twice#1_", "twice#2"]
    found = run(Claimed(), layers, X)
    zero = np.zeros_like(X)
    for layer, right in zip(layers, (zero, X, 2 * X, zero, X, X + 1), strict=True):
        np.testing.assert_array_equal(found[layer], right)
