"""ONNX models as the backend contract wants them."""

import functools
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from invert_core.backend import (
    Backend,
    Finding,
    Layer,
    Model,
    ModelInput,
    Output,
    shown_shape,
)
from invert_core.backend_checks import check_settings
from invert_core.backends.onnx import storage
from invert_core.backends.onnx.extractor import OnnxExtractor
from invert_core.backends.onnx.graph import dependent, prune, true_inputs
from invert_core.backends.onnx.names import Names
from invert_core.backends.onnx.pooling import append_pooling, choose, why_not
from invert_core.backends.onnx.session import describe, open_session
from invert_core.backends.onnx.shapes import (
    UNKNOWN,
    BatchAxis,
    TensorType,
    ask_runtime,
    infer_types,
    type_of,
)
from invert_core.errors import ModelError, SettingError

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
        """Versions, devices and faults of the installation; see `Backend.check`."""
        return describe()


class OnnxModel(Model):
    """An ONNX model file; see `Model`.

    Parameters
    ----------
    path : Path
        The file. Weights that it keeps in other files have to lie in its folder.
    """

    def __init__(self, path: Path):
        self._proto, self._digest = storage.read_model(path)
        self._folder = path.parent
        self._external = storage.external_files(self._proto, self._folder)
        self.versions = {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__}
        self.inputs = tuple(_model_input(value) for value in true_inputs(self._proto.graph))

    @functools.cached_property
    def fingerprint(self) -> str:  # type: ignore[override]
        """SHA-256 of the model file and its external data."""
        return storage.fingerprint(self._digest, self._external)

    def layers(self) -> list[Layer]:
        """All tensors that nodes of the main graph make, in its order; see `Model.layers`."""
        names = self._names
        types = self._types(names.producers)
        modules = names.module_of()
        return [
            self._layer(name, node.op_type, modules.get(name, ""), types[name])
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

        Only what these layers need is loaded. `mean` and `max` leave a layer of rank 2 as it is
        and are then reported as "none". A model with a fixed batch size runs as often as needed.
        """
        check_settings(layers, pool, device, batch_size)
        tensors = self._resolve(layers)
        types = self._types(tensors.values())
        part = prune(self._proto, set(tensors.values()))
        read = true_inputs(part.graph)
        for value in read:
            if not type_of(value).dims:
                raise ModelError(
                    f"The input {value.name!r} has no axis for the batch.",
                    "Export the model with this input as a constant.",
                )
        names: dict[str, str] = {}
        outputs = []
        for layer, tensor in tensors.items():
            kind = types[tensor]
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
            names[layer] = append_pooling(part, tensor, kind.elem, pooling)
            outputs.append(Output(layer, pooling.kind))
        size = BatchAxis.of(part.graph).size or batch_size
        if size > _LARGEST_BATCH:
            raise ModelError(
                f"The model runs {size:,} samples at once, more than {_LARGEST_BATCH:,}.",
                "Export it with a smaller batch, or with one of any size, and check --batch-size.",
            )
        runtime, device = open_session(part, self._folder, device)
        return OnnxExtractor(
            runtime,
            inputs=self.inputs,
            read=tuple(value.name for value in read),
            names=names,
            outputs=tuple(outputs),
            device=device,
            most=batch_size,
            size=size,
        )

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

    def _layer(self, name: str, op: str, module: str, kind: TensorType) -> Layer:
        if kind.dims is None or self._why_not(name, kind):
            return Layer(name, module, op, kind.shape, None, "")
        pooling = choose(name, kind, "auto", None)
        units = kind.dims[pooling.channel_axis]
        return Layer(
            name, module, op, kind.shape, units if isinstance(units, int) else None, pooling.kind
        )

    def _why_not(self, tensor: str, kind: TensorType) -> str:
        if tensor not in self._dependent:
            return "does not depend on the input"
        return why_not(kind, self._batch)

    def _resolve(self, layers: Sequence[str]) -> dict[str, str]:
        tensors: dict[str, str] = {}
        for layer in layers:
            tensor = self._names.resolve(layer, self._proto.graph)
            for other, taken in tensors.items():
                if taken == tensor:
                    raise SettingError(
                        f"The layers {other!r} and {layer!r} are the same.", "Name it once."
                    )
            self._tell(layer, tensor)
            tensors[layer] = tensor
        return tensors

    def _tell(self, layer: str, tensor: str) -> None:
        outputs = self._names.modules.get(layer, [tensor])
        if tensor == layer and outputs[-1] != tensor:
            _log.warning(
                "%r names a tensor and a module. The tensor is taken; the module's output is the "
                "tensor %r.",
                layer,
                outputs[-1],
            )
        elif len(outputs) > 1:
            _log.warning(
                "Module %r runs %d times. Its last output is taken, the tensor %r; before that "
                "come %s.",
                layer,
                len(outputs),
                tensor,
                ", ".join(map(repr, outputs[:-1])),
            )
        elif tensor != layer:
            op = self._names.producers[tensor].op_type
            _log.debug("Module %r: its output is the tensor %r (%s).", layer, tensor, op)


def _model_input(value: onnx.ValueInfoProto) -> ModelInput:
    kind = type_of(value)
    if not kind.elem:
        raise ModelError(
            f"The input {value.name!r} is not a tensor.", "Only models that take tensors can run."
        )
    if kind.shape is None:
        raise ModelError(
            f"The model does not say how many axes its input {value.name!r} has.",
            "Add the shape with `onnx.tools.update_model_dims`.",
        )
    if any(size is not None and size < 0 for size in kind.shape):
        raise ModelError(
            f"The input {value.name!r} has the shape {shown_shape(kind.shape)}.",
            "Name the axes that may have any length with `onnx.tools.update_model_dims`.",
        )
    dtype = (
        np.str_
        if kind.elem == onnx.TensorProto.STRING
        else onnx.helper.tensor_dtype_to_np_dtype(kind.elem)
    )
    return ModelInput(value.name, kind.shape, np.dtype(dtype))
