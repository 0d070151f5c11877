"""Finds the tensors of a graph by their own names and by the modules that made them."""

import functools
import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import onnx

from invert_core.backends.onnx.graph import reads, subgraphs, weights
from invert_core.errors import SettingError, UnknownNameError
from invert_core.wording import first_few, nearest

_log = logging.getLogger("invert")

_SCOPES_KEY = "pkg.torch.onnx.name_scopes"
_LIST_ALL = "`invert layers` lists all layers of a model."


@dataclass(frozen=True)
class Names:
    """Names by which the tensors of a graph can be asked for.

    `modules` maps the path of a module to the outputs of its calls. The path stands for the last
    output. If there are several, ``path#1``, ``path#2`` and so on stand for each of them.
    """

    producers: dict[str, onnx.NodeProto]
    modules: dict[str, list[str]]

    @classmethod
    def of(cls, graph: onnx.GraphProto) -> "Names":
        """Read the names from a graph."""
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

    @functools.cached_property
    def calls(self) -> dict[str, str]:
        """The output of each call by its name, which is the path alone for a single call."""
        return {
            path if len(outputs) == 1 else f"{path}#{number}": output
            for path, outputs in self.modules.items()
            for number, output in enumerate(outputs, 1)
        }

    def module_of(self) -> dict[str, str]:
        """Return the innermost module whose output a tensor is, for all outputs of modules."""
        found: dict[str, str] = {}
        for call, tensor in self.calls.items():
            # A tensor's own name wins over an equal module path, which then names another tensor.
            hidden = call in self.producers and call != tensor
            if not hidden and _depth(call) >= _depth(found.get(tensor, "")):
                found[tensor] = call
        return found

    def resolve(self, name: str, graph: onnx.GraphProto) -> str:
        """Find the tensor that a name stands for.

        Parameters
        ----------
        name : str
            A tensor, the path of a module, or one of its calls. A tensor wins over a module of
            the same name.
        graph : onnx.GraphProto
            The graph that these names were read from.

        Returns
        -------
        str
            Name of a tensor that a node of the main graph outputs.
        """
        if name in self.producers:
            return name
        if name in self.modules:
            return self.modules[name][-1]
        if name in self.calls:
            return self.calls[name]
        problem = _why_no_layer(name, graph)
        if problem:
            raise UnknownNameError(f"{name!r} {problem}.", _LIST_ALL)
        known = [*self.producers, *self.modules, *self.calls]
        raise UnknownNameError(f"The model has no layer {name!r}.", nearest(name, known, _LIST_ALL))

    def resolve_all(self, names: Sequence[str], graph: onnx.GraphProto) -> dict[str, str]:
        """Find the tensors that some names stand for, and log what is ambiguous about them."""
        tensors: dict[str, str] = {}
        for name in names:
            tensor = self.resolve(name, graph)
            for other, taken in tensors.items():
                if taken == tensor:
                    raise SettingError(
                        f"The layers {other!r} and {name!r} are the same.", "Name it once."
                    )
            self._tell(name, tensor)
            tensors[name] = tensor
        return tensors

    def _tell(self, name: str, tensor: str) -> None:
        outputs = self.modules.get(name, [tensor])
        if tensor == name and outputs[-1] != tensor:
            _log.warning(
                "%r names a tensor and a module. The tensor is taken; the module's output is the "
                "tensor %r.",
                name,
                outputs[-1],
            )
        elif len(outputs) > 1:
            _log.warning(
                "Module %r runs %d times. Its last output is taken, the tensor %r; say %s for "
                "the earlier ones.",
                name,
                len(outputs),
                tensor,
                first_few([f"{name}#{number}" for number in range(1, len(outputs))]),
            )
        elif tensor != name:
            op = self.producers[tensor].op_type
            _log.debug("Module %r: its output is the tensor %r (%s).", name, tensor, op)


def _depth(call: str) -> int:
    return len(call.partition("#")[0])


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
            return f"lies inside an {node.op_type} node, but only the main graph can be read"
    return ""


def _all_nodes(graph: onnx.GraphProto) -> Iterable[onnx.NodeProto]:
    for node in graph.node:
        yield node
        for body in subgraphs(node):
            yield from _all_nodes(body)


def _module_calls(nodes: Iterable[onnx.NodeProto]) -> dict[str, list[str]]:
    """Return the outputs of all calls of each module; the last node of a call makes its output.

    The nodes of one call are consecutive; a module that appears again was called again.
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
    """Return the paths of the modules around a node, or None if the exporter did not say."""
    for entry in node.metadata_props:
        if entry.key == _SCOPES_KEY:
            # A printed Python list: '' is the whole model, the last entry is the node itself.
            return set(re.findall(r"'([^']*)'", entry.value)[:-1]) - {""}
    return None


def _quantized_twins(nodes: Iterable[onnx.NodeProto]) -> dict[str, str]:
    """Map tensors that are read only through a quantization to their dequantized values."""
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
