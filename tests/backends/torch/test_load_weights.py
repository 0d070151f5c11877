"""Weights whose names differ from those of the module, and weights that fit only in part."""

import logging
import re

import numpy as np
import pytest

from invert_core.errors import ModelError
from tests.needs import need

torch = need("torch")

from torch import nn

from tests.backends import torch_models
from tests.backends.torch_models import TorchBackend

FACTORY = "tests.backends.torch_models:Network"
X = {"x": np.ones((1, 3, 4, 5), np.float32)}


@pytest.fixture
def state():
    """Weights other than those that the factory makes."""
    return torch_models.Network(shift=0.5).state_dict()


@pytest.fixture
def said(caplog):
    caplog.set_level(logging.INFO, "invert")
    return lambda level: [record.message for record in caplog.records if record.levelno == level]


def saved(tmp_path, weights):
    path = tmp_path / "w.pt"
    torch.save(weights, path)
    return path


def opened(tmp_path, weights, factory=FACTORY, **options):
    return TorchBackend.open(factory, weights=saved(tmp_path, weights), **options)


def refused(tmp_path, weights, factory=FACTORY, **options):
    with pytest.raises(ModelError) as caught:
        opened(tmp_path, weights, factory, **options)
    return str(caught.value)


def output(model):
    with model.settled(X).extractor(["output"], device="cpu") as extractor:
        return extractor.run(X)["output"]


def assert_loaded(model, shift=0.5):
    right = TorchBackend.adopt(torch_models.Network(shift=shift))
    np.testing.assert_array_equal(output(model), output(right))


def prefixed(state, prefix):
    return {prefix + name: value for name, value in state.items()}


@pytest.mark.parametrize(
    "prefix", ["module.", "model.", "net.", "model.module.", "state.of.the.net."]
)
def test_a_prefix_of_all_names_in_the_file_is_left_out_and_said(tmp_path, state, prefix, said):
    assert_loaded(opened(tmp_path, prefixed(state, prefix)))
    assert [line for line in said(logging.INFO) if f"prefix {prefix!r} is left out" in line]
    assert not said(logging.WARNING)


def compiled_inside():
    module = torch_models.Network(shift=0.5)
    module.head = torch.compile(module.head, backend="eager")
    return torch.compile(nn.DataParallel(module), backend="eager").state_dict()


def test_what_torch_compile_adds_to_names_is_left_out_and_said(tmp_path, said):
    state = compiled_inside()
    assert "_orig_mod.module.head._orig_mod.weight" in state
    assert_loaded(opened(tmp_path, state))
    assert [line for line in said(logging.INFO) if "'_orig_mod' of torch.compile" in line]
    assert [line for line in said(logging.INFO) if "prefix 'module.' is left out" in line]


class Wrapped(nn.Module):
    """Holds a network, as a program that saved the network alone may do."""

    def __init__(self):
        super().__init__()
        self.net = torch_models.Network()

    def forward(self, x):
        return self.net(x)


WRAPPED = f"{__name__}:Wrapped"


def test_a_prefix_of_all_names_in_the_module_is_added_and_said(tmp_path, state, said):
    assert_loaded(opened(tmp_path, state, WRAPPED))
    assert [line for line in said(logging.INFO) if "get the prefix 'net.'" in line]
    assert not said(logging.WARNING)


def test_two_prefixes_that_differ_are_a_warning(tmp_path, state, said):
    assert_loaded(opened(tmp_path, prefixed(state, "module."), WRAPPED))
    [warning] = said(logging.WARNING)
    assert "begin with 'module.' in" in warning
    assert "with 'net.' in the model" in warning


def test_a_prefix_does_not_hide_that_shapes_differ(tmp_path, state):
    state["head.weight"] = torch.zeros(3, 4)
    message = refused(tmp_path, prefixed(state, "model."))
    assert "without the prefix 'model.', are not those of the model" in message
    assert "'head.weight' has another shape, (3, 4) instead of (6, 4)" in message
    assert "load 1 of 2 weights with --partial-weights" in message


def test_a_checkpoint_of_lightning_is_read_with_the_prefix_of_the_model(tmp_path, state):
    checkpoint = {
        "epoch": 3,
        "global_step": 120,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": prefixed(state, "model."),
        "loops": {"fit_loop": {"state_dict": {}}},
        "callbacks": {"ModelCheckpoint{'monitor': 'loss'}": {"best_model_score": torch.ones(1)}},
        "optimizer_states": [{"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": []}],
        "lr_schedulers": [],
        "hparams_name": "kwargs",
        "hyper_parameters": {"lr": 0.1},
    }
    assert_loaded(opened(tmp_path, checkpoint))


