"""Channels are followed from the module that makes them to a layer.

The first module of each network gives its channel k the value k for every sample and place, so the
axis of the channels is the only one along which a layer changes.
"""

import numpy as np
import pytest

from invert_core.models.backend import Reading
from tests.needs import need

torch = need("torch")

from torch import nn
from torch.nn import functional as F

from tests.backends.torch_models import TorchBackend, settled


class Behind(nn.Module):
    """Makes six channels with a module, and hands them through a function to the layer `seen`."""

    def __init__(self, made, change):
        super().__init__()
        self.made = made
        self.seen = nn.Identity()
        self.change = change

    def forward(self, x):
        return self.seen(self.change(self.made(x)))


def numbered(module):
    """Set the weights to zero, and the bias to the number of the channel."""
    with torch.no_grad():
        module.weight.zero_()
        module.bias.copy_(torch.arange(6.0))
    return module


def conv1d():
    return numbered(nn.Conv1d(3, 6, 1)), (3, 8)


def conv2d():
    return numbered(nn.Conv2d(3, 6, 1)), (3, 4, 5)


def up():
    return numbered(nn.ConvTranspose1d(3, 6, 1)), (3, 8)


def linear():
    return numbered(nn.Linear(3, 6)), (8, 3)


def attention(x):
    """Self-attention with two heads of three channels, merged again."""
    heads = x.unflatten(2, (2, 3)).transpose(1, 2)
    mixed = F.scaled_dot_product_attention(heads, heads, heads)
    return mixed.transpose(1, 2).flatten(2)


