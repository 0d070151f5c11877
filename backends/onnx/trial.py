"""Runs a model on a few made-up samples, to see the shapes of its tensors."""

import contextlib
import logging
import math
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto

from invert_core.backends.onnx.graph import prune, true_inputs
from invert_core.backends.onnx.session import CPU, RUNTIME_ERRORS, create_session, run_session
from invert_core.errors import ModelError
from invert_core.models.backend import MASK, ModelInput

_log = logging.getLogger("invert")

_LENGTHS = (64, 224, 16, 4, 512)
"""Lengths for axes of any length; the first with which the model runs is taken."""
_SCALES = (3 / 2, 3 / 4, 2, 1 / 2)
"""Other lengths, relative to the first; again the first with which the model runs is taken."""
_SAMPLES: tuple[tuple[int, int | None], ...] = ((2, 3), (1, None))
"""Numbers of samples to try; a constant of the model may fit one sample alone."""
_MOST_VALUES = 2**26
"""The most values of an input; a file may state any shape."""
_MOST_AXES = 64
"""The most axes of an array in NumPy."""
_LONGEST = 30.0
"""Seconds after which all runs are ended; a loop in a graph need not have an end."""

Shape = tuple[int, ...]
Samples = Mapping[str, np.ndarray]


class ShapeTrial:
    """The shapes of tensors in some runs of a model.

    Parameters
    ----------
    usual : mapping of str to tuple of int
        The shapes in the first run.
    more, scaled : mapping of str to tuple of int, or None
        The shapes in a run with more samples, and in a run with inputs of another length. None if
        the model does not run so, although it does not fix this number or these lengths.
    """

    def __init__(
        self,
        usual: Mapping[str, Shape],
        more: Mapping[str, Shape] | None,
        scaled: Mapping[str, Shape] | None,
    ):
        self.usual = usual
        self._more = more
        self._scaled = scaled

    @property
    def shows_lengths(self) -> bool:
        """Whether the model ran on inputs of another length."""
        return self._scaled is not None

    def dims(self, name: str) -> tuple[int | None, ...] | None:
        """Return the lengths of the axes of a tensor, None for an axis whose length varies."""
        usual = self.usual.get(name)
        if usual is None:
            return None
        if self._more is None or self._scaled is None:
            return (None,) * len(usual)  # what is fixed cannot be told from what may vary
        vary = {*self.grown_axes(name), *self.varying_axes(name)}
        return tuple(None if axis in vary else size for axis, size in enumerate(usual))

    def grown_axes(self, name: str) -> tuple[int, ...]:
        """Return the axes whose length follows the number of samples."""
        return _different(self.usual.get(name), (self._more or {}).get(name))

    def counts_samples(self, name: str, axis: int) -> bool:
        """Return whether an axis that grows is as long as there are samples, in both runs."""
        more = (self._more or {})[name]
        return (self.usual[name][axis], more[axis]) == _SAMPLES[0]

    def varying_axes(self, name: str) -> tuple[int, ...]:
        """Return the axes whose length follows the lengths of the inputs."""
        return _different(self.usual.get(name), (self._scaled or {}).get(name))


NO_TRIAL = ShapeTrial({}, None, None)


