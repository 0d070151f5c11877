"""Finds the axes of a layer that count tokens, by name or by a trial, to leave padding out."""

import logging
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import onnx
from onnx import TensorProto

from invert_core.backends.onnx.graph import dependent_on, reads, true_inputs
from invert_core.backends.onnx.shapes import FLOATS, TensorType, type_of
from invert_core.errors import ModelError
from invert_core.models.axes import NOTHING_TELLS, Axes
from invert_core.models.backend import MASK

_log = logging.getLogger("invert")


@dataclass(frozen=True)
class Tokens:
    """The mask of a model, and how its axes of tokens are recognised.

    Parameters
    ----------
    mask : onnx.ValueInfoProto
        The input of the graph, whether a node reads it or not.
    lengths : frozenset of int or str
        Numbers and names that stand for the number of tokens.
    other_names : frozenset of str
        Names of axes of the inputs that stand for something else.
    tensors : frozenset of str
        Names of the tensors that depend on an input of tokens.
    """

    mask: onnx.ValueInfoProto
    lengths: frozenset[int | str]
    other_names: frozenset[str]
    tensors: frozenset[str]

    @classmethod
    def of(cls, graph: onnx.GraphProto) -> "Tokens | None":
        """Read the tokens of a graph; return None if the graph does not take a mask."""
        mask = next((value for value in true_inputs(graph) if value.name == MASK), None)
        if mask is None or len(_dims(mask)) != 2:
            return None
        return cls._with(graph, mask)

    @classmethod
    def beside(cls, graph: onnx.GraphProto) -> "Tokens":
        """Invent a mask for a graph that does not take one."""
        if any(MASK in (*reads(node), *node.output) for node in graph.node):
            raise ModelError(
                f"The model has a tensor {MASK!r} that is not an input, so it cannot take a mask.",
                "Rename the tensor, or give samples without padding.",
            )
        return cls._with(
            graph, onnx.helper.make_tensor_value_info(MASK, TensorProto.INT64, [None, None])
        )

    @classmethod
    def _with(cls, graph: onnx.GraphProto, mask: onnx.ValueInfoProto) -> "Tokens":
        others = [value for value in true_inputs(graph) if value.name != MASK]
        length = _dims(mask)[1]
        found = _inputs_of_tokens(others, length)
        own = [_dims(value)[1] for value in found if length not in _dims(value)[1:]]
        lengths = {length, *own} - {None}
        named = {dim for value in others for dim in _dims(value) if isinstance(dim, str)}
        names = {MASK, *(value.name for value in found)}
        return cls(
            mask,
            frozenset(length for length in lengths if length is not None),
            frozenset(named - lengths),
            frozenset(dependent_on(graph, names)),
        )

    def uncertain(self, tensor: str, kind: TensorType) -> bool:
        """Return whether only a trial can show which axes of a tensor count tokens."""
        dims = (kind.dims or ())[1:]
        if len(dims) == 2:
            open_question = all(isinstance(dim, int) for dim in dims)
        else:
            open_question = len(dims) > 2 and any(map(self._unknown, dims))
        return open_question and tensor in self.tensors

    def vary_alone(self, graph: onnx.GraphProto) -> bool:
        """Return whether the number of tokens is the only length of the inputs that varies."""
        dims = {dim for value in true_inputs(graph) for dim in _dims(value)[1:]}
        fixed = any(isinstance(length, int) for length in self.lengths)
        return not fixed and all(isinstance(dim, int) or dim in self.lengths for dim in dims)

    def are(self, tensor: str, dim: int | str | None) -> bool:
        """Return whether the name of an axis says that it changes with the number of tokens."""
        named = isinstance(dim, str) and dim in self.lengths
        return tensor in self.tensors and (named or _mentions(dim, self.lengths))

    def axes(
        self,
        layer: str,
        tensor: str,
        kind: TensorType,
        channel_axis: int,
        following: Collection[int] | None = None,
    ) -> tuple[int, ...]:
        """Find the axes of a layer that count tokens; only the channel axis if it is one.

        Axes whose length depends on the number of tokens in another way are included, so that
        running the layer fails: it is not known which of their positions are padding.

        Parameters
        ----------
        layer : str
            Name of the layer, for messages.
        tensor : str
            Name of the layer in the graph.
        kind : TensorType
            Type of the layer; without dimensions it is taken for [batch, tokens, channels].
        channel_axis : int
            The axis that counts units.
        following : collection of int, optional
            Axes whose length was seen to change with the number of tokens. By default every axis
            of unknown length is taken for one.
        """
        if tensor not in self.tensors:
            return ()
        dims = kind.dims or (None, None, None)
        if self.are(tensor, dims[channel_axis]) or channel_axis in (following or ()):
            return (channel_axis,)
        others = [axis for axis in range(1, len(dims)) if axis != channel_axis]
        if len(dims) == 3:
            return tuple(
                axis
                for axis in others
                if dims[axis] != 1
                and dims[axis] not in self.other_names
                and (following is None or axis in following)
            )
        same = [axis for axis in others if dims[axis] in self.lengths]
        alike = [axis for axis in same if isinstance(dims[axis], int)]
        if len(alike) > 1:
            raise ModelError(
                f"The layer {layer!r} has several axes of length {dims[alike[0]]}, and the model "
                "does not say which of them count tokens.",
                "Name a layer with three axes, or export the model for any number of tokens.",
            )
        return tuple(
            axis
            for axis in others
            if axis in same
            or _mentions(dims[axis], self.lengths)
            or (self._unknown(dims[axis]) and (following is None or axis in following))
        )

    def units_beside(self, tensor: str, kind: TensorType, found: Axes) -> Axes:
        """Return the axis of the units if the lengths of all others say samples or tokens."""
        if found.reason != NOTHING_TELLS or kind.dims is None or tensor not in self.tensors:
            return found
        left = [
            axis
            for axis, dim in enumerate(kind.dims)
            if axis != found.batch and dim not in self.lengths
        ]
        if len(left) != 1 or len(kind.dims) < 3 or self.are(tensor, kind.dims[left[0]]):
            return found
        return replace(found, channel=left[0], reason="the only axis that does not count tokens")

    def _unknown(self, dim: int | str | None) -> bool:
        if isinstance(dim, int) or dim in self.lengths:
            return False
        return not _mentions(dim, self.lengths | self.other_names)


def _mentions(dim: int | str | None, names: Collection[int | str]) -> bool:
    """Return whether the length of an axis is computed from others, as in "2*tokens"."""
    return isinstance(dim, str) and not set(names).isdisjoint(re.findall(r"[^\W\d]\w*", dim))


def _dims(value: onnx.ValueInfoProto) -> tuple[int | str | None, ...]:
    return type_of(value).dims or ()


def _inputs_of_tokens(
    values: Sequence[onnx.ValueInfoProto], length: int | str | None
) -> list[onnx.ValueInfoProto]:
    """Choose the inputs that hold tokens: of that length, else ids with vectors, else the rest."""
    short = [value for value in values if len(_dims(value)) in (2, 3)]
    of_length = [value for value in short if length is not None and _dims(value)[1] == length]
    ids = [value for value in short if len(_dims(value)) == 2 and type_of(value).elem not in FLOATS]
    in_any_number = [
        value for value in short if len(_dims(value)) == 3 and not isinstance(_dims(value)[1], int)
    ]
    others = [value for value in values if length is not None and length in _dims(value)[1:]]
    return of_length or (ids and [*ids, *in_any_number]) or others or short
