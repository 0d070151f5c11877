"""A backend as another package would bring it: a two-layer network in NumPy, stored as .npz."""

import hashlib
import zipfile
from pathlib import Path

import numpy as np

from invert_core.backend import Backend, Extractor, Finding, Layer, Model, ModelInput, Output
from invert_core.backend_checks import check_batch, check_settings
from invert_core.errors import (
    MissingDependencyError,
    MissingFileError,
    ModelError,
    UnknownNameError,
    nearest,
)

AXES = {"hidden": 3, "logits": 2}


class NumpyBackend(Backend):
    suffixes = (".npz",)

    @classmethod
    def open(cls, target):
        path = Path(target)
        if not path.exists():
            raise MissingFileError(f"There is no model {target!r}.", "Check the path.")
        try:
            with np.load(path, allow_pickle=False) as weights:
                first, second = weights["first"], weights["second"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ModelError(f"{target!r} is no model.", "Give another.") from error
        return NumpyModel(first, second, hashlib.sha256(path.read_bytes()).hexdigest())

    @classmethod
    def check(cls):
        return [Finding("NumPy", "ok", np.__version__)]


class NumpyModel(Model):
    def __init__(self, first, second, fingerprint):
        self.first, self.second = first, second
        self.fingerprint = fingerprint
        self.inputs = (ModelInput("x", (None, None, len(first)), np.dtype(np.float32)),)

    def layers(self):
        units = self.first.shape[1], self.second.shape[1]
        return [
            Layer("hidden", "", "tanh", (None, None, units[0]), units[0], "mean"),
            Layer("logits", "", "matmul", (None, units[1]), units[1], "none"),
        ]

    def extractor(self, layers, *, pool="auto", channel_axis=None, device="auto", batch_size=32):
        check_settings(layers, pool, device, batch_size)
        if device == "cuda":
            raise MissingDependencyError("NumPy has no CUDA.", "Use --device cpu.")
        outputs = []
        for layer in layers:
            if layer not in AXES:
                raise UnknownNameError(f"There is no layer {layer!r}.", nearest(layer, AXES))
            default = "mean" if AXES[layer] == 3 else "none"
            chosen = default if pool == "auto" or default == "none" else pool
            if (chosen, AXES[layer]) == ("none", 3) or (pool, AXES[layer]) == ("first", 2):
                raise ModelError(f"{layer!r} cannot be pooled so.", "Choose another pool.")
            if channel_axis not in (None, *range(1, AXES[layer])):
                raise ModelError(f"{layer!r} has no axis {channel_axis}.", "Choose another axis.")
            outputs.append(Output(layer, chosen))
        return NumpyExtractor(self, tuple(outputs), batch_size, channel_axis)


class NumpyExtractor(Extractor):
    device = "cpu"

    def __init__(self, model, outputs, batch_size, channel_axis):
        self.model, self.outputs, self.batch_size = model, outputs, batch_size
        self.other_axis = 2 if channel_axis == 1 else 1

    def run(self, batch):
        check_batch(batch, self.model.inputs, ["x"], self.batch_size)
        hidden = np.tanh(batch["x"] @ self.model.first)
        values = {"hidden": hidden, "logits": hidden.mean(1) @ self.model.second}
        pools = {
            "mean": lambda layer: layer.mean(self.other_axis),
            "max": lambda layer: layer.max(self.other_axis),
            "first": lambda layer: layer.take(0, self.other_axis),
            "none": lambda layer: layer,
        }
        return {each.layer: pools[each.pool](values[each.layer]) for each in self.outputs}

    def close(self):
        self.model = None
