"""The ONNX backend keeps the contract that all backends keep."""

import numpy as np

from invert_core.backends.onnx import OnnxBackend
from invert_core.testing import BackendSuite
from tests.backends import models


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
            ("tokens", "first"): np.ascontiguousarray(layers["tokens"][:, 0]),
            ("logits", "none"): layers["logits"],
        }


class TestOnnxBackendWithFixedBatch(TestOnnxBackend):
    def target(self, folder):
        return models.save(models.network(batch=3), folder)

    def changed_target(self, folder):
        return models.save(models.changed(models.network(batch=3)), folder)
