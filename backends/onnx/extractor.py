"""Runs batches through a model that was opened for some of its layers."""

from collections.abc import Mapping

import numpy as np
import onnxruntime

from invert_core.backend import Extractor, ModelInput, Output
from invert_core.backend_checks import check_batch
from invert_core.backends.onnx.session import RUNTIME_ERRORS, runtime_error
from invert_core.errors import DataError, ModelError


class OnnxExtractor(Extractor):
    """A loaded ONNX graph; see `Extractor`.

    Parameters
    ----------
    runtime : onnxruntime.InferenceSession
    inputs : tuple of ModelInput
        All inputs of the model.
    read : tuple of str
        Names of the inputs that the layers need; the others may be left out of a batch.
    names : dict of str to str
        From the layers, as they were asked for, to the outputs of the graph.
    outputs : tuple of Output
    device : {"cpu", "cuda"}
    most : int
        The most samples that one call of `run` may bring.
    size : int
        The number of samples that the graph is run with, always; a short batch is padded.
    """

    def __init__(
        self,
        runtime: onnxruntime.InferenceSession,
        *,
        inputs: tuple[ModelInput, ...],
        read: tuple[str, ...],
        names: dict[str, str],
        outputs: tuple[Output, ...],
        device: str,
        most: int,
        size: int,
    ):
        self._runtime: onnxruntime.InferenceSession | None = runtime
        self._inputs = inputs
        self._read = read
        self._names = names
        self.outputs = outputs
        self.device = device
        self._most = most
        self._size = size

    def run(self, batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Activations of one batch; see `Extractor.run`."""
        if self._runtime is None:
            raise ModelError("The model was closed.", "Open another extractor.")
        count = check_batch(batch, self._inputs, self._read, self._most)
        parts: list[list[np.ndarray]] = []
        for start in range(0, count, self._size):
            feeds = {
                name: _padded(batch[name][start : start + self._size], self._size)
                for name in self._read
            }
            try:
                results = self._runtime.run(list(self._names.values()), feeds)
            except RUNTIME_ERRORS as error:
                raise runtime_error(
                    error, "Try a smaller --batch-size, or inputs of another size."
                ) from error
            for layer, values in zip(self._names, results, strict=True):
                self._check_result(layer, values)
            parts.append(list(map(_as_float32, self._names, results)))
        return {
            layer: np.concatenate(columns)[:count]
            for layer, columns in zip(self._names, zip(*parts, strict=True), strict=True)
        }

    def close(self) -> None:
        """Free the model."""
        self._runtime = None

    def _check_result(self, layer: str, values: np.ndarray) -> None:
        if values.ndim != 2:
            raise ModelError(
                f"After pooling the layer {layer!r} has shape {values.shape}, not samples x units.",
                "Choose another --pool for it.",
            )
        if len(values) != self._size:
            raise ModelError(
                f"The first axis of the layer {layer!r} is not the batch: it is {len(values)} for "
                f"{self._size} samples.",
                "Choose another layer; if the model was exported for single samples, "
                "say --batch-size 1.",
            )


def _padded(array: np.ndarray, size: int) -> np.ndarray:
    # The last sample again, not zeros: a model may fail on inputs it was not made for.
    short = size - len(array)
    if not short:
        return np.ascontiguousarray(array)
    return np.concatenate([array, np.repeat(array[-1:], short, axis=0)])


def _as_float32(layer: str, values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32, copy=False)
    if narrow is not values:
        too_large = np.argwhere(np.isinf(narrow) & np.isfinite(values))
        if too_large.size:
            sample, unit = too_large[0]
            raise DataError(
                f"The layer {layer!r} gives {values[sample, unit]:g} for unit {unit}, too large "
                "for float32.",
                "Leave this layer or this sample out.",
            )
    return narrow
