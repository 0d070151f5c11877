"""Batches for a module: what they may hold, and what the module returns for them."""

import numpy as np
import pytest

from invert_core.errors import DataError, ModelError
from tests.backends import models
from tests.needs import need

torch = need("torch")

from torch import nn

from tests.backends import torch_models
from tests.backends.torch_models import Chain, Passing, TorchBackend, X, opened, run, settled


def test_all_layers_come_to_the_host_in_one_copy(monkeypatch):
    copies = []
    copy = torch.Tensor.cpu

    def spy(tensor):
        copies.append(tensor.shape)
        return copy(tensor)

    x = models.network_input()
    with opened(torch_models.Network(), x, ["conv", "tokens", "head"]) as extractor:
        monkeypatch.setattr(torch.Tensor, "cpu", spy)
        extractor.run({"x": x})
        extractor.run({"x": x[:3]})
    assert copies == [(7, 4 + 4 + 6), (3, 4 + 4 + 6)]


def test_a_closed_extractor_says_so():
    extractor = opened(Passing(), X, ["same"])
    extractor.close()
    with pytest.raises(ModelError, match="was closed"):
        extractor.run({"x": X})


def test_numbers_too_large_for_float32_are_refused():
    module = Passing().double()
    x = np.array([[1.0, 2.0], [3.0, 1e39]])
    with pytest.raises(DataError, match=r"'same' gives 1e\+39 for unit 1, too large for float32"):
        run(module, ["same"], x)
    found = run(module, ["same"], np.array([[1.5, np.inf]]))["same"]
    np.testing.assert_array_equal(found, np.array([[1.5, np.inf]], np.float32))


def test_layers_of_several_types_keep_all_their_bits():
    module = Chain(between=lambda x: x.double() + 1e-3)
    x = np.array([[16777217, 3]], np.int64)
    found = run(module, ["second", "output"], x)
    assert {each.dtype for each in found.values()} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(found["second"], (x + 1e-3).astype(np.float32))


def test_nan_survives_pooling():
    x = np.ones((2, 3, 4, 4), np.float32)
    x[1, 2, 0, 0] = np.nan
    for pool in ("mean", "max"):
        found = run(Passing(), ["same"], x, pool=pool, channel_axis=1)["same"]
        assert np.argwhere(np.isnan(found)).tolist() == [[1, 2]]


def test_flattened_units_have_names_and_one_shape():
    x = np.arange(12, dtype=np.float32).reshape(1, 2, 2, 3)
    with opened(Passing(), x, ["same"], pool="flatten", channel_axis=1) as extractor:
        assert extractor.unit_names() == {}
        np.testing.assert_array_equal(extractor.run({"x": x})["same"], x.reshape(1, -1))
        names = extractor.unit_names()["same"]
        assert names[0] == "0@0,0"
        assert names[-1] == "1@1,2"
        with pytest.raises(DataError, match=r"samples and had shape \(2, 2, 3\)"):
            extractor.run({"x": x.reshape(1, 2, 3, 2)})


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_samples_take_the_type_of_the_weights(dtype):
    module = nn.Sequential(nn.Linear(3, 2)).to(dtype)
    found = run(module, ["0"], {"input": X})["0"]
    right = (
        X @ module[0].weight.detach().float().numpy().T + module[0].bias.detach().float().numpy()
    )
    np.testing.assert_allclose(found, right, rtol=0.02, atol=0.02)


def test_a_type_that_pytorch_lacks_is_refused():
    with pytest.raises(DataError, match="holds <U1, which PyTorch cannot take"):
        run(Passing(), ["same"], np.array([["a"]]))


def test_inputs_that_differ_from_the_example_are_refused():
    with opened(Passing(), X[:1], ["same"]) as extractor:
        with pytest.raises(DataError, match="takes float32, and the data are int64"):
            extractor.run({"x": X.astype(np.int64)})
        with pytest.raises(DataError, match="has shape"):
            extractor.run({"x": X[..., None]})
        with pytest.raises(DataError, match="no input 'y'"):
            extractor.run({"x": X, "y": X})


def test_the_switches_are_settings_only_where_they_are_on():
    assert TorchBackend.adopt(Passing()).settings == {}
    both = {"autocast": True, "channels_last": True}
    assert TorchBackend.adopt(Passing(), **both).settings == both
    assert settled(Passing(), {"x": X}, **both).settings == both


def test_autocast_computes_in_bfloat16_and_only_where_it_is_asked_for():
    module = nn.Sequential(nn.Linear(3, 2), nn.Identity())
    right = X @ module[0].weight.detach().numpy().T + module[0].bias.detach().numpy()
    found = run(module, ["0"], {"input": X}, {"autocast": True})["0"]
    as_bfloat16 = torch.from_numpy(found).bfloat16().float().numpy()
    np.testing.assert_array_equal(found, as_bfloat16)
    np.testing.assert_allclose(found, right, atol=0.05)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        exact = run(module, ["0"], {"input": X})["0"]
    np.testing.assert_allclose(exact, right, rtol=1e-5, atol=1e-6)


def test_channels_last_reaches_weights_and_images():
    seen = []

    class Spy(nn.Conv2d):
        def forward(self, x):
            last = torch.channels_last
            seen.append(
                (x.is_contiguous(memory_format=last), self.weight.is_contiguous(memory_format=last))
            )
            return super().forward(x)

    x = models.network_input()
    module = nn.Sequential(Spy(3, 4, 2))
    with settled(module, {"input": x}, channels_last=True).extractor(
        ["0"], device="cpu"
    ) as extractor:
        seen.clear()
        found = extractor.run({"input": x})["0"]
    assert seen == [(True, True)]
    np.testing.assert_allclose(found, run(module, ["0"], {"input": x})["0"], rtol=1e-5, atol=1e-6)


def test_channels_last_leaves_weights_of_other_ranks_as_they_are():
    module = nn.Sequential(nn.Conv3d(2, 3, 1))
    x = np.random.default_rng(0).normal(size=(2, 2, 3, 3, 3)).astype(np.float32)
    found = run(module, ["0"], {"input": x}, {"channels_last": True})["0"]
    np.testing.assert_allclose(found, run(module, ["0"], {"input": x})["0"], rtol=1e-5, atol=1e-6)