def see_shapes(
    proto: onnx.ModelProto,
    folder: Path,
    names: Iterable[str],
    inputs: Sequence[ModelInput],
    example: Samples,
) -> ShapeTrial:
    """Run a model on two samples, on three, and on samples of another length; or on one alone.

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
    ShapeTrial
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

    options = onnxruntime.RunOptions()

    def shapes(sample: Samples, n_samples: int) -> dict[str, Shape] | None:
        feeds = {each.name: _repeated(each, sample[each.name], n_samples) for each in given}
        try:
            found = run_session(session, list(outputs), feeds, options)
        except RUNTIME_ERRORS as error:
            _log.debug("The model does not run on a trial: %s", str(error).split("\n")[0])
            return None
        return {
            outputs[name]: tuple(map(int, shape))
            for name, shape in zip(outputs, found, strict=True)
        }

    made_up = any(each.name not in example for each in given)
    with _ended(options, _LONGEST):
        for length in _LENGTHS if made_up else _LENGTHS[:1]:
            if any(_is_too_large(each, example.get(each.name), length) for each in given):
                continue
            sample = {
                each.name: example[each.name] if each.name in example else _made_up(each, length)
                for each in given
            }
            for count, more in _SAMPLES:
                usual = shapes(sample, count)
                if usual is not None:
                    scaled = (shapes(_scaled(given, sample, scale), count) for scale in _SCALES)
                    of_other_length = next((each for each in scaled if each is not None), None)
                    others = None if more is None else shapes(sample, more)
                    return ShapeTrial(usual, others, of_other_length)
    if options.terminate:
        _log.warning(
            "The trial runs were ended after %d seconds, so some shapes are not known.",
            _LONGEST,
        )
    else:
        _log.info("The model does not run on made-up samples, so some shapes are not known.")
    return NO_TRIAL


@contextlib.contextmanager
def _ended(options: onnxruntime.RunOptions, seconds: float) -> Iterator[None]:
    """End runs with these options after some seconds."""
    timer = threading.Timer(seconds, setattr, (options, "terminate", True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _add_shapes(part: onnx.ModelProto, names: Sequence[str]) -> dict[str, str]:
    """Make the shapes of tensors outputs of a graph; return the tensors by the names of these."""
    outputs = {f"invert/shape/{number}": name for number, name in enumerate(names)}
    for output, name in outputs.items():
        part.graph.node.append(onnx.helper.make_node("Shape", [name], [output]))
        part.graph.output.append(
            onnx.helper.make_tensor_value_info(output, TensorProto.INT64, None)
        )
    return outputs


def _is_too_large(wanted: ModelInput, sample: np.ndarray | None, length: int) -> bool:
    """Return whether the input of a run would take too much memory."""
    shape = wanted.shape or ()
    one = _one_sample(wanted, length) if sample is None else sample.shape
    at_once = 1 if wanted.batch_axis is None or not shape else shape[wanted.batch_axis] or 1
    return len(one) > _MOST_AXES or math.prod(one) * at_once > _MOST_VALUES


def _one_sample(wanted: ModelInput, length: int) -> Shape:
    return tuple(
        1 if axis == wanted.batch_axis else length if size is None else size
        for axis, size in enumerate(wanted.shape or ())
    )


def _made_up(wanted: ModelInput, length: int) -> np.ndarray:
    """Make one sample of zeros, or of ones if they are integers."""
    assert wanted.dtype is not None, "the type of an input of a graph is known"
    ones = wanted.dtype.kind in "iub" or wanted.name == MASK
    return np.full(_one_sample(wanted, length), 1 if ones else 0, wanted.dtype)


def _scaled(given: Sequence[ModelInput], sample: Samples, scale: float) -> dict[str, np.ndarray]:
    """Return a sample with other lengths wherever the model leaves them open."""
    scaled = dict(sample)
    for each in given:
        if each.batch_axis is None:
            continue
        for axis, size in enumerate(each.shape or ()):
            length = sample[each.name].shape[axis]
            if size is None and axis != each.batch_axis and length:
                positions = np.arange(max(1, round(length * scale))) % length
                scaled[each.name] = np.take(scaled[each.name], positions, axis)
    return scaled


def _repeated(wanted: ModelInput, sample: np.ndarray, n_samples: int) -> np.ndarray:
    """Return an input for some samples, or for as many as the model fixes."""
    axis = wanted.batch_axis
    if axis is None:
        return sample
    fixed = wanted.shape[axis] if wanted.shape else 1
    return np.take(sample, np.zeros(n_samples if fixed is None else fixed or 1, int), axis)


def _different(first: Shape | None, second: Shape | None) -> tuple[int, ...]:
    """Return the axes whose lengths differ; none if one of two shapes is unknown."""
    if first is None or second is None or len(first) != len(second):
        return ()
    return tuple(
        axis for axis, pair in enumerate(zip(first, second, strict=True)) if len(set(pair)) > 1
    )
