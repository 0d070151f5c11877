"""A model in NumPy whose last bits depend on the batch, as those of real ones do."""

import time

import numpy as np

from invert_core.backend import Extractor, Layer, Model, ModelInput, Output
from invert_core.backend_checks import check_batch
from invert_core.errors import UnknownNameError

N_FEATURES = 8
N_UNITS = {"hidden": 70, "out": 3}


class FakeModel(Model):
    """Two layers of one linear map; `delay` seconds per batch, `fail` is called on every batch."""

    def __init__(self, fingerprint="f" * 64, delay=0.0, fail=lambda _: None):
        self.fingerprint = fingerprint
        self.inputs = (ModelInput("x", (None, N_FEATURES), np.dtype(np.float32)),)
        self.versions = {"fake": "1.0"}
        self.delay = delay
        self.fail = fail
        self.opened = []

    def layers(self):
        return [
            Layer(name, "", "Linear", (None, count), count, "none")
            for name, count in N_UNITS.items()
        ]

    def extractor(self, layers, *, pool="auto", channel_axis=None, device="auto", batch_size=32):
        for name in layers:
            if name not in N_UNITS:
                raise UnknownNameError(f"There is no layer {name!r}.", "Try 'out'.")
        self.opened.append(FakeExtractor(self, layers, pool, device, batch_size))
        return self.opened[-1]


class FakeExtractor(Extractor):
    def __init__(self, model, layers, pool, device, batch_size):
        self.model = model
        self.outputs = tuple(Output(name, "none" if pool == "auto" else pool) for name in layers)
        self.device = "cpu" if device == "auto" else device
        self.batch_size = batch_size
        self.rows = 0
        self.closed = False

    def run(self, batch):
        check_batch(batch, self.model.inputs, ["x"], self.batch_size)
        x = batch["x"].reshape(len(batch["x"]), -1)
        self.model.fail(x)
        time.sleep(self.model.delay)
        self.rows += len(x)
        trace_of_the_batch = (np.arange(len(x)) + 100 * len(x))[:, None] * np.float32(1e-3)
        result = {}
        for output in self.outputs:
            count = N_UNITS[output.layer]
            weights = np.linspace(-1, 1, N_FEATURES * count).reshape(N_FEATURES, count)
            values = x @ weights.astype(np.float32) + trace_of_the_batch
            result[output.layer] = values.astype(np.float32)
        return result

    def close(self):
        self.closed = True


def samples(count):
    return np.random.default_rng(0).normal(size=(count, N_FEATURES)).astype(np.float32)
