"""Counts the weights that the nodes of a graph read."""

import math

import onnx
from onnx import TensorProto

from invert_core.backends.onnx.graph import reads, stored_tensors, subgraphs

_PASS_ON = {"DequantizeLinear", "Transpose", "Cast", "Identity"}
"""Operators whose output holds the same weights as their first input, stored differently."""
_NO_WEIGHTS = {TensorProto.INT64, TensorProto.BOOL, TensorProto.STRING}
"""Types that store shapes, axes, indices and switches."""


class Weights:
    """The weights of a graph, under all names by which nodes read them."""

    def __init__(self, graph: onnx.GraphProto):
        self._sizes = _stored(graph)
        self._stored_as = {name: name for name in self._sizes}
        for node in graph.node:
            source = next(iter(node.input), "")
            if node.op_type in _PASS_ON and source in self._stored_as:
                self._stored_as |= dict.fromkeys(node.output, self._stored_as[source])

    def read_by(self, node: onnx.NodeProto) -> int:
        """Return the number of weights that a node and its bodies read, each counted once."""
        names = {self._stored_as[name] for name in reads(node) if name in self._stored_as}
        return sum(self._sizes[name] for name in names) + _inside(node)


def _stored(graph: onnx.GraphProto) -> dict[str, int]:
    """Return the sizes of the weights; single values and 64-bit integers are settings."""
    sizes = {
        name: math.prod(tensor.dims)
        for name, tensor in stored_tensors(graph, graph.node)
        if tensor.dims and tensor.data_type not in _NO_WEIGHTS
    }
    sparse = {each.values.name: math.prod(each.dims) for each in graph.sparse_initializer}
    return sizes | sparse


def _inside(node: onnx.NodeProto) -> int:
    """Return the number of weights that the bodies of a node store themselves."""
    return sum(
        sum(_stored(body).values()) + sum(map(_inside, body.node)) for body in subgraphs(node)
    )
