"""Reads the structure of an ONNX graph: its inputs, its nodes, and their dependencies."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import onnx
from onnx import TensorProto

_RANDOM = {
    "Bernoulli",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
}
_MIXING = {"DynamicQuantizeLSTM", "DynamicQuantizeLinear", "DynamicQuantizeMatMul"}
"""Operators that take one scale from all samples of a batch."""


def weights(graph: onnx.GraphProto) -> set[str]:
    """Return the names of the tensors that are stored in the model."""
    return {tensor.name for tensor in graph.initializer} | {
        sparse.values.name for sparse in graph.sparse_initializer
    }


def true_inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """Return the inputs that a caller must provide: old models also list weights as inputs."""
    stored = weights(graph)
    return [value for value in graph.input if value.name not in stored]


def subgraphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """Yield the bodies of a control flow node (If, Loop, Scan), without the bodies inside them."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def walk_nodes(
    proto: onnx.ModelProto,
) -> Iterator[tuple[onnx.GraphProto | None, Iterable[onnx.NodeProto]]]:
    """Yield every list of nodes in a model with its graph, or None for a function."""
    for function in proto.functions:
        yield None, function.node
        yield from _inner(function.node)
    yield proto.graph, proto.graph.node
    yield from _inner(proto.graph.node)


def reads(node: onnx.NodeProto) -> Iterator[str]:
    """Yield the names of all tensors that a node reads, also through its bodies.

    Names inside the bodies are included, which does no harm: a name is unique among a graph and
    everything inside it.
    """
    yield from node.input
    for body in subgraphs(node):
        yield from (value.name for value in body.output)
        for inner in body.node:
            yield from reads(inner)


def dependent(graph: onnx.GraphProto) -> set[str]:
    """Return the names of the tensors whose values depend on an input of the model."""
    return dependent_on(graph, {value.name for value in true_inputs(graph)})


def dependent_on(graph: onnx.GraphProto, inputs: Collection[str]) -> set[str]:
    """Return the given inputs and the names of the tensors whose values depend on them."""
    found = set(inputs)
    for node in graph.node:
        if not found.isdisjoint(reads(node)):
            found.update(name for name in node.output if name)
    return found


def stored_tensors(
    graph: onnx.GraphProto | None, nodes: Iterable[onnx.NodeProto]
) -> Iterator[tuple[str, onnx.TensorProto]]:
    """Yield the stored tensors by name: initializers and the values of Constant nodes."""
    for tensor in () if graph is None else graph.initializer:
        yield tensor.name, tensor
    for node in nodes:
        if node.op_type == "Constant":
            values = [each.t for each in node.attribute if each.name == "value"]
            yield from zip(node.output, values, strict=False)


@dataclass(frozen=True)
class Unsteady:
    """Operators of a model that make activations depend on more than the sample.

    Parameters
    ----------
    varying : tuple of str
        Those that draw random numbers or change their state in every run.
    mixing : tuple of str
        Those that mix the samples of a batch.
    """

    varying: tuple[str, ...]
    mixing: tuple[str, ...]

    @classmethod
    def of(cls, proto: onnx.ModelProto) -> "Unsteady":
        """Find these operators anywhere in a model."""
        nodes = [node for _, nodes in walk_nodes(proto) for node in nodes]
        training = {f"{node.op_type} in training mode" for node in _training(proto, nodes)}
        of_batch = {each for each in training if each.startswith("BatchNormalization")}
        present = {node.op_type for node in nodes}
        return cls(
            tuple(sorted(training | (present & _RANDOM))),
            tuple(sorted(of_batch | (present & _MIXING))),
        )


def _training(proto: onnx.ModelProto, nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """Yield the nodes that run as they do in training: by an attribute, or by a stored input."""
    stored = [each for graph, nodes in walk_nodes(proto) for each in stored_tensors(graph, nodes)]
    on = {
        name
        for name, tensor in stored
        if tensor.data_type == TensorProto.BOOL and (any(tensor.raw_data) or any(tensor.int32_data))
    }
    for node in nodes:
        flag = any(each.name == "training_mode" and each.i for each in node.attribute)
        given = node.op_type == "Dropout" and bool(on.intersection(node.input[2:]))
        if given or (node.op_type == "BatchNormalization" and flag):
            yield node


def prune(proto: onnx.ModelProto, wanted: Collection[str]) -> onnx.ModelProto:
    """Copy the part of a model that computes some of its tensors.

    Parameters
    ----------
    proto : onnx.ModelProto
        The model, which is not changed.
    wanted : collection of str
        Names of tensors in its main graph.

    Returns
    -------
    onnx.ModelProto
        The nodes, inputs and weights that these tensors need, without outputs.
    """
    graph = proto.graph
    needed = set(wanted)
    kept = []
    for node in reversed(graph.node):
        if not needed.isdisjoint(node.output):
            kept.append(node)
            needed.update(reads(node))
    made = {name for node in kept for name in node.output}

    pruned = onnx.ModelProto()
    pruned.ir_version = proto.ir_version
    pruned.opset_import.extend(proto.opset_import)
    pruned.functions.extend(proto.functions)
    part = pruned.graph
    part.name = graph.name or "graph"
    part.node.extend(reversed(kept))
    part.input.extend(value for value in graph.input if value.name in needed)
    part.initializer.extend(tensor for tensor in graph.initializer if tensor.name in needed)
    part.sparse_initializer.extend(
        sparse for sparse in graph.sparse_initializer if sparse.values.name in needed
    )
    described = (value for value in graph.value_info if value.name in made)
    part.value_info.extend(described)
    return pruned


def _inner(
    nodes: Iterable[onnx.NodeProto],
) -> Iterator[tuple[onnx.GraphProto, Iterable[onnx.NodeProto]]]:
    for node in nodes:
        for body in subgraphs(node):
            yield body, body.node
            yield from _inner(body.node)
