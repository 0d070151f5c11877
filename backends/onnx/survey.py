"""Finds types, shapes and axes of tensors, by running the model if its graph does not tell."""

import functools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import onnx

from invert_core.backends.onnx.axis_rules import Dims
from invert_core.backends.onnx.following import follow, read_by_convolutions
from invert_core.backends.onnx.graph import dependent, prune
from invert_core.backends.onnx.shapes import UNKNOWN, TensorType, ask_runtime, infer_types
from invert_core.backends.onnx.trial import NO_TRIAL, see_shapes
from invert_core.models import axes
from invert_core.models.axes import Axes, Trace
from invert_core.models.backend import ModelInput

_NOT_TENSORS = ("Optional", "Sequence", "SplitToSequence", "StringSplit")
"""Beginnings of the operators whose outputs have no shape."""


@dataclass(frozen=True)
class _Facts:
    """What the axes of tensors count, and from which axis a convolution reads its channels."""

    traces: Mapping[str, Trace]
    readers: Mapping[str, tuple[int, str]]


@dataclass
class Survey:
    """What is known about the tensors of a model.

    Parameters
    ----------
    proto : onnx.ModelProto
        The model.
    folder : Path
        The folder that holds its external data.
    inputs : tuple of ModelInput
        The inputs, with the axes of their samples.
    example : mapping of str to array
        One sample, or inputs that all samples share, for a trial.
    """

    proto: onnx.ModelProto
    folder: Path
    inputs: tuple[ModelInput, ...]
    example: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._tried = NO_TRIAL
        self._in_vain: set[str] = set()
        self._asked: dict[str, TensorType] = {}
        self._facts: _Facts | None = None

    @functools.cached_property
    def dependent(self) -> set[str]:
        """The tensors whose values depend on an input."""
        return dependent(self.proto.graph)

    def learn(self, names: Iterable[str], asked: Collection[str] = ()) -> None:
        """Run the model if its graph does not tell the shapes or the axes of some tensors.

        It runs for those in `asked` in any case.
        """
        wanted = [name for name in names if name in self.dependent]
        unknown = [name for name in wanted if self._stated(name).dims is None]
        if unknown:
            self._asked |= ask_runtime(self.proto, self.folder, unknown)
        if unknown or any(name in asked or self._is_open(name) for name in wanted):
            self._try_out(wanted)

    def seen_to_vary(self, name: str) -> tuple[int, ...] | None:
        """Run the model, and return the axes whose length follows the lengths of the inputs."""
        self._try_out([name])
        return self._tried.varying_axes(name) if self._tried.shows_lengths else None

    def _try_out(self, names: Sequence[str]) -> None:
        if all(name in self._tried.usual or name in self._in_vain for name in names):
            return
        wanted = [*names, *self._tried.usual]
        tried = see_shapes(
            self.proto, self.folder, self._upstream(wanted), self.inputs, self.example
        )
        if tried is NO_TRIAL:
            self._in_vain.update(names)
        else:
            self._tried, self._facts = tried, None

    def type_of(self, name: str) -> TensorType:
        """Return the type of a tensor, with the lengths that the graph or a trial shows."""
        kind, tried = self._stated(name), self._tried.dims(name)
        if kind.dims is None or tried is None or len(tried) != len(kind.dims):
            return replace(kind, dims=tried if kind.dims is None else kind.dims)
        dims = tuple(
            stated if isinstance(stated, int) or seen is None else seen
            for stated, seen in zip(kind.dims, tried, strict=True)
        )
        return replace(kind, dims=dims)

    def axes_of(self, name: str) -> Axes:
        """Return the axes that count samples and units in a tensor."""
        trace = self._known.traces.get(name)
        if trace is None:
            trace = axes.traced(self.type_of(name).dims or (None,) * 3)
        grown = self._tried.grown_axes(name)
        if len(grown) == 1 and trace.counted is None:
            alone = self._tried.counts_samples(name, grown[0])
            trace = axes.with_batch(trace, grown[0], alone=alone)
        return self._beside_readers(name, axes.decided(trace, self._varying(name)), trace)

    def _beside_readers(self, name: str, found: Axes, trace: Trace) -> Axes:
        """Compare the axis of the channels with the one that a convolution reads them from."""
        axis, reader = self._known.readers.get(name, (None, ""))
        if axis is None or axis in (found.channel, found.batch) or len(trace.axes) < 3:
            return found
        if found.reason.endswith(axes.TOGETHER):
            return found
        if found.channel is not None:
            reason = f"{found.reason} are on axis {found.channel}, but {reader} reads axis {axis}"
            return replace(found, channel=None, reason=reason)
        return replace(found, channel=axis, reason=f"read as channels by {reader}")

    @functools.cached_property
    def _inferred(self) -> dict[str, TensorType]:
        return infer_types(self.proto)

    @property
    def _known(self) -> "_Facts":
        if self._facts is None:
            stated = {**self._inferred, **self._asked}
            dims: dict[str, Dims | None] = {name: kind.dims for name, kind in stated.items()}
            # Numbers say more about a reshape than names do, so those of a trial come first.
            dims |= self._tried.usual
            graph = self.proto.graph
            self._facts = _Facts(
                follow(graph, dims, self.inputs), read_by_convolutions(graph, dims)
            )
        return self._facts

    def _varying(self, name: str) -> set[int]:
        """Return the axes whose length follows the lengths of the inputs."""
        dims = self._stated(name).dims or ()
        named = {axis for axis, size in enumerate(dims) if size in self._lengths}
        return {*named, *self._tried.varying_axes(name)}

    @functools.cached_property
    def _lengths(self) -> set[str]:
        """The names of all lengths in the inputs but the number of samples."""
        found = set()
        for each in self.inputs:
            dims = self._stated(each.name).dims or ()
            found |= {
                size
                for axis, size in enumerate(dims)
                if isinstance(size, str) and axis != each.batch_axis
            }
        return found

    def _stated(self, name: str) -> TensorType:
        kind = self._inferred.get(name, UNKNOWN)
        return kind if kind.dims is not None else self._asked.get(name, kind)

    def _is_open(self, name: str) -> bool:
        """Return whether numbers could show the axes of a tensor, as its names do not."""
        trace = self._known.traces.get(name)
        if trace is None:
            return True
        channel = axes.decided(trace, self._varying(name)).channel
        dims = self._stated(name).dims or ()
        if channel is None:
            return len(trace.axes) > 2
        return not (isinstance(dims[channel], int) and trace.is_followed)

    def _upstream(self, names: Collection[str]) -> list[str]:
        """Return the tensors that others are computed from, with these others."""
        return [
            name
            for node in prune(self.proto, names).graph.node
            if not node.op_type.startswith(_NOT_TENSORS)
            for name in node.output
            if name and name in self.dependent
        ]
