"""Runs a model on examples to see which axes of its outputs count samples and tokens."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from invert_core.backends.torch.observing import Kind, Place, Run, observe
from invert_core.backends.torch.running import float_type, home, running, to_tensors
from invert_core.backends.torch.signature import Signature
from invert_core.errors import ModelError
from invert_core.models.axes import Axes, Trace, begun, decided, with_batch
from invert_core.models.backend import MASK, ModelInput, Reading
from invert_core.models.pooling import Pooling, choose_pooling, leave_padding_out

_log = logging.getLogger("invert")

_FEW, _MORE = 4, 9
"""Two numbers of tokens; the axes that change with them count tokens."""
_MADE_UP = 8
"""The length of a made-up sample along axes that may have any length."""


@dataclass(frozen=True)
class Seen:
    """One output as the example runs showed it.

    `shape` has None for the samples and on `token_axes`, the axes that count tokens if the
    example has a mask. `problem` says why the output cannot be extracted, as the end of a
    sentence.
    """

    place: Place
    shape: tuple[int | None, ...]
    axes: Axes
    token_axes: tuple[int, ...]
    problem: str

    def pooling(self, reading: Reading) -> tuple[Pooling, Axes]:
        """Decide how the output is pooled; see `choose_pooling` and `leave_padding_out`."""
        pooling, axes = choose_pooling(reading, self.shape, self.axes)
        if axes.batch in self.token_axes:
            raise ModelError(
                f"Axis {axes.batch} of the layer {reading.layer!r} counts tokens, not samples.",
                "Say another axis after batch=, or none.",
            )
        moved = tuple(pooling.order.index(axis) for axis in self.token_axes)
        return leave_padding_out(reading.layer, pooling, moved), axes


@dataclass(frozen=True)
class Look:
    """All outputs, and how often each module ran.

    `calls` is ordered by when the modules began; a number of calls is None if it depends on the
    batch.
    """

    outputs: tuple[Seen, ...]
    calls: Mapping[str, int | None]


def look(
    module: torch.nn.Module,
    signature: Signature,
    inputs: Sequence[ModelInput],
    example: Mapping[str, np.ndarray],
    *,
    autocast: bool,
) -> Look:
    """Run a module on an example, then with one more sample and other numbers of tokens.

    Parameters
    ----------
    module : torch.nn.Module
        The module, which runs on the device where it is.
    signature : Signature
        What its forward takes.
    inputs : sequence of ModelInput
        The inputs, with the axes of their samples.
    example : mapping of input name to array
        Some samples.
    autocast : bool
        Whether it runs in half precision.

    Returns
    -------
    Look
    """
    device, of_weights = home(module), float_type(module)
    known = {each.name: each for each in inputs}

    def run(samples: Mapping[str, np.ndarray]) -> Run:
        tensors = to_tensors(samples, device, of_weights)
        begun = [(each, _begun(known[name], each)) for name, each in tensors.items()]
        with running(module, device, autocast=autocast):
            return observe(module, *signature.arguments(tensors), begun)

    def attempt(what: str, *examples: Mapping[str, np.ndarray]) -> list[Run]:
        try:
            return [run(each) for each in examples]
        except ModelError as error:
            _log.info("The model does not run with %s. %s", what, error.message)
            return []

    first = run(example)
    more = {name: _one_more(known[name], array) for name, array in example.items()}
    larger = attempt("one sample more", more)
    shorter: dict[int, Run] = {}
    if MASK in example:
        n_tokens = example[MASK].shape[1]
        # Some models do not take so few tokens, and others no more than the example has.
        for few, many in ((_FEW, _MORE), (n_tokens // 2, n_tokens)):
            if not shorter and 0 < few < many:
                texts = [_with_tokens(example, count) for count in (few, many)]
                tried = attempt("another number of tokens", *texts)
                shorter = dict(zip((few, many), tried, strict=False))
    runs = [first, *larger, *shorter.values()]
    count = next(
        array.shape[axis]
        for name, array in example.items()
        if (axis := known[name].batch_axis) is not None
    )
    seen = _Evidence(example, count, first, larger, shorter)
    calls = {
        path: count if all(each.calls.get(path) == count for each in runs) else None
        for path, count in first.calls.items()
    }
    return Look(tuple(map(seen.of, first.outputs)), calls)


def made_up(inputs: tuple[ModelInput, ...]) -> dict[str, np.ndarray] | None:
    """Make one sample of zeros, or ones for integer inputs; None if a shape is not known."""
    example = {}
    for each in inputs:
        if each.value is not None:
            example[each.name] = each.value
            continue
        if each.shape is None:
            return None
        default = np.dtype(np.int64 if each.name == MASK else np.float32)
        dtype = default if each.dtype is None else each.dtype
        value = 0 if dtype.kind == "f" and each.name != MASK else 1
        shape = tuple(
            1 if axis == each.batch_axis else _MADE_UP if size is None else size
            for axis, size in enumerate(each.shape)
        )
        example[each.name] = np.full(shape, value, dtype)
    return example


@dataclass(frozen=True)
class _Evidence:
    example: Mapping[str, np.ndarray]
    count: int
    first: Run
    larger: list[Run]
    shorter: dict[int, Run]

    def of(self, place: Place) -> Seen:
        kind = self.first.outputs[place]
        others = [run.outputs.get(place) for run in (*self.larger, *self.shorter.values())]
        tokens, no_tokens = self._token_axes(place, kind)
        other = _why_other(kind, others) or _why_not(kind)
        axes = Axes() if other else self._axes(place, kind, tokens)
        if axes.batch in tokens:
            tokens, no_tokens = (), "has one axis for samples and tokens together"
        no_batch = "" if other else self._why_no_batch(place, kind, axes)
        vary = () if no_batch else (axes.batch, *tokens)
        shape = tuple(None if axis in vary else size for axis, size in enumerate(kind.shape))
        problem = other or no_batch or no_tokens
        return Seen(place, shape, axes, () if problem else tokens, problem)

    def _axes(self, place: Place, kind: Kind, tokens: tuple[int, ...]) -> Axes:
        """Return what following showed; the axis that grows with the samples counts them."""
        if not self.larger:
            return decided(kind.trace, tokens)
        # A single sample leaves no trace in a reshape, so the run with more samples counts.
        found = self.larger[0].outputs[place]
        sizes = zip(kind.shape, found.shape, strict=True)
        grown = [axis for axis, pair in enumerate(sizes) if pair == (self.count, self.count + 1)]
        moved = len(grown) == 1 and grown[0] != found.trace.counted
        return decided(with_batch(found.trace, grown[0]) if moved else found.trace, tokens)

    def _why_no_batch(self, place: Place, kind: Kind, axes: Axes) -> str:
        longer = list(kind.shape)
        longer[axes.batch] = self.count + 1
        follows = kind.shape[axes.batch] == self.count and all(
            run.outputs[place].shape == tuple(longer) for run in self.larger
        )
        if follows:
            return ""
        return f"has the shape {kind.shape}, and no axis counts the samples"

    def _token_axes(self, place: Place, kind: Kind) -> tuple[tuple[int, ...], str]:
        """Return the axes that count tokens, and why they cannot be pooled, if so."""
        if MASK not in self.example:
            return (), ""
        if not self.shorter:
            return _as_long_as(self.example[MASK].shape[1], kind), ""
        few, more = (run.outputs.get(place, kind).shape for run in self.shorter.values())
        if not len(few) == len(more) == len(kind.shape):
            return (), ""
        lengths = list(zip(few, more, kind.shape, strict=True))
        axes = tuple(axis for axis, sizes in enumerate(lengths) if len(set(sizes)) > 1)
        n_tokens = (*self.shorter, self.example[MASK].shape[1])
        if any(lengths[axis] != n_tokens for axis in axes):
            return axes, "does not have one position per token, so padding cannot be left out"
        return axes, ""


def _as_long_as(n_tokens: int, kind: Kind) -> tuple[int, ...]:
    """Return the axes that may count tokens, judged by their lengths alone."""
    axes = decided(kind.trace)
    known = (axes.batch, axes.channel)
    return tuple(
        axis for axis, size in enumerate(kind.shape) if axis not in known and size == n_tokens
    )


def _why_not(kind: Kind) -> str:
    if not kind.dtype.is_floating_point:
        return f"holds {str(kind.dtype).removeprefix('torch.')}, but only floats can be read"
    if not kind.shape:
        return "is a single value, not one per sample"
    return ""


def _why_other(kind: Kind, others: list[Kind | None]) -> str:
    for other in others:
        if other is None:
            return "does not come with every batch"
        if len(other.shape) != len(kind.shape):
            return "has another number of axes in other batches"
    return ""


def _begun(given: ModelInput, tensor: torch.Tensor) -> Trace:
    return begun(given.name, tuple(tensor.shape), given.batch_axis, given.channel_axis)


def _one_more(given: ModelInput, array: np.ndarray) -> np.ndarray:
    """Return an input with its last sample twice."""
    axis = given.batch_axis
    if axis is None:
        return array
    return np.concatenate([array, np.take(array, [-1], axis)], axis=axis)


def _with_tokens(example: Mapping[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    """Cut or repeat an example to some number of tokens, none of which is padding."""
    n_tokens = example[MASK].shape[1]
    tokens = np.arange(count) % n_tokens
    axes = {
        name: each.shape.index(n_tokens, 1)
        for name, each in example.items()
        if n_tokens in each.shape[1:]
    }
    # Tokens are ids or vectors; only without these may they be other numbers, such as sound.
    usual = [name for name, axis in axes.items() if axis == 1 and _is_usual(name, example[name])]
    texts = {
        name: np.take(array, tokens, axes[name]) if name in (usual or axes) else array
        for name, array in example.items()
    }
    return texts | {MASK: np.ones((len(example[MASK]), count), example[MASK].dtype)}


def _is_usual(name: str, array: np.ndarray) -> bool:
    if name == MASK:
        return False
    return array.ndim == 3 or (array.ndim == 2 and array.dtype.kind in "biu")
