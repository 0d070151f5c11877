"""The number of weights that is reported for a layer."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from invert_core.backends.onnx import OnnxBackend
from tests.backends import models


def counted(nodes, folder, weights, shape=("n", 3)):
    proto = models.model(
        nodes, [models.value("x", shape)], [models.value(nodes[-1].output[0], None)], weights
    )
    layers = OnnxBackend.open(models.save(proto, folder)).layers()
    return {layer.name: layer.n_parameters for layer in layers}


def test_the_weights_that_a_node_reads_are_counted_once(tmp_path):
    weights = {"w": np.ones((3, 5), np.float32), "b": np.ones(5, np.float32)}
    found = counted(
        [
            models.node("MatMul", "x w", "product"),
            models.node("Add", "product b", "sum"),
            models.node("Sum", "sum b b", "twice"),
            models.node("Relu", "twice", "y"),
        ],
        tmp_path,
        weights,
    )
    assert found == {"product": 15, "sum": 5, "twice": 5, "y": 0}


def test_shapes_axes_and_single_values_are_no_weights(tmp_path):
    weights = {"to": np.array([0, 3, 1]), "low": np.float32(0), "axes": np.array([2])}
    nodes = [
        models.node("Reshape", "x to", "wide"),
        models.node("Clip", "wide low", "clipped"),
        models.node("ReduceSum", "clipped axes", "y"),
    ]
    assert set(counted(nodes, tmp_path, weights).values()) == {0}


def test_weights_are_counted_however_they_are_stored(tmp_path):
    weights = {
        "whole": np.ones((5, 3), np.int8),
        "scale": np.ones(5, np.float32),
        "zero": np.zeros(5, np.int8),
        "half": np.ones((5, 2), np.float16),
    }
    constant = numpy_helper.from_array(np.ones((2, 4), np.float32))
    found = counted(
        [
            models.node("DequantizeLinear", "whole scale zero", "float", axis=0),
            models.node("Transpose", "float", "turned", perm=[1, 0]),
            models.node("MatMul", "x turned", "first"),
            models.node("Cast", "half", "wide", to=TensorProto.FLOAT),
            models.node("Identity", "wide", "same"),
            models.node("MatMul", "first same", "second"),
            models.node("Constant", "", "stored", value=constant),
            models.node("MatMul", "second stored", "y"),
        ],
        tmp_path,
        weights,
    )
    assert (found["first"], found["second"], found["y"]) == (15, 10, 8)


def test_weights_inside_of_control_flow_belong_to_its_node(tmp_path):
    def body(weight, name):
        return helper.make_graph(
            [models.node("MatMul", f"x {weight}", name)],
            name,
            [],
            [models.value(name, None)],
            [numpy_helper.from_array(np.ones((3, 7), np.float32), "inner")],
        )

    yes = helper.make_tensor("yes", TensorProto.BOOL, [], [True])
    found = counted(
        [
            models.node("Constant", "", "yes", value=yes),
            models.node(
                "If", "yes", "y", then_branch=body("w", "a"), else_branch=body("inner", "b")
            ),
        ],
        tmp_path,
        {"w": np.ones((3, 2), np.float32)},
    )
    assert found["y"] == 6 + 21 + 21


def test_old_models_that_list_weights_as_inputs_have_them_counted(tmp_path):
    proto = models.network()
    proto.graph.input.append(models.value("w", [4, 3, 1, 1]))
    layers = OnnxBackend.open(models.save(proto, tmp_path)).layers()
    assert {layer.name: layer.n_parameters for layer in layers}["conv"] == 12
