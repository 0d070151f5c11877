"""Runs batches through an ONNX model that was opened for some of its layers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import onnxruntime

from invert_core.backends.onnx.graph import Unsteady
from invert_core.backends.onnx.pooling import Pooled
from invert_core.backends.onnx.session import RUNTIME_ERRORS, run_session, runtime_error
from invert_core.errors import ModelError
from invert_core.models.backend import MASK, Extractor, ModelInput, Output
from invert_core.models.backend_checks import as_float32, check_batch, check_mask
from invert_core.models.pooling import Flattened, Pooling


@dataclass(frozen=True)
class Feeding:
    """How batches are fed to a graph.

    Parameters
    ----------
    inputs : tuple of ModelInput
        All inputs of the model.
    read : tuple of str
        Names of the inputs that the layers need; a batch may leave out the others.
    masked : bool
        Whether the input `MASK`, if a batch has it, says what is padding.
    most : int
        The most samples that a batch may have.
    size : int
        The number of samples in every run of the graph; shorter batches are padded to it.
    """

    inputs: tuple[ModelInput, ...]
    read: tuple[str, ...]
    masked: bool
    most: int
    size: int

    def count(self, batch: Mapping[str, np.ndarray]) -> int:
        """Check a batch, and return its number of samples."""
        count = check_batch(batch, self.inputs, self.read, self.most)
        if self.masked and MASK in batch:
            check_mask(batch[MASK])
        return count

    def parts(self, batch: Mapping[str, np.ndarray], count: int) -> Iterator[dict[str, np.ndarray]]:
        """Yield the inputs that the graph reads, for `size` samples at a time."""
        axes = {each.name: each.batch_axis for each in self.inputs}
        for start in range(0, count, self.size):
            yield {name: _padded(batch[name], axes[name], start, self.size) for name in self.read}


class OnnxExtractor(Extractor):
    """A loaded ONNX graph; see `Extractor`.

    Parameters
    ----------
    runtime : onnxruntime.InferenceSession
        The session that runs the graph.
    feeding : Feeding
        How batches are fed to the graph.
    pooled : dict of str to Pooled
        Outputs of the graph by layer, under the names that the layers were asked for.
    raw : dict of str to str
        Tensors that are returned as they are, by the names that they were asked for.
    device : {"cpu", "cuda"}
        Where the session runs.
    unsteady : Unsteady
        Operators of the graph whose results depend on more than the sample.
    """

    def __init__(
        self,
        runtime: onnxruntime.InferenceSession,
        feeding: Feeding,
        pooled: dict[str, Pooled],
        raw: dict[str, str],
        device: str,
        unsteady: Unsteady,
    ):
        self._runtime: onnxruntime.InferenceSession | None = runtime
        self._feeding = feeding
        self._pooled = pooled
        self._raw = raw
        self._last_raw: dict[str, np.ndarray] = {}
        self._flattened = {
            layer: Flattened(layer, each.pooling)
            for layer, each in pooled.items()
            if each.pooling.kind == "flatten"
        }
        self.outputs = tuple(
            Output(layer, each.pooling.kind, each.axes) for layer, each in pooled.items()
        )
        self.device = device
        self.varying, self.mixing = unsteady.varying, unsteady.mixing

    def run(self, batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the activations of one batch; see `Extractor.run`."""
        if self._runtime is None:
            raise ModelError("The model was closed.", "Open another extractor.")
        count = self._feeding.count(batch)
        parts = [
            self._run_padded(self._runtime, feeds) for feeds in self._feeding.parts(batch, count)
        ]
        if self._raw and len(parts) > 1:
            raise ModelError(
                f"The model runs {self._feeding.size} samples at once, fewer than the batch has.",
                f"Say --batch-size {self._feeding.size}.",
            )
        return {
            layer: np.concatenate([part[layer] for part in parts])[:count] for layer in self._pooled
        }

    def raw(self) -> dict[str, np.ndarray]:
        """Return the raw tensors of the last run; see `Extractor.raw`."""
        return self._last_raw

    def unit_names(self) -> dict[str, tuple[str, ...]]:
        """Return the unit names of flattened layers; see `Extractor.unit_names`."""
        return {layer: each.names() for layer, each in self._flattened.items() if each.shape}

    def close(self) -> None:
        """Free the model."""
        self._runtime = None

    def _run_padded(
        self, runtime: onnxruntime.InferenceSession, feeds: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        wanted = [name for each in self._pooled.values() for name in (each.values, each.shape)]
        names = [name for name in (*wanted, *self._raw.values()) if name]
        try:
            results = dict(zip(names, run_session(runtime, names, feeds), strict=True))
        except RUNTIME_ERRORS as error:
            tokens = any(each.pooling.token_axes for each in self._pooled.values())
            other = ", or a layer with the same tokens as the mask" if tokens else ""
            raise runtime_error(
                error, f"Try a smaller --batch-size, or inputs of another size{other}."
            ) from error
        for layer, each in self._pooled.items():
            self._check_result(layer, results[each.values])
            if each.shape:
                self._check_shape(layer, each.pooling, results[each.shape], feeds)
        self._last_raw = {name: results[tensor] for name, tensor in self._raw.items()}
        return {
            layer: as_float32(layer, results[each.values]) for layer, each in self._pooled.items()
        }

    def _check_shape(
        self, layer: str, pooling: Pooling, shape: np.ndarray, feeds: dict[str, np.ndarray]
    ) -> None:
        if layer in self._flattened:
            self._flattened[layer].note(tuple(map(int, shape[1:])))
        for axis in pooling.token_axes:
            n_tokens = feeds[MASK].shape[1]
            if shape[axis] != n_tokens:
                raise ModelError(
                    f"Axis {axis} of the layer {layer!r} has the length {shape[axis]}, but the "
                    f"samples have {n_tokens} tokens with padding.",
                    "Choose another layer, or say which axis counts the units, as in "
                    f"-l '{layer}:axis=2'.",
                )

    def _check_result(self, layer: str, values: np.ndarray) -> None:
        if values.ndim != 2:
            raise ModelError(
                f"After pooling the layer {layer!r} has shape {values.shape}, not samples x units.",
                "Choose another --pool for it.",
            )
        if len(values) != self._feeding.size:
            raise ModelError(
                f"Axis {self._pooled[layer].axes.batch} of the layer {layer!r} is not the batch: "
                f"it is {len(values)} for {self._feeding.size} samples.",
                f"Say which axis counts the samples, as in -l '{layer}:batch=1'; if the model was "
                "exported for single samples, say --batch-size 1.",
            )


def _padded(array: np.ndarray, axis: int | None, start: int, size: int) -> np.ndarray:
    """Return some samples of an input; the last is repeated where there are too few."""
    if axis is None:
        return np.ascontiguousarray(array).reshape(array.shape)
    if axis == 0 and start + size <= len(array):
        return np.ascontiguousarray(array[start : start + size])
    # Zeros in place of samples might make a model fail.
    samples = np.minimum(np.arange(start, start + size), array.shape[axis] - 1)
    return np.take(array, samples, axis)