def test_weights_beside_those_of_the_model_are_refused_with_what_takes_only_its_own(
    tmp_path, state, said
):
    weights = prefixed(state, "model.") | {"loss.weight": torch.ones(7)}
    message = refused(tmp_path, weights)
    assert "the model has no 'loss.weight'" in message
    assert message.endswith("take only what begins with 'model.': --weights-prefix model.")
    assert_loaded(opened(tmp_path, weights, weights_prefix="model."))
    assert not said(logging.WARNING)


@pytest.mark.parametrize("prefix", ["ema.", "ema", "ema.module", "ema.module."])
def test_one_of_two_models_in_a_file_is_chosen_by_its_prefix(tmp_path, state, prefix):
    weights = prefixed(torch_models.Network().state_dict(), "model.module.")
    weights |= prefixed(state, "ema.module.")
    for options in ({}, {"partial_weights": True}):
        message = refused(tmp_path, weights, **options)
        assert "equally well by several prefixes: 'ema.module.', 'model.module.'" in message
        assert message.endswith("--weights-prefix ema.module.")
    assert_loaded(opened(tmp_path, weights, weights_prefix=prefix))


def test_a_prefix_that_no_weight_has_is_refused_with_the_nearest(tmp_path, state):
    message = refused(tmp_path, prefixed(state, "model."), weights_prefix="modle.")
    assert "No weight in" in message
    assert "Did you mean 'model.'" in message


def test_weights_are_loaded_in_part_only_if_asked_for_and_the_rest_is_named(tmp_path, state, said):
    del state["head.weight"]
    state["tail.weight"] = torch.ones(2)
    message = refused(tmp_path, prefixed(state, "model."))
    assert "the file has no 'head.weight'" in message
    assert "the model has no 'model.tail.weight'" in message
    assert "or load 1 of 2 weights with --partial-weights" in message
    model = opened(tmp_path, prefixed(state, "model."), partial_weights=True)
    [warning] = said(logging.WARNING)
    assert "1 of 2 weights take their values from" in warning
    assert "the file has no 'head.weight'" in warning
    assert "the model has no 'model.tail.weight'" in warning
    assert "What is missing stays as the factory makes it." in warning
    right = torch_models.Network()
    right.conv.load_state_dict({"weight": state["conv.weight"]})
    np.testing.assert_array_equal(output(model), output(TorchBackend.adopt(right)))


def test_weights_of_another_shape_are_left_out_in_part_and_named(tmp_path, state, said):
    state["head.weight"] = torch.zeros(9, 4)
    opened(tmp_path, state, partial_weights=True)
    [warning] = said(logging.WARNING)
    assert "'head.weight' has another shape, (9, 4) instead of (6, 4)" in warning


def test_nothing_is_said_to_be_partial_if_all_fits(tmp_path, state, said):
    assert_loaded(opened(tmp_path, state, partial_weights=True))
    assert not said(logging.WARNING)


def test_weights_of_which_none_fits_are_refused_even_in_part(tmp_path):
    for options in ({}, {"partial_weights": True}):
        message = refused(tmp_path, {"other.kernel": torch.ones(3)}, **options)
        assert message.endswith("Choose the factory that the weights were saved from.")


def test_a_module_that_takes_older_names_still_takes_them(tmp_path, said):
    shapes = {"bias": 2, "weight_g": (2, 1), "weight_v": (2, 3)}  # of torch.nn.utils.weight_norm
    old = {name: torch.ones(shape) for name, shape in shapes.items()}
    (tmp_path / "net.py").write_text(
        "import torch\ndef make():\n"
        "    return torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(3, 2))\n"
    )
    opened(tmp_path, old, f"{tmp_path / 'net.py'}:make")
    assert not said(logging.WARNING)


@pytest.mark.parametrize(
    ("options", "flag"),
    [({"partial_weights": True}, "--partial-weights"), ({"weights_prefix": "a"}, "--weights-pre")],
)
def test_options_of_weights_without_weights_are_refused(options, flag):
    with pytest.raises(ModelError, match=f"{flag}.* no weights.*with --weights"):
        TorchBackend.open(FACTORY, **options)
    with pytest.raises(ModelError, match=f"{flag}.* no weights"):
        TorchBackend.adopt(torch_models.Network(), **options)


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
@pytest.mark.parametrize("options", [{}, {"partial_weights": True}])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda weight: weight.to("meta"), "no values .*Save the weights after they are loaded"),
        (lambda weight: weight.to_sparse(), r"is sparse.*\.to_dense"),
        (
            lambda weight: torch.quantize_per_tensor(weight, 0.1, 0, torch.qint8),
            r"is quantized.*\.dequantize",
        ),
    ],
    ids=["meta", "sparse", "quantized"],
)
def test_weights_that_cannot_be_copied_are_named_with_what_to_do(
    tmp_path, state, change, words, options
):
    state["head.weight"] = change(state["head.weight"])
    message = refused(tmp_path, state, **options)
    assert re.fullmatch(rf"The weight 'head.weight' in .* {words}.*", message)
