"""How many weights the nodes of a graph read."""

import math

import onnx
from onnx import TensorProto

from invert_core.backends.onnx.graph import reads, stored_tensors, subgraphs

_PASS_ON = {"DequantizeLinear", "Transpose", "Cast", "Identity"}
"""Operators whose first input is what their output holds, however it is stored."""
_NO_WEIGHTS = {TensorProto.INT64, TensorProto.BOOL, TensorProto.STRING}
"""What shapes, axes, indices and switches are stored as."""


class Weights:
    """The weights of a graph, under all names that nodes read them by."""

    def __init__(self, graph: onnx.GraphProto):
        self._sizes = _stored(graph)
        self._stored_as = {name: name for name in self._sizes}
        for node in graph.node:
            source = next(iter(node.input), "")
            if node.op_type in _PASS_ON and source in self._stored_as:
                self._stored_as |= dict.fromkeys(node.output, self._stored_as[source])

    def read_by(self, node: onnx.NodeProto) -> int:
        """Number of weights that a node reads, each counted once; its bodies count with it."""
        names = {self._stored_as[name] for name in reads(node) if name in self._stored_as}
        return sum(self._sizes[name] for name in names) + _inside(node)


def _stored(graph: onnx.GraphProto) -> dict[str, int]:
    """Sizes of the weights; single values and whole numbers of 64 bits are settings."""
    sizes = {
        name: math.prod(tensor.dims)
        for name, tensor in stored_tensors(graph, graph.node)
        if tensor.dims and tensor.data_type not in _NO_WEIGHTS
    }
    sparse = {each.values.name: math.prod(each.dims) for each in graph.sparse_initializer}
    return sizes | sparse


def _inside(node: onnx.NodeProto) -> int:
    """Number of weights that the bodies of a node store themselves."""
    return sum(
        sum(_stored(body).values()) + sum(map(_inside, body.node)) for body in subgraphs(node)
    )
