"""A backend as another package would bring it: a two-layer network in NumPy, stored as .npz."""

import hashlib
import zipfile
from pathlib import Path

import numpy as np

from invert_core.backend import (
    MASK,
    Backend,
    Extractor,
    Finding,
    Layer,
    Model,
    ModelInput,
    Output,
)
from invert_core.backend_checks import check_batch, check_mask, check_settings
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
    def __init__(self, first, second, fingerprint, masked=False):
        self.first, self.second = first, second
        self.fingerprint = fingerprint
        self.masked = masked
        self.inputs = (ModelInput("x", (None, None, len(first)), np.dtype(np.float32)),)
        if masked:
            self.inputs += (ModelInput(MASK, (None, None), np.dtype(np.int64)),)

    def settled(self, example):
        return NumpyModel(self.first, self.second, self.fingerprint, masked=MASK in example)

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
            refused = {2: ("first", "last"), 3: ("none", "flatten" if self.masked else "")}
            if pool in refused[AXES[layer]]:
                raise ModelError(f"{layer!r} cannot be pooled so.", "Choose another pool.")
            if channel_axis not in (None, *range(1, AXES[layer])):
                raise ModelError(f"{layer!r} has no axis {channel_axis}.", "Choose another axis.")
            default = "mean" if AXES[layer] == 3 else "none"
            chosen = default if pool == "auto" or default == "none" else pool
            outputs.append(Output(layer, chosen))
        return NumpyExtractor(self, tuple(outputs), batch_size, channel_axis or 2)


class NumpyExtractor(Extractor):
    device = "cpu"

    def __init__(self, model, outputs, batch_size, channel_axis):
        self.model, self.outputs, self.batch_size = model, outputs, batch_size
        self.channel_axis = channel_axis
        self.shape = None

    def run(self, batch):
        needed = [each.name for each in self.model.inputs]
        check_batch(batch, self.model.inputs, needed, self.batch_size)
        counts = np.ones(batch["x"].shape[:2], bool)
        if self.model.masked:
            check_mask(batch[MASK])
            counts = batch[MASK] == 1
        hidden = np.tanh(batch["x"] @ self.model.first)
        self.shape = hidden.shape
        values = {"hidden": hidden, "logits": hidden.mean(1) @ self.model.second}
        return {
            each.layer: self._pooled(values[each.layer], each.pool, counts) for each in self.outputs
        }

    def unit_names(self):
        if self.shape is None:
            return {}
        _, tokens, units = self.shape
        names = tuple(f"{unit}@{token}" for unit in range(units) for token in range(tokens))
        return {each.layer: names for each in self.outputs if each.pool == "flatten"}

    def _pooled(self, values, pool, counts):
        if pool == "none":
            return values
        values = values.swapaxes(2, self.channel_axis)
        if pool == "flatten":
            return values.swapaxes(1, 2).reshape(len(values), -1)
        if self.channel_axis == 1:
            counts = np.ones(values.shape[:2], bool)
        if pool == "mean":
            return values.mean(1, where=counts[..., None])
        if pool == "max":
            return values.max(1, where=counts[..., None], initial=-np.inf)
        last = counts.shape[1] - 1 - counts[:, ::-1].argmax(1)
        return values[np.arange(len(values)), counts.argmax(1) if pool == "first" else last]

    def close(self):
        self.model = None
