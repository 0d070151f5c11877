"""The ONNX backend keeps the contract that all backends keep."""

import numpy as np

from invert_core.backends.onnx import OnnxBackend
from invert_core.models.backend import MASK
from invert_core.testing import BackendSuite
from tests.backends import models
from tests.backends.pooling_oracle import pooled


class TestOnnxBackend(BackendSuite):
    def backend(self):
        return OnnxBackend

    def target(self, folder):
        return models.save(models.network(), folder)

    def changed_target(self, folder):
        return models.save(models.changed(models.network()), folder)

    def batch(self):
        return {"x": models.network_input()}

    def expected(self):
        layers = models.network_layers(models.network_input())
        return {
            ("relu", "mean"): layers["relu"].mean((2, 3)),
            ("relu", "max"): layers["relu"].max((2, 3)),
            ("tokens", "mean"): layers["tokens"].mean(1),
            ("tokens", "max"): layers["tokens"].max(1),
            ("relu", "flatten"): layers["relu"].reshape(7, -1),
            ("tokens", "first"): np.ascontiguousarray(layers["tokens"][:, 0]),
            ("tokens", "last"): np.ascontiguousarray(layers["tokens"][:, -1]),
            ("tokens", "flatten"): layers["flat"].reshape(7, -1),
            ("logits", "none"): layers["logits"],
        }


class TestOnnxBackendWithFixedBatch(TestOnnxBackend):
    def target(self, folder):
        return models.save(models.network(batch=3), folder)

    def changed_target(self, folder):
        return models.save(models.changed(models.network(batch=3)), folder)


class TestOnnxBackendWithTokens(BackendSuite):
    """A model of token ids that takes a mask."""

    takes_mask = True

    def backend(self):
        return OnnxBackend

    def target(self, folder):
        return models.save(models.language_model(takes_mask=self.takes_mask), folder)

    def changed_target(self, folder):
        proto = models.language_model(takes_mask=self.takes_mask)
        return models.save(models.changed(proto), folder)

    def batch(self):
        batch, _ = self.masked()
        if not self.takes_mask:
            del batch[MASK]
        return batch

    def expected(self):
        batch = self.batch()
        return self.pooled(batch["ids"], batch.get(MASK))

    def masked(self):
        ids = np.random.default_rng(3).integers(0, 9, size=(6, 5))
        mask = np.ones_like(ids)
        mask[0, 3:] = mask[1, :2] = mask[2, 1:4] = mask[3, 1:] = 0
        return {"ids": ids, MASK: mask}, self.pooled(ids, mask)

    def pooled(self, ids, mask):
        layers = models.language_layers(ids, mask if self.takes_mask else np.ones_like(ids))
        hidden = {
            ("hidden", pool): pooled(layers["hidden"], pool, 2, mask, (1,))
            for pool in ("mean", "max", "first", "last")
        }
        heads = {
            ("probabilities", pool): pooled(layers["probabilities"], pool, 1, mask, (2, 3))
            for pool in ("mean", "max")
        }
        return hidden | heads


class TestOnnxBackendWithTokensAndNoMask(TestOnnxBackendWithTokens):
    """The same model without attention; it takes no mask."""

    takes_mask = False

    def pooled(self, ids, mask):
        hidden = models.language_layers(ids, np.ones_like(ids))["hidden"]
        return {
            ("hidden", pool): pooled(hidden, pool, 2, mask, (1,))
            for pool in ("mean", "max", "first", "last")
        }
