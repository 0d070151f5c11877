"""A model in NumPy whose last bits depend on the batch, as with real models."""

import time

import numpy as np

from invert_core.data.arrays.array_source import ArraySource
from invert_core.data.source import Batch
from invert_core.errors import UnknownNameError
from invert_core.models.axes import Axes
from invert_core.models.backend import Extractor, Layer, Model, ModelInput, Output
from invert_core.models.backend_checks import check_batch

N_FEATURES = 8
N_UNITS = {"hidden": 70, "out": 3, "latents": 90}


class FakeModel(Model):
    """A model of three layers, each one linear map; most activations of "latents" are zero.

    Every batch takes `delay` seconds, and is passed to `fail`.
    """

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

    def open_layers(self, readings, *, device="auto", batch_size=32, raw=()):
        for each in readings:
            if each.layer not in N_UNITS:
                raise UnknownNameError(f"There is no layer {each.layer!r}.", "Try 'out'.")
        self.opened.append(FakeExtractor(self, readings, device, batch_size))
        return self.opened[-1]


class FakeExtractor(Extractor):
    def __init__(self, model, readings, device, batch_size):
        self.model = model
        self.outputs = tuple(
            Output(
                each.layer,
                "none" if each.pool == "auto" else each.pool,
                Axes(0, each.channel_axis or 1),
            )
            for each in readings
        )
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
        trace_of_the_batch = (np.arange(len(x)) + 100 * len(x))[:, None] % 61 * np.float32(1e-7)
        result = {}
        for output in self.outputs:
            count = N_UNITS[output.layer]
            weights = np.linspace(-1, 1, N_FEATURES * count).reshape(N_FEATURES, count)
            product = x @ weights.astype(np.float32)
            values = product + trace_of_the_batch
            if output.layer == "latents":
                values[product < 3] = 0
            result[output.layer] = values.astype(np.float32)
        return result

    def unit_names(self):
        return {
            each.layer: tuple(f"{unit}@0" for unit in range(N_UNITS[each.layer]))
            for each in self.outputs
            if each.pool == "flatten"
        }

    def close(self):
        self.closed = True


class ShuffledSource(ArraySource):
    """A source that shuffles samples within every four batches, as bucketing does with texts."""

    def batches(self, start, batch_size):
        window = 4 * batch_size
        for first in range(start // window * window, len(self), window):
            rows = np.random.default_rng(first).permutation(
                np.arange(first, min(first + window, len(self)))
            )
            for at in range(0, len(rows), batch_size):
                of_batch = rows[at : at + batch_size]
                if (of_batch >= start).any():
                    yield Batch(of_batch, {"x": self.arrays["x"][of_batch]})


def samples(count):
    return np.random.default_rng(0).normal(size=(count, N_FEATURES)).astype(np.float32)
