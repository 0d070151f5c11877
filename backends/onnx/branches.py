"""Takes the branches of a graph that constants choose, so that the layers inside can be read."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx

from invert_core.backends.onnx.graph import dependent_on, prune, subgraphs, true_inputs, weights
from invert_core.backends.onnx.session import CPU, RUNTIME_ERRORS, create_session, run_session
from invert_core.errors import ModelError
from invert_core.wording import counted

_log = logging.getLogger("invert")


def with_branches(
    proto: onnx.ModelProto, folder: Path, constants: Mapping[str, np.ndarray]
) -> onnx.ModelProto:
    """Return a model whose conditions are decided as far as constants decide them.

    The nodes of the branch that an If takes come in its place. Tensors keep their names unless the
    main graph has such names already; then the name of the first output of the If precedes theirs.

    Parameters
    ----------
    proto : onnx.ModelProto
        The model, which is not changed.
    folder : Path
        The folder that holds its external data.
    constants : mapping of input name to array
        The inputs that are the same for all samples.

    Returns
    -------
    onnx.ModelProto
        The model itself if no condition is decided.
    """
    n_taken = 0
    while constants and (decided := _decided(proto, folder, constants)):
        n_taken += len(decided)
        proto = _with_taken(proto, decided)
    if n_taken:
        _log.info("Constants decide %s of the model.", counted(n_taken, "condition"))
    return proto


def _decided(
    proto: onnx.ModelProto, folder: Path, constants: Mapping[str, np.ndarray]
) -> dict[str, bool]:
    """Return the conditions of the main graph that depend on constants alone, and their values."""
    others = {value.name for value in true_inputs(proto.graph)} - set(constants)
    open_names = dependent_on(proto.graph, others)
    names = {
        node.input[0]
        for node in proto.graph.node
        if node.op_type == "If" and node.input[0] not in open_names
    }
    if not names:
        return {}
    part = prune(proto, names)
    part.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    feeds = {value.name: constants[value.name] for value in true_inputs(part.graph)}
    try:
        session = create_session(part, folder, [CPU], optimize=False)
        found = run_session(session, list(names), feeds)
    except (*RUNTIME_ERRORS, ModelError) as error:
        _log.info("The conditions of the model cannot be decided: %s", str(error).split("\n")[0])
        return {}
    return {name: bool(value) for name, value in zip(names, found, strict=True)}


def _with_taken(proto: onnx.ModelProto, decided: Mapping[str, bool]) -> onnx.ModelProto:
    new = onnx.ModelProto()
    new.CopyFrom(proto)
    graph = new.graph
    del graph.node[:]
    used = {*weights(graph), *(value.name for value in graph.input)}
    used.update(name for node in proto.graph.node for name in node.output)
    for node in proto.graph.node:
        if node.op_type == "If" and node.input[0] in decided:
            graph.node.extend(_taken(graph, node, decided[node.input[0]], used))
        else:
            graph.node.append(node)
    return new


def _taken(
    graph: onnx.GraphProto, node: onnx.NodeProto, condition: bool, used: set[str]
) -> Iterator[onnx.NodeProto]:
    """Yield the nodes of the branch that an If takes; its weights are added to the graph."""
    wanted = "then_branch" if condition else "else_branch"
    branch = onnx.GraphProto()
    branch.CopyFrom(next(each.g for each in node.attribute if each.name == wanted))
    own = [*weights(branch), *(name for each in branch.node for name in each.output if name)]
    new_names = {name: _free(name, node.output[0], used) for name in own}
    _rename(branch, new_names)
    graph.initializer.extend(branch.initializer)
    graph.sparse_initializer.extend(branch.sparse_initializer)
    graph.value_info.extend(branch.value_info)
    yield from branch.node
    for inner, outer in zip(branch.output, node.output, strict=True):
        yield onnx.helper.make_node("Identity", [inner.name], [outer])


def _free(name: str, place: str, used: set[str]) -> str:
    """Return the name if it is free, or else one that begins with its place; it is used then."""
    while name in used:
        name = f"{place}/{name}"
    used.add(name)
    return name


def _rename(graph: onnx.GraphProto, new_names: Mapping[str, str]) -> None:
    """Rename tensors in a graph and in the bodies inside it, where no name stands for another."""
    for tensor in graph.initializer:
        tensor.name = new_names.get(tensor.name, tensor.name)
    for sparse in graph.sparse_initializer:
        sparse.values.name = new_names.get(sparse.values.name, sparse.values.name)
    for value in (*graph.output, *graph.value_info):
        value.name = new_names.get(value.name, value.name)
    for node in graph.node:
        node.input[:] = _renamed(node.input, new_names)
        node.output[:] = _renamed(node.output, new_names)
        for body in subgraphs(node):
            _rename(body, new_names)


def _renamed(names: Iterable[str], new_names: Mapping[str, str]) -> list[str]:
    return [new_names.get(name, name) for name in names]
