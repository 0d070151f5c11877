"""Follows the axes of samples and channels through the nodes of an ONNX graph."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import onnx

from invert_core.backends.onnx.axis_rules import (
    ALONG,
    CONVOLUTIONS,
    ONE_BY_ONE,
    RULES,
    Dims,
    Followed,
    Step,
    attribute_of,
)
from invert_core.backends.onnx.graph import reads, stored_tensors
from invert_core.models import axes
from invert_core.models.axes import Trace
from invert_core.models.backend import ModelInput

_log = logging.getLogger("invert")

_DOMAINS = ("", "ai.onnx", "com.microsoft")
"""Domains whose operators are known by their names."""


def follow(
    graph: onnx.GraphProto, dims: Mapping[str, Dims | None], inputs: Iterable[ModelInput]
) -> dict[str, Trace]:
    """Follow the axes of the inputs through a graph.

    Parameters
    ----------
    graph : onnx.GraphProto
        The graph; nodes inside control flow are not followed.
    dims : mapping of str to tuple of int, str or None, or None
        What is known about the shapes of its tensors.
    inputs : iterable of ModelInput
        The inputs of the model.

    Returns
    -------
    dict of str to Trace
        Tensors of unknown rank are missing.
    """
    following = _Following(graph, dims)
    for each in inputs:
        following.begin(each)
    for node in graph.node:
        following.pass_through(node)
    return following.traces


def read_by_convolutions(
    graph: onnx.GraphProto, dims: Mapping[str, Dims | None]
) -> dict[str, tuple[int, str]]:
    """Find the axis that convolutions take for the channels of the tensors that they read.

    Returns
    -------
    dict of str to (int, str)
        The axis, and the convolution; also for tensors from which the input of a convolution is
        made by operators that keep or exchange axes.
    """
    found: dict[str, tuple[int, str]] = {}
    for node in reversed(graph.node):
        if not (node.input and node.output):
            continue
        if node.op_type in CONVOLUTIONS:
            found[node.input[0]] = (1, f"{node.op_type} {node.name or node.output[0]!r}")
        elif node.output[0] in found:
            axis, name = found[node.output[0]]
            rank = len(dims.get(node.output[0]) or ())
            if node.op_type == "Transpose":
                order = attribute_of(node, "perm", range(rank)[::-1])
                if _is_an_order(order, axis):
                    found.setdefault(node.input[0], (int(order[axis]), name))
            elif node.op_type in ONE_BY_ONE or node.op_type in ALONG:
                found.setdefault(node.input[0], (axis, name))
    return found


def _is_an_order(order: Any, axis: int) -> bool:
    """Return whether the value of an attribute exchanges axes, of which this is one."""
    if not isinstance(order, list | range) or axis >= len(order):
        return False
    return sorted(order) == list(range(len(order)))


class _Following:
    def __init__(self, graph: onnx.GraphProto, dims: Mapping[str, Dims | None]):
        self.traces: dict[str, Trace] = {}
        self._lost: set[str] = set()
        self._dims = dims
        self._stored = dict(stored_tensors(graph, graph.node))

    def begin(self, given: ModelInput) -> None:
        sizes = self._dims.get(given.name)
        if sizes is None:
            self._lost.add(given.name)
            return
        self.traces[given.name] = axes.begun(
            given.name, sizes, given.batch_axis, given.channel_axis
        )

    def pass_through(self, node: onnx.NodeProto) -> None:
        read = list(reads(node))
        known = any(name in self.traces for name in read)
        if not known and self._lost.isdisjoint(read):
            return
        followed = self._followed(node) if known and any(node.output) else None
        for number, name in enumerate(node.output):
            if not name:
                continue
            sizes = self._dims.get(name)
            found = followed[min(number, len(followed) - 1)] if followed else None
            if found is not None and (sizes is None or len(sizes) == len(found.axes)):
                self.traces[name] = found
            elif sizes is not None:
                self.traces[name] = axes.traced(sizes)
            else:
                self._lost.add(name)

    def _followed(self, node: onnx.NodeProto) -> Followed:
        rule = RULES.get(node.op_type) if node.domain in _DOMAINS else None
        if rule is None:
            return None
        step = Step(node, self.traces, self._dims, self._stored)
        try:
            return rule(step)
        except (AssertionError, IndexError, TypeError, ValueError) as error:
            # A file may give a node any attributes, such as axes that its tensors do not have.
            _log.warning(
                "The axes of %s are not followed, because it is not as ONNX defines it (%s).",
                step.name,
                error,
            )
            return None
