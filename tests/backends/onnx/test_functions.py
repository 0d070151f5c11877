"""Functions of ONNX models that ONNX Runtime would write out for ever are refused."""

import onnx
import pytest
from onnx import helper

from invert_core.backends.onnx.model import OnnxModel
from invert_core.errors import ModelError

OPSETS = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]


def call(name, source="i", to="o"):
    return helper.make_node(name, [source], [to], domain="own")


def function(name, *nodes):
    return helper.make_function("own", name, ["i"], ["o"], nodes, OPSETS)


def twice(name):
    return call(name, "i", "between"), call(name, "between", "o")


def opened(tmp_path, nodes, functions):
    x, y = (helper.make_tensor_value_info(name, 1, ["n", 4]) for name in "xy")
    graph = helper.make_graph(nodes, "g", [x], [y])
    model = helper.make_model(graph, functions=functions, opset_imports=OPSETS, ir_version=8)
    onnx.save(model, tmp_path / "m.onnx")
    return OnnxModel(tmp_path / "m.onnx")


def test_functions_that_call_others_are_read(tmp_path):
    functions = [function("f0", helper.make_node("Relu", ["i"], ["o"]))]
    functions += [function(f"f{k}", *twice(f"f{k - 1}")) for k in range(1, 5)]
    model = opened(tmp_path, [call("f4", "x", "y")], functions)
    assert [layer.name for layer in model.layers()] == ["y"]


def inside_a_branch(name):
    graph = helper.make_graph([call(name)], "b", [], [helper.make_tensor_value_info("o", 1, None)])
    return helper.make_node("If", ["i"], ["o"], then_branch=graph, else_branch=graph)


@pytest.mark.parametrize(
    ("functions", "words"),
    [
        ([function("f", call("f"))], "The function 'f' of the model calls itself"),
        ([function("f", call("g")), function("g", call("f"))], "calls itself"),
        ([function("f", inside_a_branch("f"))], "calls itself"),
        (
            [function("f0", helper.make_node("Relu", ["i"], ["o"]))]
            + [function(f"f{k}", *twice(f"f{k - 1}")) for k in range(1, 40)]
            + [function("f", call("f39"))],
            "stand for more than 1,048,576 nodes",
        ),
        (
            [function("f0", helper.make_node("Relu", ["i"], ["o"]))]
            + [function(f"f{k}", call(f"f{k - 1}")) for k in range(1, 300)]
            + [function("f", call("f299"))],
            "more than 100 deep",
        ),
    ],
)
def test_functions_without_end_are_refused(tmp_path, functions, words):
    with pytest.raises(ModelError, match=words):
        opened(tmp_path, [call("f", "x", "y")], functions)


def test_the_depth_counts_below_functions_that_were_met_before(tmp_path):
    functions = [function("f0", helper.make_node("Relu", ["i"], ["o"]))]
    functions += [function(f"f{k}", call(f"f{k - 1}")) for k in range(1, 101)]
    names = [f"x{k}" for k in range(100)]
    nodes = [call(f"f{k}", "x", name) for k, name in enumerate(names)]
    assert opened(tmp_path, [*nodes, call("f99", "x", "y")], functions).layers()
    with pytest.raises(ModelError, match="more than 100 deep"):
        opened(tmp_path, [*nodes, call("f100", "x", "y")], functions)
