"""The PyTorch backend keeps the contract that all backends keep."""

import numpy as np

from invert_core.models.backend import MASK
from invert_core.testing import BackendSuite
from tests.backends import models
from tests.backends.pooling_oracle import pooled
from tests.needs import need

need("torch")

_FACTORY = """
import torch
from tests.backends.torch_models import *

def make():
    return {made}
"""


class TestTorchBackend(BackendSuite):
    def backend(self):
        from invert_core.backends.torch import TorchBackend

        return TorchBackend

    def target(self, folder, shift=0.0):
        return self.file(folder, f"Network({shift}), PIXELS")

    def changed_target(self, folder):
        return self.target(folder, shift=0.5)

    def file(self, folder, made):
        (folder / "net.py").write_text(_FACTORY.format(made=made))
        return f"{folder / 'net.py'}:make"

    def batch(self):
        return {"x": models.network_input()}

    def expected(self):
        layers = models.network_layers(models.network_input())
        return {
            ("act", "mean"): layers["relu"].mean((2, 3)),
            ("act", "max"): layers["relu"].max((2, 3)),
            ("act", "flatten"): layers["relu"].reshape(7, -1),
            ("tokens", "mean"): layers["tokens"].mean(1),
            ("tokens", "max"): layers["tokens"].max(1),
            ("tokens", "first"): np.ascontiguousarray(layers["tokens"][:, 0]),
            ("tokens", "last"): np.ascontiguousarray(layers["tokens"][:, -1]),
            ("tokens", "flatten"): layers["flat"].reshape(7, -1),
            ("head", "none"): layers["logits"],
        }


class TestTorchBackendWithChannelsLast(TestTorchBackend):
    def backend(self):
        class ChannelsLast(super().backend()):
            @classmethod
            def open(cls, target, **options):
                return super().open(target, **options | {"channels_last": True})

        return ChannelsLast


class TestTorchBackendWithHalfWeights(TestTorchBackend):
    """The samples are float32, and the weights are bfloat16, which NumPy does not have."""

    relative = 0.05
    absolute = 0.05

    def target(self, folder, shift=0.0):
        return self.file(folder, f"Network({shift}).to(torch.bfloat16), PIXELS")


class TestTorchBackendWithTokens(TestTorchBackend):
    made = "Language"

    def target(self, folder, shift=0.0):
        return self.file(folder, f"{self.made}({shift})")

    def batch(self):
        return self.masked()[0]

    def expected(self):
        return self.masked()[1]

    def masked(self):
        ids = np.random.default_rng(3).integers(0, 9, size=(6, 5))
        mask = np.ones_like(ids)
        mask[0, 3:] = mask[1, :2] = mask[2, 1:4] = mask[3, 1:] = 0
        layers = models.language_layers(ids, mask)
        hidden = {
            ("hidden", pool): pooled(layers["hidden"], pool, 2, mask, (1,))
            for pool in ("mean", "max", "first", "last")
        }
        heads = {
            ("attention.softmax", pool): pooled(layers["probabilities"], pool, 1, mask, (2, 3))
            for pool in ("mean", "max")
        }
        return {"ids": ids, MASK: mask}, hidden | (heads if self.made == "Language" else {})


class TestTorchBackendWithTokensAndNoMask(TestTorchBackendWithTokens):
    made = "LanguageWithoutMask"
