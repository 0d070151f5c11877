"""Runs batches through a model that was opened for some of its layers."""

from collections.abc import Mapping

import numpy as np
import onnxruntime

from invert_core.backend import Extractor, ModelInput, Output
from invert_core.backends.onnx.session import RUNTIME_ERRORS, runtime_error
from invert_core.errors import DataError, ModelError, nearest


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
        self._inputs = {value.name: value for value in inputs}
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
        count = self._check(batch)
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
            parts.append(results)
        return {
            layer: np.concatenate(columns)[:count]
            for layer, columns in zip(self._names, zip(*parts, strict=True), strict=True)
        }

    def close(self) -> None:
        """Free the model."""
        self._runtime = None

    def _check(self, batch: Mapping[str, np.ndarray]) -> int:
        for name in batch:
            if name not in self._inputs:
                raise DataError(
                    f"The model has no input {name!r}.",
                    nearest(name, self._inputs) or f"It takes {_listed(self._inputs)}.",
                )
        missing = [name for name in self._read if name not in batch]
        if missing:
            raise DataError(
                f"The input {missing[0]!r} is missing.", f"The model takes {_listed(self._inputs)}."
            )
        counts = {name: _count(self._inputs[name], array) for name, array in batch.items()}
        if len(set(counts.values())) > 1:
            raise DataError(
                f"The inputs have different numbers of samples: {counts}.",
                "Bring the same samples for every input.",
            )
        count = next(iter(counts.values()))
        if not 1 <= count <= self._most:
            raise DataError(
                f"The batch has {count} samples, and the model was opened for 1 to {self._most}.",
                "Bring smaller batches, or open the model with a larger batch size.",
            )
        return count

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


def _count(value: ModelInput, array: np.ndarray) -> int:
    if array.dtype != value.dtype:
        raise DataError(
            f"The input {value.name!r} takes {value.dtype}, and the data are {array.dtype}.",
            f"Convert them with `.astype({value.dtype.name!r})`.",
        )
    wanted = value.shape
    fits = array.ndim == len(wanted) and all(
        want is None or want == have for want, have in zip(wanted[1:], array.shape[1:], strict=True)
    )
    if not fits or not array.ndim:
        shape = ", ".join(["samples", *("any" if dim is None else str(dim) for dim in wanted[1:])])
        raise DataError(
            f"The input {value.name!r} has shape [{shape}], and the data have {array.shape}.",
            "Bring data of the shape that the model takes.",
        )
    return len(array)


def _padded(array: np.ndarray, size: int) -> np.ndarray:
    # The last sample again, not zeros: a model may fail on inputs it was not made for.
    short = size - len(array)
    if not short:
        return np.ascontiguousarray(array)
    return np.concatenate([array, np.repeat(array[-1:], short, axis=0)])


def _listed(names: Mapping[str, ModelInput]) -> str:
    return ", ".join(map(repr, names))
