"""A model in NumPy that computes its one layer as a test says."""

import numpy as np

from invert_core.models.backend import Extractor, Layer, Model, ModelInput, Output

LAYER = "layer"


class Computed(Model):
    """A model whose layer is what `compute` makes of the samples [b, 3]."""

    fingerprint = "c" * 64
    inputs = (ModelInput("x", (None, 3), np.dtype(np.float32)),)

    def __init__(self, compute, pool="none", varying=(), mixing=()):
        self.compute = compute
        self.pool = pool
        self.varying, self.mixing = varying, mixing
        self.sizes = []

    def layers(self):
        return [Layer(LAYER, "", "Computed", (None, 3), 3, self.pool)]

    def open_layers(self, readings, *, device="auto", batch_size=32, raw=()):
        return _Running(self)


class _Running(Extractor):
    def __init__(self, model):
        self.model = model
        self.outputs = (Output(LAYER, model.pool),)
        self.device = "cpu"
        self.varying, self.mixing = model.varying, model.mixing

    def run(self, batch):
        self.model.sizes.append(len(batch["x"]))
        return {LAYER: self.model.compute(batch["x"]).astype(np.float32)}

    def unit_names(self):
        return {LAYER: ("0@0", "0@1", "0@2")} if self.model.pool == "flatten" else {}

    def close(self):
        pass


def normalized(x):
    """What batch normalization does in training mode."""
    return (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5)


def drawn(seed=0):
    """Dropout."""
    random = np.random.default_rng(seed)
    return lambda x: x * (random.random(x.shape) < 0.5)


def counted():
    """What counts its calls."""
    calls = iter(range(1000))
    return lambda x: x + next(calls)
