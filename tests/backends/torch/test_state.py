"""Recurrent modules: state that is carried, and inputs that hold the same for all samples."""

import numpy as np
import pytest

from invert_core import Feed, extract, list_layers, open_activations
from invert_core.errors import SettingError, UnknownNameError
from invert_core.models.backend import ModelInput
from tests.needs import need

torch = need("torch")

X = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)
CLIPS = ["a"] * 9 + ["b"] * 11
ZEROS = np.zeros((2, 1, 5), np.float32)


class Detector(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.cell = torch.nn.LSTMCell(6, 5)
        self.head = torch.nn.Linear(5, 1)

    def forward(self, x, state, rate, gain=1.0):
        hidden, cell = self.cell(x * (rate / 16000) * gain, (state[0], state[1]))
        return self.head(hidden), torch.stack([hidden, cell])


def read(path):
    with open_activations(path) as activations:
        return activations.layers["head"].read(0, 1).T


def looped(rate, gain):
    module, found = Detector().eval(), []
    with torch.inference_mode():
        for row, sample in enumerate(torch.from_numpy(X)):
            if row in (0, 9):
                state = torch.from_numpy(ZEROS)
            out, state = module(sample[None], state, torch.tensor(rate), torch.tensor(gain))
            found.append(out.numpy())
    return np.concatenate(found)


@pytest.mark.parametrize("gain", [1.0, 0.25])
def test_a_recurrent_module_gives_what_a_loop_gives(tmp_path, gain):
    feed = Feed(
        {"rate": 8000, "state": ZEROS, "gain": gain},
        batch_axes={"state": 1},
        carry={"output[1]": "state"},
    )
    extract(Detector(), X, tmp_path / "x.h5", ["head"], feed=feed, groups=CLIPS, device="cpu")
    assert np.array_equal(read(tmp_path / "x.h5"), looped(8000, gain))


def test_an_input_that_the_forward_does_not_take_is_named(tmp_path):
    with pytest.raises(UnknownNameError, match=r"no input 'rat'. Did you mean 'rate'"):
        extract(Detector(), X, tmp_path / "x.h5", ["head"], feed=Feed({"rat": 1}))


def test_zeros_need_a_shape_that_is_stated(tmp_path):
    feed = Feed({"rate": 16000}, ["state"], {"state": 1})
    with pytest.raises(SettingError, match=r"shape and type of 'state'.*state=FILE\.npy"):
        extract(Detector(), X, tmp_path / "x.h5", ["head"], feed=feed, device="cpu")
    inputs = [
        ModelInput("x", (None, 6), np.dtype("float32")),
        ModelInput("state", (2, None, 5), np.dtype("float32"), 1),
        ModelInput("rate", (), np.dtype("int64"), None),
    ]
    options = {"inputs": inputs}
    feed = Feed({"rate": 16000}, ["state"])
    path = tmp_path / "x.h5"
    extract(Detector(), X, path, ["head"], feed=feed, device="cpu", model_options=options)
    alone = Feed({"rate": 16000, "state": ZEROS}, batch_axes={"state": 1})
    extract(Detector(), X, tmp_path / "y.h5", ["head"], feed=alone, device="cpu")
    assert np.array_equal(read(path), read(tmp_path / "y.h5"))


def test_layers_are_listed_with_constants_that_the_module_needs():
    class Scaled(torch.nn.Module):
        def forward(self, x, sizes):
            return x.reshape(len(x), *sizes.tolist())

    options = {"inputs": [ModelInput("x", (None, 12), np.dtype("float32")), ModelInput("sizes")]}
    feed = Feed({"sizes": "3,4"})
    (layer,) = list_layers(Scaled(), model_options=options, feed=feed)
    assert layer.shape == (None, 3, 4)
