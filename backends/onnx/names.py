"""What the tensors of a graph may be called: their own names and the modules that made them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import onnx

from invert_core.backends.onnx.graph import reads, subgraphs, weights
from invert_core.errors import UnknownNameError, nearest

_SCOPES_KEY = "pkg.torch.onnx.name_scopes"
_LIST_ALL = "`invert layers` lists all layers of a model."


@dataclass(frozen=True)
class Names:
    """Names by which the tensors of a graph can be asked for.

    `modules` maps the path of a module to the outputs of its calls; the path stands for the last.
    """

    producers: dict[str, onnx.NodeProto]
    modules: dict[str, list[str]]

    @classmethod
    def of(cls, graph: onnx.GraphProto) -> "Names":
        """Read them from a graph."""
        producers = {
            name: node
            for node in graph.node
            if node.op_type != "Constant"
            for name in node.output
            if name
        }
        calls = _module_calls(node for node in graph.node if node.op_type != "Constant")
        quantized = _quantized_twins(graph.node)
        modules = {
            path: [quantized.get(name, name) for name in names] for path, names in calls.items()
        }
        return cls(producers, modules)

    def module_of(self) -> dict[str, str]:
        """Innermost module whose output a tensor is, for the tensors that are one."""
        found: dict[str, str] = {}
        for path, (*_, tensor) in self.modules.items():
            # A tensor's own name goes before a module's, so that such a path does not lead here.
            hidden = path in self.producers and path != tensor
            if not hidden and len(path) >= len(found.get(tensor, "")):
                found[tensor] = path
        return found

    def resolve(self, name: str, graph: onnx.GraphProto) -> str:
        """Find the tensor that a name stands for.

        Parameters
        ----------
        name : str
            A tensor or the path of a module. A tensor goes first where both have one name.
        graph : onnx.GraphProto
            The graph that these names were read from.

        Returns
        -------
        str
            Name of a tensor that a node of the main graph makes.

        Raises
        ------
        UnknownNameError
            There is none, or it is no layer.
        """
        if name in self.producers:
            return name
        if name in self.modules:
            return self.modules[name][-1]
        problem = _why_no_layer(name, graph)
        if problem:
            raise UnknownNameError(f"{name!r} {problem}.", _LIST_ALL)
        known = [*self.producers, *self.modules]
        raise UnknownNameError(
            f"The model has no layer {name!r}.", f"{nearest(name, known)} {_LIST_ALL}".strip()
        )


def _why_no_layer(name: str, graph: onnx.GraphProto) -> str:
    if name in weights(graph):
        return "is a weight of the model, not a layer"
    if name in {value.name for value in graph.input}:
        return "is an input of the model, not a layer"
    for node in graph.node:
        if node.op_type == "Constant" and name in node.output:
            return "is a constant, not a layer"
        bodies = list(subgraphs(node))
        if any(name in inner.output for body in bodies for inner in _all_nodes(body)):
            return f"lies inside of an {node.op_type} node; only the main graph can be read"
    return ""


def _all_nodes(graph: onnx.GraphProto) -> Iterable[onnx.NodeProto]:
    for node in graph.node:
        yield node
        for body in subgraphs(node):
            yield from _all_nodes(body)


def _module_calls(nodes: Iterable[onnx.NodeProto]) -> dict[str, list[str]]:
    """Output of each call of each module, which is the output of the last node of the call.

    The nodes of one call follow each other; a module that comes again was called again.
    """
    calls: dict[str, list[str]] = {}
    before: set[str] = set()
    for node in nodes:
        scopes = _scopes(node)
        output = next(filter(None, node.output), None)
        if scopes is None or output is None:
            continue
        for path in scopes:
            outputs = calls.setdefault(path, [])
            if path in before:
                outputs.pop()
            outputs.append(output)
        before = scopes
    return calls


def _scopes(node: onnx.NodeProto) -> set[str] | None:
    """Paths of the modules around a node, or None if its exporter did not say."""
    for entry in node.metadata_props:
        if entry.key == _SCOPES_KEY:
            # A printed Python list: '' is the whole model, the last entry is the node itself.
            return set(re.findall(r"'([^']*)'", entry.value)[:-1]) - {""}
    return None


def _quantized_twins(nodes: Iterable[onnx.NodeProto]) -> dict[str, str]:
    """For tensors that are read only through a quantization, what comes out of it again."""
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in nodes:
        for name in set(reads(node)):
            readers.setdefault(name, []).append(node)
    twins = {}
    for name, users in readers.items():
        if all(user.op_type == "QuantizeLinear" and user.input[0] == name for user in users):
            for user in readers.get(users[0].output[0], []):
                if user.op_type == "DequantizeLinear":
                    twins[name] = user.output[0]
                    break
    return twins
