"""Opens ONNX models as the backend contract demands."""

import copy
import functools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from invert_core.backends.onnx import storage
from invert_core.backends.onnx.branches import with_branches
from invert_core.backends.onnx.extractor import Feeding, OnnxExtractor
from invert_core.backends.onnx.graph import Unsteady, prune, true_inputs
from invert_core.backends.onnx.inputs import model_input, model_inputs
from invert_core.backends.onnx.metadata import metadata
from invert_core.backends.onnx.names import Names
from invert_core.backends.onnx.parameters import Weights
from invert_core.backends.onnx.pooling import (
    Pooled,
    append_pooling,
    assumed_rank,
    free_prefix,
    why_not,
)
from invert_core.backends.onnx.session import describe, open_session
from invert_core.backends.onnx.shapes import BatchAxis, TensorType
from invert_core.backends.onnx.survey import Survey
from invert_core.backends.onnx.tokens import Tokens
from invert_core.errors import ModelError
from invert_core.files.unchanged import Watched
from invert_core.models.axes import Axes
from invert_core.models.backend import MASK, Backend, Finding, Layer, Model, ModelInput, Reading
from invert_core.models.backend_checks import check_readings
from invert_core.models.pooling import (
    Pooling,
    choose_pooling,
    leave_padding_out,
    read_as,
    tell_reading,
)
from invert_core.wording import first_few

_log = logging.getLogger("invert")

_LARGEST_BATCH = 2**20


class OnnxBackend(Backend):
    """Opens `.onnx` files."""

    suffixes = (".onnx",)

    @classmethod
    def open(cls, target: str, **_options: Any) -> "OnnxModel":
        """Open the model file `target`; see `Backend.open`."""
        return OnnxModel(Path(target))

    @classmethod
    def check(cls) -> list[Finding]:
        """Report versions, devices and faults of the installation; see `Backend.check`."""
        return describe()


