"""A backend as another package would bring it: a two-layer network in NumPy, stored as .npz."""

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from invert_core.errors import (
    MissingDependencyError,
    MissingFileError,
    ModelError,
    UnknownNameError,
)
from invert_core.models.axes import Axes
from invert_core.models.backend import (
    MASK,
    Backend,
    Extractor,
    Finding,
    Layer,
    Model,
    ModelInput,
    Option,
    Output,
    Reading,
)
from invert_core.models.backend_checks import check_batch, check_mask, check_readings
from invert_core.models.pooling import Flattened, choose_pooling, leave_padding_out, read_as
from invert_core.wording import nearest

AXES = {"hidden": Axes(0, 2, "units of the first layer"), "logits": Axes(0, 1, "classes")}
SHAPES = {"hidden": (None, None, None), "logits": (None, None)}
CURVES = {"tanh": np.tanh, "relu": lambda x: np.maximum(x, 0)}


class NumpyBackend(Backend):
    suffixes = (".npz",)
    options = (
        Option("scale", "Factor on the weights of the first layer.", float),
        Option("curve", "What follows the first layer. [default: tanh]", tuple(CURVES)),
        Option("negated", "Change the sign of these weights.", bool),
    )

    @classmethod
    def open(cls, target, scale=1.0, curve="tanh", negated=False):
        path = Path(target)
        if not path.exists():
            raise MissingFileError(f"There is no model {target!r}.", "Check the path.")
        try:
            with np.load(path, allow_pickle=False) as weights:
                first, second = weights["first"], weights["second"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ModelError(f"{target!r} is no model.", "Give another.") from error
        settings = {"scale": -scale if negated else scale, "curve": curve}
        return NumpyModel(first, second, hashlib.sha256(path.read_bytes()).hexdigest(), settings)

    @classmethod
    def check(cls):
        return [Finding("NumPy", "ok", np.__version__)]


class NumpyModel(Model):
    def __init__(self, first, second, fingerprint, settings, masked=False):
        self.first, self.second = first, second
        self.fingerprint, self.settings = fingerprint, settings
        self.masked = masked
        self.inputs = (ModelInput("x", (None, None, len(first)), np.dtype(np.float32)),)
        if masked:
            self.inputs += (ModelInput(MASK, (None, None), np.dtype(np.int64)),)

    def settled(self, example):
        return NumpyModel(
            self.first, self.second, self.fingerprint, self.settings, masked=MASK in example
        )

    def layers(self):
        units = self.first.shape[1], self.second.shape[1]
        listed = [
            Layer("hidden", "", self.settings["curve"], (None, None, units[0]), None, ""),
            Layer("logits", "", "matmul", (None, units[1]), None, ""),
        ]
        return [read_as(replace(each, axes=AXES[each.name]), Reading(each.name)) for each in listed]

    def open_layers(self, readings, *, device="auto", batch_size=32, raw=()):
        check_readings(readings, device, batch_size)
        if device == "cuda":
            raise MissingDependencyError("NumPy has no CUDA.", "Use --device cpu.")
        poolings, outputs = {}, []
        for reading in readings:
            layer = reading.layer
            if layer not in AXES:
                raise UnknownNameError(f"There is no layer {layer!r}.", nearest(layer, AXES))
            pooling, axes = choose_pooling(reading, SHAPES[layer], AXES[layer])
            tokens = (1,) if self.masked and layer == "hidden" else ()
            poolings[layer] = leave_padding_out(layer, pooling, tokens)
            outputs.append(Output(layer, pooling.kind, axes))
        return NumpyExtractor(self, poolings, outputs, batch_size, raw)


class NumpyExtractor(Extractor):
    device = "cpu"

    def __init__(self, model, poolings, outputs, batch_size, raw):
        self.wanted, self.seen = raw, {}
        self.model, self.poolings, self.batch_size = model, poolings, batch_size
        self.outputs = tuple(outputs)
        flat = {layer: each for layer, each in poolings.items() if each.kind == "flatten"}
        self.flattened = {layer: Flattened(layer, each) for layer, each in flat.items()}

    def run(self, batch):
        needed = [each.name for each in self.model.inputs]
        check_batch(batch, self.model.inputs, needed, self.batch_size)
        counts = np.ones(batch["x"].shape[:2], bool)
        if self.model.masked:
            check_mask(batch[MASK])
            counts = batch[MASK] == 1
        scale, curve = np.float32(self.model.settings["scale"]), self.model.settings["curve"]
        hidden = CURVES[curve](batch["x"] @ self.model.first * scale)
        for flattened in self.flattened.values():
            flattened.note(hidden.shape[1:])
        values = {"hidden": hidden, "logits": hidden.mean(1) @ self.model.second}
        self.seen = {name: values[name] for name in self.wanted}
        return {
            layer: self._pooled(values[layer], each, counts)
            for layer, each in self.poolings.items()
        }

    def raw(self):
        return self.seen

    def unit_names(self):
        return {layer: each.names() for layer, each in self.flattened.items() if each.shape}

    def _pooled(self, values, pooling, counts):
        if pooling.kind == "none":
            return values
        values = np.moveaxis(values, pooling.channel_axis, 2)
        if pooling.kind == "flatten":
            return values.swapaxes(1, 2).reshape(len(values), -1)
        if not pooling.token_axes:
            counts = np.ones(values.shape[:2], bool)
        if pooling.kind == "mean":
            return values.mean(1, where=counts[..., None])
        if pooling.kind == "max":
            return values.max(1, where=counts[..., None], initial=-np.inf)
        last = counts.shape[1] - 1 - counts[:, ::-1].argmax(1)
        return values[np.arange(len(values)), counts.argmax(1) if pooling.kind == "first" else last]

    def close(self):
        self.model = None
