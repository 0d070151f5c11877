"""Branches that constants choose: the layers inside are listed and extracted like others."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from invert_core import Feed, extract, list_layers, open_activations
from invert_core.backends.onnx.branches import with_branches
from tests.backends.models import model, node, save, value
from tests.command_line import invert
from tests.needs import need

onnxruntime = need("onnxruntime")

X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


def weight(name, seed):
    values = np.random.default_rng(seed).normal(size=(4, 4)).astype(np.float32)
    return numpy_helper.from_array(values, name)


def body(nodes, outputs, weights=()):
    described = [value(name, None) for name in outputs]
    return helper.make_graph(nodes, "body", [], described, list(weights))


def layer(source, output, place=""):
    """A matrix product with ReLU whose inner names are the same in every branch."""
    return [
        node("MatMul", f"{source} {place}w", f"{place}product"),
        node("Relu", f"{place}product", output),
    ]


def choice(condition, output, then_body, else_body):
    return helper.make_node(
        "If", [condition], [output], then_branch=then_body, else_branch=else_body
    )


def branching():
    """Two conditions on `rate`, one inside the other, and one on `x`; names repeat in branches."""
    inner = choice(
        "slow",
        "chosen",
        body(layer("h", "o", "in_"), ["o"], [weight("in_w", 1)]),
        body([node("Neg", "h", "o")], ["o"]),
    )
    first = choice(
        "fast",
        "first",
        body(layer("x", "h"), ["h"], [weight("w", 2)]),
        body([*layer("x", "h"), inner], ["chosen"], [weight("w", 3)]),
    )
    second = choice(
        "fast",
        "second",
        body([*layer("first", "r"), node("Add", "r product", "s")], ["s"], [weight("w", 4)]),
        body([node("Identity", "first", "s")], ["s"]),
    )
    third = choice(
        "large",
        "third",
        body([node("Exp", "second", "e")], ["e"]),
        body([node("Neg", "second", "e")], ["e"]),
    )
    return model(
        [
            node("Equal", "rate sixteen", "fast"),
            node("Less", "rate sixteen", "slow"),
            first,
            second,
            node("ReduceSum", "x", "sum", keepdims=0),
            node("Greater", "sum zero", "large"),
            third,
            node("Neg", "third", "product"),
        ],
        [value("x", ["n", 4]), value("rate", [], TensorProto.INT64)],
        [value("product", ["n", 4])],
        {"sixteen": np.array(16), "zero": np.float32(0)},
    )


def whole(proto, rate):
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    return session.run(["product"], {"x": X, "rate": np.array(rate)})[0]


@pytest.mark.parametrize("rate", [16, 8, 24])
def test_a_model_computes_the_same_once_its_branches_are_taken(tmp_path, rate):
    proto = branching()
    before = proto.SerializeToString()
    taken = with_branches(proto, tmp_path, {"rate": np.array(rate)})
    onnx.checker.check_model(taken, full_check=True)
    assert proto.SerializeToString() == before
    assert [each.output[0] for each in taken.graph.node if each.op_type == "If"] == ["third"]
    assert np.array_equal(whole(taken, rate), whole(proto, rate))


def test_conditions_that_samples_decide_stay(tmp_path):
    proto = branching()
    assert with_branches(proto, tmp_path, {}) is proto
    only = model(
        [node("Cast", "x", "yes", to=TensorProto.BOOL)], [value("x", [])], [value("yes", [])]
    )
    assert with_branches(only, tmp_path, {"other": np.array(1)}) is only


def test_layers_of_the_branch_that_is_taken_are_listed_and_extracted(tmp_path):
    path = save(branching(), tmp_path)
    listed = {
        rate: [each.name for each in list_layers(path, feed=Feed({"rate": rate}))]
        for rate in (16, 8)
    }
    assert "h" in listed[16]
    assert "in_product" in listed[8]
    assert "in_product" not in listed[16]
    assert len(set(listed[16])) == len(listed[16])
    extract(path, X, tmp_path / "x.h5", ["h", "product"], feed=Feed({"rate": 16}), device="cpu")
    with open_activations(tmp_path / "x.h5") as activations:
        found = {name: each.read(0, 4).T for name, each in activations.layers.items()}
    first = numpy_helper.to_array(weight("w", 2))
    np.testing.assert_allclose(found["h"], np.maximum(X @ first, 0), rtol=1e-5, atol=1e-6)
    assert np.array_equal(found["product"], whole(branching(), 16))


def test_the_command_line_lists_the_layers_that_a_constant_chooses(tmp_path):
    path = save(branching(), tmp_path)

    def listed(*options):
        return {row["name"] for row in json.loads(invert("layers", path, *options).stdout)}

    as_json = ("--format", "json")
    assert "h" not in listed(*as_json)
    assert "h" in listed(*as_json, "--constant", "rate=16")
