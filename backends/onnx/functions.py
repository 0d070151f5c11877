"""Refuses functions of an ONNX model that nobody could write out: ONNX Runtime would try to."""

from collections.abc import Iterable

import onnx

from invert_core.backends.onnx.graph import subgraphs
from invert_core.errors import ModelError

_MOST_NODES = 2**20
_DEEPEST = 100
_AGAIN = "Export the model again without such functions, or do not use it if it is not your own."

_Key = tuple[str, str, str]


def check_functions(proto: onnx.ModelProto) -> None:
    """Refuse functions that call themselves, and calls that stand for too many nodes.

    ONNX Runtime replaces each call by the nodes of its function when it loads a model. The nodes
    are counted here without writing them out, so the time grows with the file.

    Parameters
    ----------
    proto : onnx.ModelProto
        The model.
    """
    _Counter(proto).measure(proto.graph.node, ())


class _Counter:
    """Measures what lists of nodes stand for; each function is measured once."""

    def __init__(self, proto: onnx.ModelProto):
        self._functions = {_key(each, each.name): each for each in proto.functions}
        self._measured: dict[_Key, tuple[int, int]] = {}

    def measure(self, nodes: Iterable[onnx.NodeProto], calls: tuple[_Key, ...]) -> tuple[int, int]:
        """Return how many nodes there are, and how deep functions call each other in them.

        `calls` are the functions that the nodes are inside of.
        """
        total = deepest = 0
        for node in nodes:
            key = _key(node, node.op_type)
            parts = [self.measure(body.node, calls) for body in subgraphs(node)]
            parts.append(self._of_function(key, calls) if key in self._functions else (1, 0))
            total += sum(size for size, _ in parts)
            deepest = max(deepest, *(depth for _, depth in parts))
            if total > _MOST_NODES:
                raise ModelError(
                    f"The functions of the model stand for more than {_MOST_NODES:,} nodes.", _AGAIN
                )
        return total, deepest

    def _of_function(self, key: _Key, calls: tuple[_Key, ...]) -> tuple[int, int]:
        if key in calls:
            raise ModelError(f"The function {key[1]!r} of the model calls itself.", _AGAIN)
        if key not in self._measured and len(calls) < _DEEPEST:
            size, below = self.measure(self._functions[key].node, (*calls, key))
            self._measured[key] = size, below + 1
        size, depth = self._measured.get(key, (0, 1))
        if len(calls) + depth > _DEEPEST:
            raise ModelError(
                f"The functions of the model call each other more than {_DEEPEST} deep.", _AGAIN
            )
        return size, depth


def _key(item: onnx.NodeProto | onnx.FunctionProto, name: str) -> _Key:
    return item.domain, name, getattr(item, "overload", "")
