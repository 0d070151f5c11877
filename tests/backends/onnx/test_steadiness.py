"""ONNX models whose activations depend on more than the sample, and what is said about them."""

import logging

import numpy as np
import pytest
from onnx import TensorProto

from invert_core import extract, open_activations
from invert_core.backends.onnx.graph import Unsteady
from tests.backends import models

X = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
ONES = np.ones(4, np.float32)
ZEROS = np.zeros(4, np.float32)


def dropout(training=True):
    return models.model(
        [models.node("Neg", "x", "before"), models.node("Dropout", "before half training", "y")],
        [models.value("x", ["n", 4])],
        [models.value("y", ["n", 4])],
        {"half": np.float32(0.5), "training": np.array(training)},
    )


def noise():
    return models.model(
        [
            models.node("Neg", "x", "before"),
            models.node("RandomNormalLike", "before", "noise"),
            models.node("Add", "before noise", "y"),
        ],
        [models.value("x", ["n", 4])],
        [models.value("y", ["n", 4])],
    )


def batch_norm():
    return models.model(
        [models.node("BatchNormalization", "x s b m v", "y new_m new_v", training_mode=1)],
        [models.value("x", ["n", 4])],
        [models.value("y", ["n", 4])],
        {"s": ONES, "b": ZEROS, "m": ZEROS, "v": ONES},
    )


def dynamically_quantized(batch="n"):
    return models.model(
        [
            models.node("DynamicQuantizeLinear", "x", "q scale zero"),
            models.node("DequantizeLinear", "q scale zero", "y"),
        ],
        [models.value("x", [batch, 4])],
        [models.value("y", [batch, 4])],
    )


def centered(batch="n"):
    return models.model(
        [
            models.node("ReduceMean", "x axes", "mean", keepdims=1),
            models.node("Sub", "x mean", "y"),
        ],
        [models.value("x", [batch, 4])],
        [models.value("y", [batch, 4])],
        {"axes": np.array([0], np.int64)},
    )


@pytest.fixture
def extracted(tmp_path, caplog):
    """Extracts a layer; returns what the file says of it, and the warnings."""

    def extracted(proto, layer="y", data=X, **settings):
        path = models.save(proto, tmp_path)
        caplog.set_level(logging.INFO, "invert")
        caplog.clear()
        output = tmp_path / "x.h5"
        extract(path, data, output, [layer], device="cpu", overwrite=True, **settings)
        with open_activations(output) as activations:
            found = activations.layers[layer].steadiness
        return found, [each.message for each in caplog.records if each.levelname == "WARNING"]

    return extracted


@pytest.mark.parametrize(
    ("proto", "operator"),
    [
        (noise(), "RandomNormalLike"),
        (batch_norm(), "BatchNormalization in training mode"),
    ],
)
def test_operators_that_draw_or_keep_state_are_named(extracted, proto, operator):
    found, [said] = extracted(proto)
    assert found.varies
    assert found.split is None
    assert "does not repeat itself" in said
    assert f"({operator})" in said


@pytest.mark.parametrize(
    ("proto", "because"),
    [
        (centered(), ""),
        (dynamically_quantized(), " (DynamicQuantizeLinear)"),
        (centered(batch=4), ""),
        (dynamically_quantized(batch=4), " (DynamicQuantizeLinear)"),
    ],
)
@pytest.mark.parametrize("batch_size", [2, 3, 8, 12])
def test_operators_that_mix_samples_are_told_and_named_if_they_are_known(
    extracted, proto, because, batch_size
):
    found, [said] = extracted(proto, batch_size=batch_size)
    assert found.repeat == 0
    assert found.mixes
    assert f"depend on the other samples of a batch{because};" in said


def test_dropout_is_told_only_if_it_really_draws(extracted):
    """ONNX Runtime removes Dropout, even in training mode, unless it makes an output itself."""
    found, said = extracted(dropout())
    assert found.varies == bool(said)
    assert Unsteady.of(dropout()).varying == ("Dropout in training mode",)
    assert Unsteady.of(dropout(training=False)) == Unsteady((), ())


def test_layers_that_nothing_unsteady_leads_to_are_not_told(extracted):
    for proto, layer in ((noise(), "before"), (dropout(training=False), "y")):
        found, said = extracted(proto, layer)
        assert (found.repeat, found.split) == (0, 0)
        assert not said


@pytest.mark.parametrize("batch", ["batch", 1, 4])
@pytest.mark.parametrize("pool", ["mean", "flatten"])
def test_a_convolutional_network_is_steady_to_the_last_bit(extracted, batch, pool):
    data = models.network_input(9)
    found, said = extracted(models.network(batch=batch), "relu", data, pool=pool, batch_size=6)
    assert (found.repeat, found.split) == (0, 0)
    assert not said


def test_padding_makes_no_layer_unsteady(extracted):
    rng = np.random.default_rng(0)
    data = {
        "ids": rng.integers(0, 9, (7, 5)),
        "attention_mask": (np.arange(5) < rng.integers(1, 6, (7, 1))).astype(np.int64),
    }
    found, said = extracted(models.language_model(), "hidden", data)
    assert (found.repeat, found.split) == (0, 0)
    assert not said


def test_elements_of_other_types_are_compared_as_they_are_stored(extracted):
    proto = models.model(
        [models.node("Cast", "x", "y", to=TensorProto.FLOAT16)],
        [models.value("x", ["n", 4])],
        [models.value("y", ["n", 4], TensorProto.FLOAT16)],
    )
    found, said = extracted(proto, dtype="float16")
    assert (found.repeat, found.split) == (0, 0)
    assert not said
