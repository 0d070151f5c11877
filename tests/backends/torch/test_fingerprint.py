"""The fingerprint changes with whatever changes activations, and with nothing else."""

import functools

import numpy as np
import pytest

from tests.needs import need

torch = need("torch")

from torch import nn

from invert_core.backends.torch.fingerprint import fingerprint


class Net(nn.Module):
    def __init__(self, slope=0.1, scale=1.0):
        super().__init__()
        torch.manual_seed(0)
        self.linear = nn.Linear(3, 2)
        self.act = nn.LeakyReLU(slope)
        self.scale = scale
        self.callback = lambda: None  # printed with its address
        self.register_buffer("shift", torch.zeros(2, dtype=torch.bfloat16), persistent=False)
        self.register_buffer("empty", torch.zeros(0, 3))

    def forward(self, x):
        return self.act(self.linear(x)) * self.scale + self.shift

    def extra_repr(self):
        return repr(self.callback)


class Other(Net):
    def forward(self, x):
        return super().forward(x) + 1


def weight(net):
    net.linear.weight.data[0, 0] += 1e-6


def buffer(net):
    net.shift += 1


def shape(net):
    net.empty = net.empty.reshape(3, 0)


def swap(net):
    net.linear.weight.data = net.linear.weight.data.flip(0)


def test_the_same_module_has_the_same_fingerprint():
    found = fingerprint(Net())
    assert len(found) == 64
    assert fingerprint(Net()) == found
    assert fingerprint(Net().train()) == fingerprint(Net().eval()) == found


@pytest.mark.parametrize(
    "make", [Other, lambda: Net(slope=0.2), lambda: Net(scale=2.0), lambda: Net().double()]
)
def test_another_structure_has_another_fingerprint(make):
    assert fingerprint(make()) != fingerprint(Net())


@pytest.mark.parametrize("change", [weight, buffer, shape, swap])
def test_other_values_have_another_fingerprint(change):
    net = Net()
    change(net)
    assert fingerprint(net) != fingerprint(Net())


@pytest.mark.parametrize(
    ("value", "other"),
    [
        (torch.zeros(2), torch.ones(2)),
        (torch.zeros(2), torch.zeros(1, 2)),
        (np.zeros(2), np.ones(2)),
        (np.float32(0), np.float32(1)),
        ({"slope": 1}, {"slope": 2}),
        ([np.zeros(2)], [np.ones(2)]),
        (torch.float16, torch.float32),
        (slice(0, 1), slice(0, 2)),
        (nn.functional.relu, nn.functional.gelu),
        (weight, buffer),
    ],
)
def test_other_attributes_have_another_fingerprint(value, other):
    found = fingerprint(Net(scale=value))
    assert found != fingerprint(Net(scale=other))
    assert fingerprint(Net(scale=value)) == found


def test_an_attribute_of_which_nothing_is_known_has_no_part():
    assert fingerprint(Net(scale=object())) == fingerprint(Net(scale=object()))


def test_views_that_change_signs_when_they_are_read_have_the_values_they_show():
    values = torch.tensor([1 + 2j, 3 - 4j])
    found = fingerprint(Net(scale=values.conj()))
    assert found == fingerprint(Net(scale=values.conj().resolve_conj()))
    assert found != fingerprint(Net(scale=values))


def test_where_the_weights_lie_does_not_matter():
    conv = nn.Conv2d(3, 4, 2)
    found = fingerprint(conv)
    assert fingerprint(conv.to(memory_format=torch.channels_last)) == found


def test_classes_are_known_by_their_source(tmp_path):
    from invert_core.backends.torch import TorchBackend

    found = set()
    for place in ("same", "again", "other"):
        folder = tmp_path / place
        folder.mkdir()
        more = " + 1" if place == "other" else ""
        (folder / "net.py").write_text(
            "import torch\nclass Net(torch.nn.Module):\n"
            f"    def forward(self, x):\n        return x{more}\n"
        )
        found.add(TorchBackend.open(f"{folder / 'net.py'}:Net").fingerprint)
    assert len(found) == 2


def test_attributes_that_hold_themselves_or_no_values_are_no_hindrance():
    net = Net()
    net.around = [1]
    net.around.append({"again": net.around})
    net.shape_only = torch.empty(3, device="meta")
    assert len(fingerprint(net)) == 64


def shifted(module, args, output, by=1):
    return output + by


def test_hooks_and_what_they_are_given_have_a_fingerprint_of_their_own():
    found = {fingerprint(Net())}
    for hook in (shifted, functools.partial(shifted, by=2), functools.partial(shifted, by=3)):
        net = Net()
        net.linear.register_forward_hook(hook)
        found.add(fingerprint(net))
    assert len(found) == 4
