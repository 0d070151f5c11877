"""A module of the user is used as it is, and given back as it was."""

import numpy as np

from tests.backends import models
from tests.needs import need

torch = need("torch")

from torch import nn

from tests.backends import torch_models
from tests.backends.torch_models import Chain, X, opened, run


def test_what_happens_to_a_layer_afterwards_does_not_change_its_activations():
    x = models.network_input()
    right = models.network_layers(x)["conv"]
    found = run(torch_models.Network(), ["conv", "act"], x)
    np.testing.assert_allclose(found["conv"], right.mean((2, 3)), rtol=1e-5, atol=1e-6)
    spoilt = run(Chain(between=lambda x: x.mul_(0)), ["first", "second"], X)
    np.testing.assert_array_equal(spoilt["first"], X)
    np.testing.assert_array_equal(spoilt["second"], 0 * X)


def test_what_a_module_does_to_its_inputs_does_not_reach_the_data():
    x = X.copy()
    x.flags.writeable = False
    run(Chain(after=lambda x: x.zero_()), ["output"], x)
    np.testing.assert_array_equal(x, X)


def test_a_module_is_given_back_as_it_was():
    module = torch_models.Network().train()
    module.act.eval()
    module.head.weight.grad = torch.ones_like(module.head.weight)
    module.register_buffer("mean", torch.zeros(1, 3, 4, 5))
    tensors = [module.conv.weight.data, module.head.weight.data, module.head.weight.grad]
    places = [each.data_ptr() for each in tensors]
    shape = module.conv.weight.stride()
    buffer = module.mean
    seen = []
    hook = module.conv.register_forward_hook(lambda each, _args, _out: seen.append(each.training))
    x = models.network_input()
    with opened(module, x, ["head"], {"channels_last": True}) as extractor:
        extractor.run({"x": x})
        extractor.run({"x": x})
        assert module.training
    assert seen == [False] * len(seen) != []
    flags = {name: each.training for name, each in module.named_modules()}
    assert [name for name, on in flags.items() if not on] == ["act"]
    again = [module.conv.weight.data, module.head.weight.data, module.head.weight.grad]
    assert [each.data_ptr() for each in again] == places
    assert module.conv.weight.stride() == shape
    assert module.mean is buffer
    assert list(module.conv._forward_hooks) == [hook.id]
    assert not module.head._forward_hooks
    assert not module.conv._forward_pre_hooks


def test_one_module_serves_two_extractors_at_once_and_in_turn():
    module = torch_models.Network().train()
    x = models.network_input()
    right = run(module, ["conv"], x)["conv"]
    with opened(module, x, ["conv"]) as first:
        with opened(module, x, ["head"]) as second:
            second.run({"x": x})
        np.testing.assert_array_equal(first.run({"x": x})["conv"], right)
    assert module.training
    np.testing.assert_array_equal(run(module, ["conv"], x)["conv"], right)


def test_what_a_module_keeps_of_a_run_can_be_trained_with():
    class Keeping(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(3, 2)
            self.kept = None

        def forward(self, x):
            if self.kept is None:
                self.kept = torch.ones(3) * 2
            return self.linear(x * self.kept)

    module = Keeping()
    run(module, ["linear"], X)
    weight = torch.ones(3, requires_grad=True)
    module(weight * torch.from_numpy(X)).sum().backward()
    assert weight.grad is not None


def test_gradients_survive_extractors_that_are_closed_in_any_order():
    module = torch_models.Network()
    gradient = module.head.weight.grad = torch.ones_like(module.head.weight)
    x = models.network_input()
    options = {"channels_last": True}
    first, second = (opened(module, x, ["head"], options) for _ in range(2))
    first.close()
    second.close()
    assert module.head.weight.grad is gradient


def test_training_and_dropout_are_off():
    module = nn.Sequential(nn.Dropout(0.9), nn.BatchNorm1d(3)).train()
    found = run(module, ["0"], {"input": X})["0"]
    np.testing.assert_array_equal(found, X)
    assert module[1].num_batches_tracked == 0