NETWORKS = {
    "conv": (conv1d, lambda x: x),
    "activation": (conv1d, lambda x: torch.sigmoid(F.relu(x) * 2 - 1)),
    "in place": (conv1d, lambda x: x.clone().relu_()),
    "transposed": (conv1d, lambda x: x.transpose(1, 2)),
    "permuted": (conv2d, lambda x: x.permute(0, 2, 3, 1)),
    "time first": (conv1d, lambda x: x.permute(2, 0, 1)),
    "batch normalised": (conv2d, lambda x: F.batch_norm(x, torch.zeros(6), torch.ones(6))),
    "group normalised": (conv2d, lambda x: F.group_norm(x + torch.arange(6.0).view(6, 1, 1), 1)),
    "pooled": (conv2d, lambda x: F.max_pool2d(x, 2)),
    "pooled to one place": (conv2d, lambda x: F.adaptive_avg_pool2d(x, 1)),
    "places merged": (conv2d, lambda x: x.flatten(2)),
    "tokens of an image": (conv2d, lambda x: x.flatten(2).transpose(1, 2)),
    "squeezed": (conv2d, lambda x: F.adaptive_avg_pool2d(x, (1, 5)).squeeze(2)),
    "unsqueezed": (conv1d, lambda x: x.unsqueeze(1)),
    "padded": (conv1d, lambda x: F.pad(x, (1, 0, 0, 0), mode="replicate")),
    "larger": (conv2d, lambda x: F.interpolate(x, scale_factor=2, mode="nearest")),
    "joined along places": (conv1d, lambda x: torch.cat([x, x], dim=2)),
    "sliced": (conv1d, lambda x: x[:, 1:5, ::2]),
    "mean over a place": (conv2d, lambda x: x.mean(3)),
    "softmax": (conv1d, lambda x: x.softmax(1)),
    "gated": (conv2d, lambda x: x * torch.sigmoid(x.mean((2, 3), keepdim=True))),
    "transposed convolution": (up, lambda x: x),
    "linear": (linear, lambda x: x),
    "linear, samples and tokens merged": (linear, lambda x: x.reshape(-1, 6).view(*x.shape)),
    "layer normalised": (linear, lambda x: F.layer_norm(x, (6,))),
    "attention": (linear, attention),
    "split in parts": (linear, lambda x: x.chunk(2, dim=1)[1]),
    "gated heads, merged again": (linear, lambda x: torch.sigmoid(x) * attention(x)),
    "repeated places": (conv1d, lambda x: x.repeat(1, 1, 2)),
    "stacked": (linear, lambda x: torch.stack([x, x], dim=1)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_axis_of_the_channels_is_the_one_along_which_a_layer_changes(name):
    make, change = NETWORKS[name]
    made, shape = make()
    module = Behind(made, change)
    x = np.zeros((2, *shape), np.float32)
    model = settled(module, {"x": x[:1]})
    layer = next(each for each in model.layers() if each.name == "seen")
    with torch.no_grad():
        values, more = (module(torch.zeros(count, *shape)).numpy() for count in (2, 3))
    changing = [
        axis
        for axis in range(values.ndim)
        if np.abs(np.diff(values, axis=axis)).max(initial=0) > 1e-5
    ]
    assert [layer.axes.channel] == changing, layer.axes.reason
    assert layer.n_units == values.shape[changing[0]]
    grown = [
        axis
        for axis, (size, other) in enumerate(zip(values.shape, more.shape, strict=True))
        if size != other
    ]
    assert grown == [layer.axes.batch]


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_recurrent_layers_have_their_units_last(kind):
    model = settled(kind(3, 5, batch_first=True), {"input": np.zeros((1, 7, 3), np.float32)})
    layer = next(each for each in model.layers() if each.name == "output[0]")
    assert (layer.axes.batch, layer.axes.channel, layer.n_units) == (0, 2, 5)


class TimeFirst(nn.Module):
    """A recurrent layer in its usual order, [time, samples, channels]."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.GRU(3, 5)
        self.seen = nn.Identity()

    def forward(self, x):
        return self.seen(self.net(x.transpose(0, 1))[0])


def test_a_layer_of_time_first_is_read_on_its_axes():
    module = TimeFirst()
    x = np.random.default_rng(0).normal(size=(4, 7, 3)).astype(np.float32)
    model = settled(module, {"x": x[:1]})
    layer = next(each for each in model.layers() if each.name == "seen")
    assert (layer.shape, layer.axes.batch, layer.axes.channel) == ((7, None, 5), 1, 2)
    with model.extractor(["seen"], device="cpu", batch_size=4) as extractor:
        found = extractor.run({"x": x})["seen"]
    with torch.no_grad():
        right = module(torch.from_numpy(x)).mean(0).numpy()
    np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)


def test_inputs_that_are_not_samples_hold_for_all():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.seen = nn.Identity()

        def forward(self, x, state, rate):
            return self.seen(x * rate + state.sum(0))

    random = np.random.default_rng(0)
    batch = {
        "x": random.normal(size=(4, 3)).astype(np.float32),
        "state": random.normal(size=(2, 4, 3)).astype(np.float32),
        "rate": np.array(3, np.float32),
    }
    model = TorchBackend.adopt(Scaled())
    axes = {"x": 0, "state": 1, "rate": None}
    known = [type(each)(each.name, batch_axis=axes[each.name]) for each in model.inputs]
    example = {**batch, "x": batch["x"][:1], "state": batch["state"][:, :1]}
    model = model.arranged(known).settled(example)
    with model.extractor(["seen"], device="cpu", batch_size=4) as extractor:
        found = extractor.run(batch)["seen"]
    np.testing.assert_allclose(found, 3 * batch["x"] + batch["state"].sum(0), rtol=1e-6)


def test_raw_tensors_come_as_they_are_beside_the_layers():
    module = TimeFirst()
    x = np.random.default_rng(0).normal(size=(4, 7, 3)).astype(np.float32)
    model = settled(module, {"x": x[:1]})
    with model.open_layers(
        [Reading("seen", "max")], device="cpu", batch_size=4, raw=["seen", "net[1]"]
    ) as extractor:
        found = extractor.run({"x": x})["seen"]
        raw = extractor.raw()
    assert raw["net[1]"].shape == (1, 4, 5)
    np.testing.assert_array_equal(raw["seen"].max(0), found)


UNDECIDED = {
    "places mixed by a matrix": (conv1d, lambda x: x @ torch.ones(8, 7)),
    "places mixed in front": (linear, lambda x: torch.ones(7, 8) @ x),
    "places mixed twice": (conv1d, lambda x: x @ torch.ones(8, 7) @ torch.ones(7, 8)),
    "heads": (linear, lambda x: x.unflatten(2, (2, 3)).transpose(1, 2)),
    "heads of shared keys": (
        linear,
        lambda x: x.unflatten(2, (2, 3)).transpose(1, 2).repeat_interleave(2, 1),
    ),
}


@pytest.mark.parametrize("name", UNDECIDED)
def test_channels_on_two_axes_are_not_chosen_between(name):
    make, change = UNDECIDED[name]
    made, shape = make()
    model = settled(Behind(made, change), {"x": np.zeros((1, *shape), np.float32)})
    layer = next(each for each in model.layers() if each.name == "seen")
    assert (layer.pool, layer.axes.channel) == ("", None)


def test_what_following_cannot_handle_does_not_stop_the_model():
    module = Behind(linear()[0], lambda x: x + x.sum((0, 1)).t())
    model = settled(module, {"x": np.zeros((1, 8, 3), np.float32)})
    layer = next(each for each in model.layers() if each.name == "seen")
    assert layer.axes.channel == 2


def test_states_keep_their_samples_where_following_lost_them():
    class Lost(nn.Module):
        def __init__(self):
            super().__init__()
            self.gru = nn.GRU(3, 5, num_layers=2, bidirectional=True)

        def forward(self, x):
            order = torch.arange(len(x))
            return self.gru(x[order].transpose(0, 1))[0]

    model = settled(Lost(), {"x": np.zeros((1, 7, 3), np.float32)})
    state = next(each for each in model.layers() if each.name == "gru[1]")
    assert (state.shape, state.axes.batch, state.pool) == ((4, None, 5), 1, "")
