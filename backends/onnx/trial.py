"""Runs a model on a few made-up samples, to see the shapes of its tensors."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto

from invert_core.backends.onnx.graph import prune, true_inputs
from invert_core.backends.onnx.session import CPU, RUNTIME_ERRORS, create_session
from invert_core.errors import ModelError
from invert_core.models.backend import MASK, ModelInput

_log = logging.getLogger("invert")

_LENGTHS = ((64, 96), (224, 256), (16, 24), (4, 6), (512, 640))
"""Pairs of lengths for axes of any length; the first pair with which the model runs is taken."""
_SAMPLES = (2, 3)

Shape = tuple[int, ...]


class Trial:
    """The shapes of tensors in some runs of a model.

    Parameters
    ----------
    usual : mapping of str to tuple of int
        The shapes in the first run.
    more_samples, longer : mapping of str to tuple of int
        The shapes in a run with more samples, and in a run with longer inputs; empty if the model
        does not run so.
    """

    def __init__(
        self,
        usual: Mapping[str, Shape],
        more_samples: Mapping[str, Shape],
        longer: Mapping[str, Shape],
    ):
        self.usual = usual
        self._more_samples = more_samples
        self._longer = longer

    def dims(self, name: str) -> tuple[int | None, ...] | None:
        """Return the lengths of the axes of a tensor, None for an axis whose length varies."""
        usual = self.usual.get(name)
        if usual is None:
            return None
        vary = {*self.batch_axes(name), *self.longer_axes(name)}
        return tuple(None if axis in vary else size for axis, size in enumerate(usual))

    def batch_axes(self, name: str) -> tuple[int, ...]:
        """Return the axes whose length follows the number of samples."""
        return _different(self.usual.get(name), self._more_samples.get(name))

    def longer_axes(self, name: str) -> tuple[int, ...]:
        """Return the axes whose length follows the lengths of the inputs."""
        return _different(self.usual.get(name), self._longer.get(name))


NO_TRIAL = Trial({}, {}, {})


def try_out(
    proto: onnx.ModelProto,
    folder: Path,
    names: Iterable[str],
    inputs: Sequence[ModelInput],
    example: Mapping[str, np.ndarray],
) -> Trial:
    """Run a model on two samples, on three, and on longer ones.

    Parameters
    ----------
    proto : onnx.ModelProto
        The model.
    folder : Path
        The folder that holds its external data.
    names : iterable of str
        The tensors in question.
    inputs : sequence of ModelInput
        The inputs of the model.
    example : mapping of str to array
        One sample, or inputs that all samples share; what is missing is made up.

    Returns
    -------
    Trial
        `NO_TRIAL` if the model does not run on such samples.
    """
    wanted = list(names)
    part = prune(proto, wanted)
    read = {value.name for value in true_inputs(part.graph)}
    given = [each for each in inputs if each.name in read]
    if any(each.dtype is None or each.shape is None or each.dtype.kind == "U" for each in given):
        return NO_TRIAL
    outputs = _add_shapes(part, wanted)
    try:
        session = create_session(part, folder, [CPU], optimize=False)
    except ModelError as error:
        _log.info("The shapes of the layers cannot be tried out. %s", error.message)
        return NO_TRIAL

    def shapes(n_samples: int, lengths: Mapping[str, np.ndarray]) -> dict[str, Shape]:
        feeds = {each.name: _repeated(each, lengths[each.name], n_samples) for each in given}
        found = session.run(list(outputs), feeds)
        return {
            outputs[name]: tuple(map(int, shape))
            for name, shape in zip(outputs, found, strict=True)
        }

    few, more = _SAMPLES
    said = ""
    for short, long in _samples(given, example):
        try:
            usual = shapes(few, short)
        except RUNTIME_ERRORS as error:
            said = str(error).split("\n")[0]
            continue
        return Trial(usual, _attempt(shapes, more, short), _attempt(shapes, few, long))
    _log.info("The model does not run on made-up samples: %s", said)
    return NO_TRIAL


def _add_shapes(part: onnx.ModelProto, names: Sequence[str]) -> dict[str, str]:
    """Make the shapes of tensors outputs of a graph; return the tensors by the names of these."""
    outputs = {f"invert/shape/{number}": name for number, name in enumerate(names)}
    for output, name in outputs.items():
        part.graph.node.append(onnx.helper.make_node("Shape", [name], [output]))
        part.graph.output.append(
            onnx.helper.make_tensor_value_info(output, TensorProto.INT64, None)
        )
    return outputs


def _samples(
    given: Sequence[ModelInput], example: Mapping[str, np.ndarray]
) -> Iterator[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]:
    """Yield samples to try, one after the other, each with a longer one."""
    for short, long in _LENGTHS:
        yield (
            {each.name: example.get(each.name, _made_up(each, short)) for each in given},
            {each.name: _longer(each, example, short, long) for each in given},
        )
        if all(each.name in example for each in given):
            return


def _made_up(wanted: ModelInput, length: int) -> np.ndarray:
    """Make one sample of zeros, or of ones if they are integers."""
    shape = [
        1 if axis == wanted.batch_axis else length if size is None else size
        for axis, size in enumerate(wanted.shape or ())
    ]
    assert wanted.dtype is not None, "the type of an input of a graph is known"
    ones = wanted.dtype.kind in "iub" or wanted.name == MASK
    return np.full(shape, 1 if ones else 0, wanted.dtype)


def _longer(
    wanted: ModelInput, example: Mapping[str, np.ndarray], short: int, long: int
) -> np.ndarray:
    if wanted.name not in example:
        return _made_up(wanted, long)
    longer = example[wanted.name]
    for axis, size in enumerate(wanted.shape or ()):
        if size is None and axis != wanted.batch_axis and longer.shape[axis]:
            n_more = -(-longer.shape[axis] * (long - short) // short)
            positions = np.arange(longer.shape[axis] + n_more) % longer.shape[axis]
            longer = np.take(longer, positions, axis)
    return longer


def _repeated(wanted: ModelInput, sample: np.ndarray, n_samples: int) -> np.ndarray:
    axis = wanted.batch_axis
    if axis is None or not wanted.shape or wanted.shape[axis] is not None:
        n_samples = 1 if axis is None or not wanted.shape else wanted.shape[axis] or 1
    return sample if axis is None else np.take(sample, np.zeros(n_samples, int), axis)


def _attempt(shapes: object, n_samples: int, lengths: Mapping[str, np.ndarray]) -> dict[str, Shape]:
    try:
        return shapes(n_samples, lengths)  # type: ignore[operator]
    except RUNTIME_ERRORS as error:
        _log.info("The model does not run on other samples: %s", str(error).split("\n")[0])
        return {}


def _different(first: Shape | None, second: Shape | None) -> tuple[int, ...]:
    """Return the axes whose lengths differ; none if one of two shapes is unknown."""
    if first is None or second is None or len(first) != len(second):
        return ()
    return tuple(
        axis for axis, pair in enumerate(zip(first, second, strict=True)) if len(set(pair)) > 1
    )
