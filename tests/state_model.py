"""A recurrent model in NumPy: samples [b, 3], a state [2, b, 4] and a sample rate."""

import numpy as np

from invert_core.errors import UnknownNameError
from invert_core.models.axes import Axes
from invert_core.models.backend import Extractor, Layer, Model, ModelInput, Output
from invert_core.models.backend_checks import check_batch

FLOAT = np.dtype(np.float32)
WEIGHTS = np.random.default_rng(3).normal(size=(3, 4)).astype(np.float32)


def step(x, state, rate):
    """The right values: `out` [b, 4] and the next state."""
    out = np.tanh(x @ WEIGHTS * np.float32(rate / 16000) + state[0] - state[1] / 2)
    return out, np.stack([np.broadcast_to(state[1], out.shape), out])


def carried(x, starts, rate=16000, first=None):
    """What `out` is, sample by sample, if the state begins anew where `starts` is true."""
    state = None
    rows = []
    for sample, begins in zip(x, starts, strict=True):
        if begins:
            state = np.zeros((2, 1, 4), np.float32) if first is None else first
        out, state = step(sample[None], state, rate)
        rows.append(out)
    return np.concatenate(rows)


class StateModel(Model):
    """The layer "out", and the tensors "stateN" and "wide"; every batch is passed to `fail`."""

    def __init__(self, fail=lambda _: None, certain=True, varies=True):
        self.fingerprint = "e" * 64
        self.inputs = (
            ModelInput("x", (None, 3), FLOAT),
            ModelInput("state", (2, None if varies else 1, 4), FLOAT, 1, certain=certain),
            ModelInput("sr", (), np.dtype(np.int64), None),
        )
        self.fail = fail
        self.batch_sizes = []

    def layers(self):
        return [Layer("out", "", "Cell", (None, 4), 4, "none", axes=Axes(0, 1))]

    def open_layers(self, readings, *, device="auto", batch_size=32, raw=()):
        for name in raw:
            if name not in ("stateN", "wide"):
                raise UnknownNameError(f"There is no layer {name!r}.", "Did you mean 'stateN'?")
        return StateExtractor(self, batch_size)


class StateExtractor(Extractor):
    def __init__(self, model, batch_size):
        self.model = model
        self.outputs = (Output("out", "none", Axes(0, 1)),)
        self.device = "cpu"
        self.most = batch_size
        self._raw = {}

    def run(self, batch):
        count = check_batch(batch, self.model.inputs, ["x", "state", "sr"], self.most)
        self.model.fail(batch["x"])
        self.model.batch_sizes.append(count)
        out, state = step(batch["x"], batch["state"], int(batch["sr"]))
        # As a model of a fixed batch size leaves it: with padding.
        self._raw = {"stateN": np.repeat(state, 3, 1), "wide": np.zeros((2, 1, 5), np.float32)}
        return {"out": out}

    def raw(self):
        return self._raw

    def close(self):
        pass
