"""Opens ONNX models as the backend contract demands."""

import copy
import functools
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from invert_core.backends.onnx import storage
from invert_core.backends.onnx.extractor import Feeding, OnnxExtractor
from invert_core.backends.onnx.graph import Unsteady, dependent, prune, true_inputs
from invert_core.backends.onnx.inputs import model_input, model_inputs
from invert_core.backends.onnx.names import Names
from invert_core.backends.onnx.parameters import Weights
from invert_core.backends.onnx.pooling import Pooled, append_pooling, choose, why_not
from invert_core.backends.onnx.session import describe, open_session
from invert_core.backends.onnx.shapes import (
    UNKNOWN,
    BatchAxis,
    TensorType,
    ask_runtime,
    infer_types,
    type_of,
)
from invert_core.backends.onnx.tokens import Tokens, axes_that_follow
from invert_core.errors import ModelError
from invert_core.models.backend import MASK, Backend, Finding, Layer, Model, shown_shape
from invert_core.models.backend_checks import check_settings
from invert_core.models.pooling import Pooling, leave_padding_out
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
        self.versions = {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__}
        self.inputs = model_inputs(self._proto.graph)
        self._tokens = Tokens.of(self._proto.graph)

    @functools.cached_property
    def fingerprint(self) -> str:  # type: ignore[override]
        """SHA-256 of the model file and its external data."""
        return storage.fingerprint(self._digest, self._external)

    def settled(self, example: Mapping[str, np.ndarray]) -> "OnnxModel":
        """Return the same model with a mask, if the example has one; see `Model.settled`."""
        if MASK not in example or any(each.name == MASK for each in self.inputs):
            return self
        settled = copy.copy(self)
        settled._tokens = Tokens.beside(self._proto.graph)
        settled.inputs = (*self.inputs, model_input(settled._tokens.mask))
        return settled

    def layers(self) -> list[Layer]:
        """Return all outputs of nodes in the main graph, in its order; see `Model.layers`."""
        names = self._names
        types = self._types(names.producers)
        modules = names.module_of()
        weights = Weights(self._proto.graph)
        return [
            self._layer(name, node, modules.get(name, ""), types[name], weights.read_by(node))
            for name, node in names.producers.items()
        ]

    def extractor(
        self,
        layers: Sequence[str],
        *,
        pool: str = "auto",
        channel_axis: int | None = None,
        device: str = "auto",
        batch_size: int = 32,
    ) -> OnnxExtractor:
        """Open the model for some of its layers; see `Model.extractor`.

        Only the part of the model that these layers need is loaded. `mean`, `max` and `flatten`
        do not change a layer of rank 2 and are then reported as "none". A model with a fixed
        batch size runs as often as needed.
        """
        check_settings(layers, pool, device, batch_size)
        tensors = self._names.resolve_all(layers, self._proto.graph)
        part = prune(self._proto, set(tensors.values()))
        unsteady = Unsteady.of(part)
        pooled = self._append_pooling(part, tensors, pool, channel_axis)
        self._tell_padding(pooled)
        feeding = Feeding(
            inputs=self.inputs,
            read=_read_inputs(part.graph),
            masked=self._tokens is not None,
            most=batch_size,
            size=_samples_at_once(part.graph, batch_size),
        )
        runtime, device = open_session(part, self._folder, device)
        return OnnxExtractor(runtime, feeding, pooled, device, unsteady)

    def _append_pooling(
        self,
        part: onnx.ModelProto,
        tensors: Mapping[str, str],
        pool: str,
        channel_axis: int | None,
    ) -> dict[str, Pooled]:
        """Pool the tensors of the layers in the graph `part`, which is changed in place."""
        types = self._types(tensors.values())
        following = self._axes_that_follow(types)
        mask = self._tokens.mask if self._tokens else None
        pooled: dict[str, Pooled] = {}
        for layer, tensor in tensors.items():
            kind = types[tensor]
            pooling = self._choose(layer, tensor, kind, pool, channel_axis)
            if self._tokens is not None and (pooling.kind != "none" or kind.dims):
                axes = self._tokens.axes(
                    layer, tensor, kind, pooling.channel_axis, following.get(tensor)
                )
                pooling = leave_padding_out(layer, pooling, axes)
            pooled[layer] = append_pooling(part, tensor, kind.elem, pooling, mask)
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

    @functools.cached_property
    def _dependent(self) -> set[str]:
        return dependent(self._proto.graph)

    @functools.cached_property
    def _inferred(self) -> dict[str, TensorType]:
        return infer_types(self._proto)

    @functools.cached_property
    def _batch(self) -> BatchAxis:
        return BatchAxis.of(self._proto.graph)

    def _types(self, tensors: Iterable[str]) -> dict[str, TensorType]:
        types = {name: self._inferred.get(name, UNKNOWN) for name in tensors}
        open_questions = [
            name for name, kind in types.items() if kind.dims is None and name in self._dependent
        ]
        if open_questions:
            types.update(ask_runtime(self._proto, self._folder, open_questions))
        return types

    def _axes_that_follow(self, types: dict[str, TensorType]) -> dict[str, frozenset[int]]:
        """Find the axes that change with the number of tokens, if the types do not tell."""
        if self._tokens is None:
            return {}
        names = [name for name, kind in types.items() if self._tokens.uncertain(name, kind)]
        if not names:
            return {}
        return axes_that_follow(self._proto, self._folder, names, self._tokens.lengths)

    def _choose(
        self, layer: str, tensor: str, kind: TensorType, pool: str, channel_axis: int | None
    ) -> Pooling:
        problem = self._why_not(tensor, kind)
        if problem:
            raise ModelError(
                f"The layer {layer!r} {problem}.", "`invert layers` lists what can be read."
            )
        pooling = choose(layer, kind, pool, channel_axis)
        if pool == "auto" and pooling.kind != "none":
            _log.info(
                "Layer %r has shape %s: pool %r, units on axis %d.",
                layer,
                shown_shape(kind.shape),
                pooling.kind,
                pooling.channel_axis,
            )
        return pooling

    def _layer(
        self, name: str, node: onnx.NodeProto, module: str, kind: TensorType, n_parameters: int
    ) -> Layer:
        pool, n_units = "", None
        if kind.dims is not None and not self._why_not(name, kind):
            pooling = choose(name, kind, "auto", None)
            units = kind.dims[pooling.channel_axis]
            if self._tokens is None or not self._tokens.are(name, units):
                pool, n_units = pooling.kind, units if isinstance(units, int) else None
        return Layer(name, module, node.op_type, kind.shape, n_units, pool, n_parameters)

    def _why_not(self, tensor: str, kind: TensorType) -> str:
        if tensor not in self._dependent:
            return "does not depend on the input"
        return why_not(kind, self._batch)


def _read_inputs(graph: onnx.GraphProto) -> tuple[str, ...]:
    """Return the inputs of a pruned graph; each must have an axis for the batch."""
    read = true_inputs(graph)
    for value in read:
        if not type_of(value).dims:
            raise ModelError(
                f"The input {value.name!r} has no axis for the batch.",
                "Export the model with this input as a constant.",
            )
    return tuple(value.name for value in read)


def _samples_at_once(graph: onnx.GraphProto, batch_size: int) -> int:
    """Return the batch size of a graph if it is fixed, or else the requested one."""
    size = BatchAxis.of(graph).size or batch_size
    if size > _LARGEST_BATCH:
        raise ModelError(
            f"The model runs {size:,} samples at once, more than {_LARGEST_BATCH:,}.",
            "Export it with a smaller or variable batch size, and check --batch-size.",
        )
    return size