class OnnxModel(Model):
    """An ONNX model file; see `Model`.

    Parameters
    ----------
    path : Path
        The model file. Weights in other files must be in its folder.
    """

    def __init__(self, path: Path):
        self._proto, self._digest = storage.read_model(path)
        self._folder = path.parent
        self._external = storage.external_files(self._proto, self._folder)
        self._watched = Watched(*self._external.values())
        self.versions = {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__}
        self._arrange(model_inputs(self._proto.graph))
        self._tokens = Tokens.of(self._proto.graph)

    def _arrange(
        self, inputs: Sequence[ModelInput], example: Mapping[str, np.ndarray] | None = None
    ) -> None:
        self.inputs = tuple(inputs)
        self._batch = BatchAxis.of(self._proto.graph, self.inputs)
        values = {each.name: each.value for each in inputs if each.value is not None}
        self._survey = Survey(self._proto, self._folder, self.inputs, {**(example or {}), **values})

    @functools.cached_property
    def fingerprint(self) -> str:  # type: ignore[override]
        """SHA-256 of the model file and its external data."""
        return storage.fingerprint(self._digest, self._external)

    def check_unchanged(self) -> None:
        """Refuse external data that have changed; see `Model.check_unchanged`."""
        self._watched.check()

    def settled(self, example: Mapping[str, np.ndarray]) -> "OnnxModel":
        """Return the same model with a mask, if the example has one; see `Model.settled`."""
        settled = copy.copy(self)
        inputs = self.inputs
        if MASK in example and all(each.name != MASK for each in inputs):
            settled._tokens = Tokens.beside(self._proto.graph)
            inputs = (*inputs, model_input(settled._tokens.mask))
        settled._arrange(inputs, example)
        return settled

    def arranged(self, inputs: Sequence[ModelInput]) -> "OnnxModel":
        """Return the same model with other axes of its inputs; see `Model.arranged`."""
        arranged = copy.copy(self)
        constants = {each.name: each.value for each in inputs if each.value is not None}
        arranged._proto = with_branches(self._proto, self._folder, constants)
        arranged._names = Names.of(arranged._proto.graph)
        arranged._arrange(inputs, self._survey.example)
        return arranged

    def metadata(self) -> dict[str, str]:
        """Return what the file says about itself; see `Model.metadata`."""
        return metadata(self._proto)

    def names(self) -> dict[str, str]:
        """Return the module path of every layer by its name; see `Model.names`."""
        modules = self._names.module_of()
        return {name: modules.get(name, "") for name in self._names.producers}

    def layers(self) -> list[Layer]:
        """Return all outputs of nodes in the main graph, in its order; see `Model.layers`."""
        names = self._names
        self._survey.learn(names.producers)
        modules = names.module_of()
        weights = Weights(self._proto.graph)
        return [
            self._layer(name, node, modules.get(name, ""), weights.read_by(node))
            for name, node in names.producers.items()
        ]

    def open_layers(
        self,
        readings: Sequence[Reading],
        *,
        device: str = "auto",
        batch_size: int = 32,
        raw: Sequence[str] = (),
    ) -> OnnxExtractor:
        """Open the model for some of its layers; see `Model.open_layers`.

        Only the part of the model that these layers need is loaded. `mean`, `max` and `flatten`
        do not change a layer of rank 2 and are then reported as "none". A model with a fixed
        batch size runs as often as needed.
        """
        check_readings(readings, device, batch_size)
        tensors = self._names.resolve_all([each.layer for each in readings], self._proto.graph)
        as_they_are = {name: self._names.resolve(name, self._proto.graph) for name in raw}
        part = prune(self._proto, {*tensors.values(), *as_they_are.values()})
        unsteady = Unsteady.of(part)
        pooled = self._append_pooling(part, tensors, readings)
        self._tell_padding(pooled)
        part.graph.output.extend(onnx.ValueInfoProto(name=each) for each in as_they_are.values())
        size = BatchAxis.of(part.graph, self.inputs).size
        feeding = Feeding(
            inputs=self.inputs,
            read=tuple(value.name for value in true_inputs(part.graph)),
            masked=self._tokens is not None,
            most=batch_size,
            size=_samples_at_once(size, batch_size),
        )
        runtime, device = open_session(part, self._folder, device)
        return OnnxExtractor(runtime, feeding, pooled, as_they_are, device, unsteady)

    def _append_pooling(
        self, part: onnx.ModelProto, tensors: Mapping[str, str], readings: Sequence[Reading]
    ) -> dict[str, Pooled]:
        """Pool the tensors of the layers in the graph `part`, which is changed in place."""
        # Only numbers can contradict an axis of samples that was asked for.
        asked = {tensors[each.layer] for each in readings if each.batch_axis is not None}
        self._survey.learn(tensors.values(), asked)
        types = {tensor: self._survey.type_of(tensor) for tensor in tensors.values()}
        mask = self._tokens.mask if self._tokens else None
        prefix = free_prefix(part.graph)
        pooled: dict[str, Pooled] = {}
        for reading in readings:
            layer, tensor = reading.layer, tensors[reading.layer]
            kind = types[tensor]
            pooling, axes = self._choose(reading, tensor, kind)
            if self._tokens is not None and (pooling.kind != "none" or kind.dims):
                moved = _samples_first(kind, pooling)
                seen = self._seen_tokens(self._tokens, tensor, moved, pooling.order)
                token_axes = self._tokens.axes(layer, tensor, moved, pooling.channel_axis, seen)
                pooling = leave_padding_out(layer, pooling, token_axes)
            pooled[layer] = append_pooling(part, tensor, kind.elem, pooling, axes, prefix, mask)
        return pooled

    def _tell_padding(self, pooled: Mapping[str, Pooled]) -> None:
        masked = [layer for layer, each in pooled.items() if each.pooling.token_axes]
        if masked:
            _log.info("Padding according to %r does not count in %s.", MASK, first_few(masked))
        if self._tokens is None and any(each.name == MASK for each in self.inputs):
            _log.warning("The input %r is not [samples, tokens], so padding counts.", MASK)

    @functools.cached_property
    def _names(self) -> Names:
        return Names.of(self._proto.graph)

    def _seen_tokens(
        self, tokens: Tokens, tensor: str, kind: TensorType, order: Sequence[int]
    ) -> list[int] | None:
        """Return the axes, in this order, that change with the tokens, if only a trial tells."""
        if not tokens.vary_alone(self._proto.graph) or not tokens.uncertain(tensor, kind):
            return None
        axes = self._survey.seen_to_vary(tensor)
        return None if axes is None else [order.index(axis) for axis in axes]

    def _choose(self, reading: Reading, tensor: str, kind: TensorType) -> tuple[Pooling, Axes]:
        found = self._axes_of(tensor, kind)
        problem = self._why_not(reading, tensor, kind)
        if problem:
            raise ModelError(
                f"The layer {reading.layer!r} {problem}.", "`invert layers` lists what can be read."
            )
        shape = kind.shape
        if shape is None:
            shape = (None,) * assumed_rank(reading)
            if reading.channel_axis is None:
                reason = "the last axis, because the rank is unknown"
                found = Axes(0, len(shape) - 1, reason, certain=False)
        pooling, axes = choose_pooling(reading, shape, found)
        tell_reading(reading, kind.shape, pooling, axes)
        return pooling, axes

    def _layer(self, name: str, node: onnx.NodeProto, module: str, n_parameters: int) -> Layer:
        kind = self._survey.type_of(name)
        axes = self._axes_of(name, kind)
        problem = self._why_not(Reading(name), name, kind)
        if kind.dims is None and not problem:
            problem = "has an unknown number of axes"
        layer = Layer(name, module, node.op_type, kind.shape, None, "", n_parameters, axes, problem)
        try:
            read = read_as(layer, Reading(name))
        except ModelError:
            return layer
        units = None if kind.dims is None or axes.channel is None else kind.dims[axes.channel]
        if self._tokens is not None and self._tokens.are(name, units):
            return replace(layer, axes=Axes(axes.batch, None, f"axis {axes.channel} counts tokens"))
        return read

    def _axes_of(self, tensor: str, kind: TensorType) -> Axes:
        found = self._survey.axes_of(tensor)
        return found if self._tokens is None else self._tokens.units_beside(tensor, kind, found)

    def _why_not(self, reading: Reading, tensor: str, kind: TensorType) -> str:
        if tensor not in self._survey.dependent:
            return "does not depend on the input"
        axes = self._survey.axes_of(tensor)
        if reading.batch_axis is not None:
            axes = replace(axes, batch=reading.batch_axis)
        return why_not(kind, axes, self._batch)


def _samples_first(kind: TensorType, pooling: Pooling) -> TensorType:
    """Return the type of a layer after its samples were moved to the front."""
    if kind.dims is None:
        return kind
    return replace(kind, dims=tuple(kind.dims[axis] for axis in pooling.order))


def _samples_at_once(fixed: int | None, batch_size: int) -> int:
    """Return the batch size of a graph if it is fixed, or else the requested one."""
    size = fixed or batch_size
    if size > _LARGEST_BATCH:
        raise ModelError(
            f"The model runs {size:,} samples at once, more than {_LARGEST_BATCH:,}.",
            "Export it with a smaller or variable batch size, and check --batch-size.",
        )
    return size
