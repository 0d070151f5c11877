"""Extractions from a module to a file, in the library and on the command line."""

import json

import h5py
import numpy as np
import pytest
from PIL import Image

from invert_core import extract, list_layers
from invert_core.data import Preprocess
from invert_core.errors import SettingError, StaleFileError
from invert_core.models.backend import MASK
from tests.backends import models
from tests.backends.pooling_oracle import pooled
from tests.command_line import invert, refused
from tests.needs import need

torch = need("torch")

from tests.backends import torch_models

NETWORK = "torch:tests.backends.torch_models:Network"


def values(path, layer):
    with h5py.File(path) as file:
        return file[f"layers/{layer}/activations"][:]


def test_a_module_goes_into_a_file(tmp_path):
    x = models.network_input(20)
    output = tmp_path / "a.h5"
    module = torch_models.Network().train()
    report = extract(module, {"x": x}, output, ["conv", "head"], device="cpu", batch_size=8)
    assert [layer.n_units for layer in report.layers] == [4, 6]
    assert module.training
    right = models.network_layers(x)
    np.testing.assert_allclose(values(output, "head"), right["logits"], rtol=1e-4, atol=1e-5)
    again = extract(module, {"x": x}, output, ["conv", "head"], device="cpu", batch_size=8)
    assert again.already_done
    with torch.no_grad():
        module.conv.weight[0] += 1
    with pytest.raises(StaleFileError, match="model"):
        extract(module, {"x": x}, output, ["conv", "head"], device="cpu", batch_size=8)


def test_switches_of_the_model_are_compared_like_its_content(tmp_path):
    x, output = {"x": models.network_input(4)}, tmp_path / "a.h5"
    extract(torch_models.Network(), x, output, ["conv"], device="cpu")
    options = {"model_options": {"channels_last": True}}
    with pytest.raises(StaleFileError, match="settings"):
        extract(torch_models.Network(), x, output, ["conv"], device="cpu", **options)


def test_texts_with_padding_go_into_a_file(tmp_path):
    batch, output = torch_models.texts((5, 2, 3, 1)), tmp_path / "a.h5"
    extract(
        torch_models.Language(), batch, output, ["hid*", "*.softmax"], device="cpu", batch_size=2
    )
    right = models.language_layers(batch["ids"], batch[MASK])
    hidden = pooled(right["hidden"], "mean", mask=batch[MASK], token_axes=(1,))
    np.testing.assert_allclose(values(output, "hidden"), hidden, rtol=1e-4, atol=1e-5)
    heads = pooled(right["probabilities"], "mean", mask=batch[MASK], token_axes=(2, 3))
    np.testing.assert_allclose(values(output, "attention.softmax"), heads, rtol=1e-4, atol=1e-5)


def test_flattened_units_carry_their_names_into_the_file(tmp_path):
    x, output = {"x": models.network_input(4)}, tmp_path / "a.h5"
    extract(torch_models.Network(), x, output, ["act"], pool="flatten", device="cpu")
    with h5py.File(output) as file:
        assert list(file["layers/act/unit"].asstr()[:2]) == ["0@0,0", "0@0,1"]
        assert file["layers/act/activations"].shape == (4, 80)


def test_an_option_that_does_not_exist_is_refused():
    with pytest.raises(
        SettingError, match=r"no option 'wieghts'\. Did you mean 'weights'.*trust_model, inputs"
    ):
        list_layers(NETWORK, model_options={"wieghts": "w.pt"})


def test_the_command_line_lists_and_extracts(tmp_path):
    state = torch_models.Network(shift=0.5).state_dict()
    torch.save(state, tmp_path / "w.pt")
    x = models.network_input(6)
    np.save(tmp_path / "x.npy", x)
    listed = invert("layers", NETWORK, "--input", "x=3x4x5", "--format", "json")
    shapes = {row["name"]: row["shape"] for row in json.loads(listed.stdout)}
    assert shapes["conv"] == [None, 4, 4, 5]
    output = tmp_path / "a.h5"
    arguments = ("--data", tmp_path / "x.npy", "-l", "head", "--device", "cpu", "-o", output)
    invert("extract", NETWORK, "--weights", tmp_path / "w.pt", *arguments)
    right = torch_models.run(torch_models.Network(shift=0.5), ["head"], x)["head"]
    np.testing.assert_array_equal(values(output, "head"), right)


def test_the_command_line_says_what_to_do_with_a_file_that_holds_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(torch_models.Network(), "model.pt")
    assert "--trust-model" in refused("layers", "model.pt")
    assert "conv" in invert("layers", "model.pt", "--trust-model").stdout


def test_images_of_sizes_that_vary_run_one_by_one(tmp_path):
    (tmp_path / "images").mkdir()
    sizes = [(4, 6), (6, 4), (5, 5)]
    for value, (height, width) in enumerate(sizes):
        Image.new("RGB", (width, height), (value, 0, 9)).save(tmp_path / f"images/{value}.png")
    module = torch.nn.Sequential(torch.nn.ReLU())
    extract(module, tmp_path / "images", tmp_path / "x.h5", ["0"], preprocess=Preprocess(scale=1))
    assert values(tmp_path / "x.h5", "0").tolist() == [[0, 0, 9], [1, 0, 9], [2, 0, 9]]
