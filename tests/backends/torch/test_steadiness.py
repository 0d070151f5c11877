"""Modules whose activations depend on more than the sample, and what is said about them."""

import logging

import numpy as np
import pytest

from invert_core import extract, open_activations
from tests.needs import need

torch = need("torch")

from torch import nn

from tests.backends import torch_models

X = np.random.default_rng(0).normal(size=(10, 3, 4, 5)).astype(np.float32)


class AlwaysDropout(nn.Module):
    def forward(self, x):
        return nn.functional.dropout(x)


class Counting(nn.Module):
    """Adds the number of its calls."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return x + self.calls


class AcrossSamples(nn.Module):
    """Takes the samples for time, as an LSTM does without batch_first."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(20, 6)

    def forward(self, x):
        return self.lstm(x.flatten(2))[0]


@pytest.fixture
def extracted(tmp_path, caplog):
    """Extracts a layer; returns what the file says of it, and the warnings."""

    def extracted(module, layer, data=X, **settings):
        caplog.set_level(logging.INFO, "invert")
        caplog.clear()
        output = tmp_path / "x.h5"
        extract(module, data, output, [layer], device="cpu", overwrite=True, **settings)
        with open_activations(output) as activations:
            found = activations.layers[layer].steadiness
        return found, [each.message for each in caplog.records if each.levelname == "WARNING"]

    return extracted


@pytest.mark.parametrize("part", [AlwaysDropout(), Counting()])
def test_a_layer_that_does_not_repeat_itself_is_told(extracted, part):
    module = nn.Sequential(nn.Conv2d(3, 4, 1), part)
    found, [said] = extracted(module, "1")
    assert found.varies
    assert "does not repeat itself: if a batch runs again, the activations differ in '1'" in said
    found, said = extracted(module, "0")
    assert not found.varies
    assert not said


def test_a_layer_that_draws_only_in_training_is_steady(extracted):
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Dropout(), nn.BatchNorm2d(4)).train()
    found, said = extracted(module, "2")
    assert found.repeat == 0
    assert not said


def test_batch_normalization_without_running_statistics_is_told_and_named(extracted):
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4, track_running_stats=False))
    found, [said] = extracted(module, "1", batch_size=5)
    assert found.mixes
    assert "mixes the samples of a batch" in said
    assert "(BatchNorm2d '1' without running statistics)" in said
    assert not extracted(module, "0", batch_size=5)[1]


def test_samples_that_are_taken_for_time_are_told(extracted):
    found, [said] = extracted(AcrossSamples(), "output")
    assert found.mixes
    assert "mixes the samples of a batch" in said


@pytest.mark.parametrize("pool", ["mean", "flatten"])
def test_a_network_is_steady(extracted, pool):
    found, said = extracted(torch_models.Network(), "act", pool=pool)
    assert found.repeat == 0
    assert found.split < 1e-5
    assert not said


def test_half_precision_is_not_taken_for_mixing(extracted):
    torch.manual_seed(0)
    layers = [each for _ in range(6) for each in (nn.Linear(64, 64), nn.GELU())]
    data = np.random.default_rng(0).normal(size=(33, 64)).astype(np.float32)
    module = nn.Sequential(*layers)
    found, said = extracted(module, "11", data, model_options={"autocast": True}, batch_size=33)
    assert not found.mixes
    assert not said


def test_padding_makes_no_layer_unsteady(extracted):
    data = torch_models.texts((5, 2, 3, 1, 4))
    found, said = extracted(torch_models.Language(), "hidden", data)
    assert found.repeat == 0
    assert found.split < 1e-5
    assert not said
