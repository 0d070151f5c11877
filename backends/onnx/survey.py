"""Finds types, shapes and axes of tensors, by running the model if its graph does not tell."""

import functools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import onnx

from invert_core.backends.onnx.following import Dims, follow
from invert_core.backends.onnx.graph import dependent, prune
from invert_core.backends.onnx.shapes import UNKNOWN, TensorType, ask_runtime, infer_types
from invert_core.backends.onnx.trial import NO_TRIAL, Trial, try_out
from invert_core.models import axes
from invert_core.models.axes import Axes, Trace
from invert_core.models.backend import ModelInput

_NOT_TENSORS = ("Optional", "Sequence", "SplitToSequence", "StringSplit")
"""Beginnings of the operators whose outputs have no shape."""


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
        self._tried: Trial = NO_TRIAL
        self._known: dict[str, Trace] | None = None
        self._asked: dict[str, TensorType] = {}
        self._failed = False

    @functools.cached_property
    def dependent(self) -> set[str]:
        """The tensors whose values depend on an input."""
        return dependent(self.proto.graph)

    def learn(self, names: Iterable[str]) -> None:
        """Run the model if its graph does not tell the shapes or the axes of some tensors."""
        wanted = [name for name in names if name in self.dependent]
        unknown = [name for name in wanted if self._stated(name).dims is None]
        if unknown:
            self._asked |= ask_runtime(self.proto, self.folder, unknown)
        open_questions = unknown or any(map(self._is_open, wanted))
        if not open_questions or self._failed or all(name in self._tried.usual for name in wanted):
            return
        self._tried = try_out(
            self.proto, self.folder, self._upstream(wanted), self.inputs, self.example
        )
        self._failed = self._tried is NO_TRIAL
        self._known = None

    def type_of(self, name: str) -> TensorType:
        """Return the type of a tensor, with the lengths that the graph or a trial shows."""
        kind = self._stated(name)
        return kind if kind.dims is not None else replace(kind, dims=self._tried.dims(name))

    def axes_of(self, name: str) -> Axes:
        """Return the axes that count samples and units in a tensor."""
        trace = self._traces.get(name)
        if trace is None:
            trace = axes.traced(self.type_of(name).dims or (None,) * 3)
        found = axes.decided(trace, self._varying(name))
        follows = self._tried.batch_axes(name)
        known = any(trace.has(axis, axes.BATCH) for axis in range(len(trace.axes)))
        if known or len(follows) != 1 or follows[0] == found.batch:
            return found
        moved = axes.traced(trace.sizes, batch=follows[0])
        return axes.decided(moved, self._varying(name))

    @functools.cached_property
    def _inferred(self) -> dict[str, TensorType]:
        return infer_types(self.proto)

    @property
    def _traces(self) -> Mapping[str, Trace]:
        if self._known is None:
            dims: dict[str, Dims | None] = {
                name: kind.dims for name, kind in {**self._inferred, **self._asked}.items()
            }
            # Numbers say more about a reshape than names do, so those of a trial come first.
            self._known = follow(self.proto.graph, {**dims, **self._tried.usual}, self.inputs)
        return self._known

    def _varying(self, name: str) -> set[int]:
        """Return the axes whose length follows the lengths of the inputs."""
        dims = self._stated(name).dims or ()
        named = {axis for axis, size in enumerate(dims) if size in self._lengths}
        return {*named, *self._tried.longer_axes(name)}

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
        trace = self._traces.get(name)
        if trace is None:
            return True
        found = axes.decided(trace, self._varying(name))
        return (
            len(trace.axes) > 2
            and found.channel is None
            and any(trace.has(axis, axes.UNKNOWN) for axis in range(len(trace.axes)))
        )

    def _upstream(self, names: Collection[str]) -> list[str]:
        """Return the tensors that others are computed from, with these others."""
        return [
            name
            for node in prune(self.proto, names).graph.node
            if not node.op_type.startswith(_NOT_TENSORS)
            for name in node.output
            if name and name in self.dependent
        ]
