"""A pruned graph computes the same as the whole one, and nothing more."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from invert_core.backends.onnx import OnnxBackend
from invert_core.backends.onnx.graph import prune
from invert_core.errors import ModelError
from tests.backends import models


def whole(proto, names, inputs):
    """Run the unpruned graph in ONNX Runtime with more outputs."""
    proto = type(proto).FromString(proto.SerializeToString())
    del proto.graph.output[:]
    proto.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return dict(zip(names, session.run(names, inputs), strict=True))


def branches():
    """If and Loop whose bodies, two levels deep, read tensors and weights from outside."""
    deep = helper.make_graph(
        [models.node("Add", "scaled bias", "deep_y")], "deep", [], [models.value("deep_y", None)]
    )
    shallow = helper.make_graph(
        [models.node("Neg", "scaled", "shallow_y")],
        "shallow",
        [],
        [models.value("shallow_y", None)],
    )
    outer = helper.make_graph(
        [
            models.node("Mul", "x factor", "scaled_again"),
            models.node("If", "yes", "outer_y", then_branch=deep, else_branch=shallow),
        ],
        "outer",
        [],
        [models.value("outer_y", None)],
    )
    other = helper.make_graph(
        [models.node("Abs", "late", "other_y")], "other", [], [models.value("other_y", None)]
    )
    step = helper.make_graph(
        [
            models.node("Identity", "go", "go_on"),
            models.node("Add", "state scaled", "next"),
        ],
        "step",
        [
            models.value("at", [], TensorProto.INT64),
            models.value("go", [], TensorProto.BOOL),
            models.value("state", None),
        ],
        [models.value("go_on", [], TensorProto.BOOL), models.value("next", None)],
    )
    return models.model(
        [
            models.node("Mul", "x factor", "scaled"),
            models.node("MatMul", "x unused_weight", "unused"),
            models.node("Exp", "x", "late"),
            models.node("If", "yes", "chosen", then_branch=outer, else_branch=other),
            models.node("Loop", "times yes late", "looped", body=step),
            models.node("Neg", "chosen", "end"),
        ],
        [models.value("x", ["n", 3])],
        [models.value("end", ["n", 3])],
        {
            "factor": np.full(3, 2, np.float32),
            "bias": np.arange(3, dtype=np.float32),
            "yes": np.array(True),
            "times": np.array(3),
            "unused_weight": np.ones((3, 9), np.float32),
        },
    )


def test_bodies_keep_what_they_read_from_outside(tmp_path):
    proto = branches()
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    right = whole(proto, ["chosen", "looped"], {"x": x})
    path = models.save(proto, tmp_path)
    for name, values in right.items():
        np.testing.assert_allclose(models.run(path, [name], x, pool="none")[name], values)


def test_nodes_and_weights_that_nobody_needs_are_left_out():
    part = prune(branches(), {"looped"}).graph
    assert [node.op_type for node in part.node] == ["Mul", "Exp", "Loop"]
    assert {tensor.name for tensor in part.initializer} == {"factor", "yes", "times"}


def test_pruning_leaves_the_model_as_it_is():
    proto = branches()
    before = proto.SerializeToString()
    prune(proto, {"scaled"})
    assert proto.SerializeToString() == before


def test_every_layer_alone_equals_the_whole_graph(tmp_path):
    proto = models.network()
    x = models.network_input()
    layers = ["conv", "relu", "tokens", "pooled", "features", "logits"]
    right = whole(proto, layers, {"x": x})
    path = models.save(proto, tmp_path)
    for name in layers:
        values = right[name]
        axes = {4: (2, 3), 3: (1,), 2: ()}[values.ndim]
        found = models.run(path, [name], x)[name]
        np.testing.assert_allclose(found, values.mean(axes), rtol=1e-5, atol=1e-6)


def two_inputs():
    return models.model(
        [models.node("Relu", "a", "of_a"), models.node("Add", "of_a b", "sum")],
        [models.value("a", ["n", 2]), models.value("b", ["n", 2])],
        [models.value("sum", ["n", 2])],
    )


def test_an_input_that_no_wanted_layer_needs_may_be_left_out(tmp_path):
    path = models.save(two_inputs(), tmp_path)
    a = np.ones((3, 2), np.float32)
    np.testing.assert_array_equal(models.run(path, ["of_a"], {"a": a})["of_a"], a)
    np.testing.assert_array_equal(models.run(path, ["of_a"], {"a": a, "b": a})["of_a"], a)


def functions():
    inner = helper.make_function(
        "own",
        "Twice",
        ["v"],
        ["w"],
        [models.node("Add", "v v", "w")],
        [helper.make_opsetid("", 18)],
    )
    outer = helper.make_function(
        "own",
        "FourTimes",
        ["v"],
        ["w"],
        [
            models.node("Twice", "v", "half", domain="own"),
            models.node("Twice", "half", "w", domain="own"),
        ],
        [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)],
    )
    return models.model(
        [
            models.node("FourTimes", "x", "y", domain="own"),
            models.node("Twice", "y", "z", domain="own"),
        ],
        [models.value("x", ["n", 2, 5])],
        [models.value("z", ["n", 2, 5])],
        domains=("own",),
        functions=[inner, outer],
    )


def test_a_model_with_functions_runs(tmp_path):
    path = models.save(functions(), tmp_path)
    x = np.random.default_rng(0).normal(size=(4, 2, 5)).astype(np.float32)
    found = models.run(path, ["y", "z"], x, channel_axis=2)
    np.testing.assert_allclose(found["y"], 4 * x.mean(1), rtol=1e-6)
    np.testing.assert_allclose(found["z"], 8 * x.mean(1), rtol=1e-6)
    assert [layer.shape for layer in OnnxBackend.open(path).layers()] == [(None, 2, 5)] * 2


def test_only_the_wanted_part_has_to_run(tmp_path):
    proto = models.network()
    proto.graph.node.append(models.node("NoSuchOperator", "relu", "odd"))
    path = models.save(proto, tmp_path)
    x = models.network_input()
    assert models.run(path, ["conv"], x)["conv"].shape == (7, 4)
    with pytest.raises(ModelError, match="NoSuchOperator"):
        models.run(path, ["odd"], x, pool="none")


def test_names_of_added_nodes_avoid_names_of_the_model(tmp_path):
    proto = models.model(
        [
            models.node("Neg", "x", "invert/0/Identity"),
            models.node("Neg", "invert/0/Identity", "y"),
        ],
        [models.value("x", ["n", 2])],
        [models.value("y", ["n", 2])],
    )
    x = np.ones((3, 2), np.float32)
    np.testing.assert_array_equal(models.run(models.save(proto, tmp_path), ["y"], x)["y"], x)
