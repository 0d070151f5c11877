"""What layers are listed, and by what names they can be asked for."""

import logging

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from invert_core.backends.onnx import OnnxBackend
from invert_core.errors import ModelError, SettingError, UnknownNameError
from invert_core.models.axes import Axes
from invert_core.models.backend import Layer, Reading
from tests.backends import models

FIRST = Axes(0, 1, "channels of Conv 'conv'")
LAST = Axes(0, 2, "channels of Conv 'conv'")
FLAT = Axes(0, 1, "the only other axis")


def listed(proto, folder):
    return {layer.name: layer for layer in OnnxBackend.open(models.save(proto, folder)).layers()}


def refusal(proto, folder, layer, **settings):
    model = OnnxBackend.open(models.save(proto, folder))
    with pytest.raises((UnknownNameError, ModelError, SettingError)) as caught:
        model.extractor([layer], device="cpu", **settings)
    return str(caught.value)


def test_layers_come_with_operator_shape_units_module_and_pool(tmp_path):
    layers = listed(models.network(), tmp_path)
    assert list(layers) == ["conv", "relu", "flat", "tokens", "pooled", "features", "logits"]
    conv = Layer("conv", "stem.conv", "Conv", (None, 4, 4, 5), 4, "mean", 12, axes=FIRST)
    assert layers["conv"] == conv
    assert layers["relu"].module == "stem.act"
    tokens = Layer("tokens", "split", "Transpose", (None, 20, 4), 4, "mean", 0, axes=LAST)
    assert layers["tokens"] == tokens
    logits = Layer("logits", "head", "MatMul", (None, 6), 6, "none", 24, axes=FLAT)
    assert layers["logits"] == logits


def test_inputs_are_listed_without_weights_of_the_old_style(tmp_path):
    proto = models.network()
    proto.graph.input.append(models.value("w", [4, 3, 1, 1]))
    model = OnnxBackend.open(models.save(proto, tmp_path))
    assert [(each.name, each.shape, each.dtype) for each in model.inputs] == [
        ("x", (None, 3, 4, 5), np.float32)
    ]
    found = models.run(models.save(proto, tmp_path), ["relu"], models.network_input())
    assert found["relu"].shape == (7, 4)


def test_a_module_is_the_last_node_inside_of_it(tmp_path):
    path = models.save(models.network(), tmp_path)
    x = models.network_input()
    right = models.network_layers(x)
    for module, tensor in {"stem": "relu", "stem.conv": "conv", "pool": "features"}.items():
        found = models.run(path, [module], x)[module]
        values = right[tensor]
        values = values if values.ndim == 2 else values.mean((2, 3))
        np.testing.assert_allclose(found, values, rtol=1e-5, atol=1e-6)


def test_a_module_that_is_taken_is_logged(tmp_path, caplog):
    path = models.save(models.network(), tmp_path)
    with caplog.at_level(logging.DEBUG, "invert"):
        models.run(path, ["stem"], models.network_input())
    assert "Module 'stem': its output is the tensor 'relu' (Relu)." in caplog.text


def test_a_constant_is_not_the_output_of_a_module(tmp_path):
    proto = models.network()
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1])
    proto.graph.node.insert(2, models.node("Constant", "", "one", ["stem"], value=one))
    path = models.save(proto, tmp_path)
    x = models.network_input()
    np.testing.assert_array_equal(
        models.run(path, ["stem"], x)["stem"], models.run(path, ["relu"], x)["relu"]
    )


def run_twice():
    return models.model(
        [
            models.node("Relu", "x", "first", ["block", "block.act"]),
            models.node("Neg", "first", "other", ["block"]),
            models.node("Exp", "other", "second", ["block", "block.act"]),
        ],
        [models.value("x", ["n", 3])],
        [models.value("second", ["n", 3])],
    )


def test_of_a_module_that_runs_twice_the_last_output_is_taken_with_a_warning(tmp_path, caplog):
    path = models.save(run_twice(), tmp_path)
    x = np.ones((1, 3), np.float32)
    np.testing.assert_array_equal(
        models.run(path, ["block.act"], x)["block.act"], models.run(path, ["second"], x)["second"]
    )
    assert "'block.act' runs 2 times" in caplog.text
    assert "the tensor 'second'; say 'block.act#1' for the earlier ones" in caplog.text


def test_every_call_of_a_module_has_a_name(tmp_path, caplog):
    layers = listed(run_twice(), tmp_path)
    assert [layer.module for layer in layers.values()] == ["block.act#1", "", "block.act#2"]
    path = models.save(run_twice(), tmp_path)
    x = np.array([[1, -2, 0.5]], np.float32)
    calls = models.run(path, ["block.act#1", "block.act#2"], x)
    tensors = models.run(path, ["first", "second"], x)
    np.testing.assert_array_equal(calls["block.act#1"], tensors["first"])
    np.testing.assert_array_equal(calls["block.act#2"], tensors["second"])
    np.testing.assert_array_equal(models.run(path, ["block"], x)["block"], tensors["second"])
    assert "runs 2 times" not in caplog.text


def test_calls_that_there_are_not_are_refused_with_the_nearest(tmp_path):
    for call in ("block.act#0", "block.act#3", "block.act#x"):
        assert "Did you mean 'block.act#" in refusal(run_twice(), tmp_path, call)
    assert "no layer 'block#1'" in refusal(run_twice(), tmp_path, "block#1")


def test_a_tensor_goes_before_a_call_of_its_name(tmp_path):
    proto = run_twice()
    proto.graph.node.append(models.node("Neg", "second", "block.act#1"))
    x = np.ones((1, 3), np.float32)
    found = models.run(models.save(proto, tmp_path), ["block.act#1"], x)["block.act#1"]
    np.testing.assert_allclose(found, -np.exp(-x))
    assert listed(proto, tmp_path)["first"].module == ""


def clash():
    return models.model(
        [
            models.node("Relu", "x", "act", ["stem"]),
            models.node("Neg", "act", "y", ["act"]),
        ],
        [models.value("x", ["n", 3])],
        [models.value("y", ["n", 3])],
    )


def test_a_tensor_goes_before_a_module_of_its_name_with_a_warning(tmp_path, caplog):
    path = models.save(clash(), tmp_path)
    x = np.array([[1, -2, 3]], np.float32)
    found = models.run(path, ["act"], x)["act"]
    np.testing.assert_array_equal(found, [[1, 0, 3]])
    assert "output is the tensor 'y'" in caplog.text


def test_a_module_hidden_by_a_tensor_is_not_listed(tmp_path):
    assert listed(clash(), tmp_path)["y"].module == ""


def test_a_quantized_module_is_read_after_its_dequantization(tmp_path):
    proto = models.model(
        [
            models.node("Relu", "x", "float", ["act"]),
            models.node("QuantizeLinear", "float scale zero", "whole"),
            models.node("DequantizeLinear", "whole scale zero", "back"),
            models.node("Neg", "back", "y", ["rest"]),
        ],
        [models.value("x", ["n", 3])],
        [models.value("y", ["n", 3])],
        {"scale": np.float32(0.5), "zero": np.uint8(0)},
    )
    assert listed(proto, tmp_path)["back"].module == "act"
    found = models.run(models.save(proto, tmp_path), ["act"], np.array([[0.7, 1, 9]], np.float32))
    np.testing.assert_array_equal(found["act"], [[0.5, 1, 9]])


@pytest.mark.parametrize(("dtype", "zero"), [(np.uint8, 128), (np.int8, -3)])
@pytest.mark.parametrize("pool", ["mean", "max", "flatten"])
@pytest.mark.parametrize("opset", [13, 18, 21])
def test_integers_of_8_bits_are_read_as_floats_and_pooled_as_such(
    tmp_path, dtype, zero, pool, opset
):
    proto = models.model(
        [
            models.node("QuantizeLinear", "x scale zero", "whole"),
            models.node("DequantizeLinear", "whole scale zero", "y"),
        ],
        [models.value("x", ["n", 3, 4, 5])],
        [models.value("y", ["n", 3, 4, 5])],
        {"scale": np.float32(0.25), "zero": dtype(zero)},
        opset=opset,
    )
    layer = listed(proto, tmp_path)["whole"]
    assert (layer.pool, layer.n_units) == ("mean", 3)
    x = np.random.default_rng(0).normal(0, 9, (6, 3, 4, 5)).astype(np.float32)
    limits = np.iinfo(dtype)
    whole = np.clip(np.rint(x / 0.25) + zero, limits.min, limits.max)
    expected = {
        "mean": whole.mean((2, 3)),
        "max": whole.max((2, 3)),
        "flatten": whole.reshape(6, -1),
    }
    found = models.run(models.save(proto, tmp_path), ["whole"], x, pool=pool)["whole"]
    np.testing.assert_allclose(found, expected[pool], rtol=1e-6)


def test_integers_of_more_than_8_bits_are_refused(tmp_path):
    proto = models.model(
        [models.node("Cast", "x", "y", to=TensorProto.INT32)],
        [models.value("x", ["n", 3])],
        [models.value("y", ["n", 3], TensorProto.INT32)],
    )
    assert "holds int32, but only floats and integers of 8 bits" in refusal(proto, tmp_path, "y")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("w", "is a weight"),
        ("x", "is an input"),
        ("fixed", "is a constant"),
        ("inside", "lies inside an If node"),
        ("rleu", "Did you mean 'relu'?"),
        ("nothing_like_it", "`invert layers`"),
    ],
)
def test_what_is_no_layer_is_refused_with_the_reason(tmp_path, name, reason):
    proto = models.network()
    body = helper.make_graph(
        [models.node("Neg", "relu", "inside")], "body", [], [models.value("inside", None)]
    )
    yes = helper.make_tensor("yes", TensorProto.BOOL, [], [True])
    proto.graph.node.extend(
        [
            models.node("Constant", "", "fixed", value=yes),
            models.node("If", "fixed", "branch", then_branch=body, else_branch=body),
        ]
    )
    assert reason in refusal(proto, tmp_path, name)


def awkward():
    return models.model(
        [
            models.node("Shape", "x", "size"),
            models.node("ReduceSum", "x", "total", keepdims=0),
            models.node("ReduceSum", "x one", "line", keepdims=0),
            models.node("Greater", "x zero", "mask"),
            models.node("Transpose", "x", "turned", perm=[1, 0, 2]),
            models.node("Reshape", "x merge", "merged"),
            models.node("Neg", "w", "positions"),
            models.node("Add", "x w", "y"),
        ],
        [models.value("x", ["n", 2, 3])],
        [models.value("y", ["n", 2, 3])],
        {
            "one": np.array([1, 2]),
            "zero": np.float32(0),
            "merge": np.array([-1, 3]),
            "w": np.ones((1, 2, 3), np.float32),
        },
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("size", "holds int64"),
        ("total", "is a single value, not one per sample"),
        ("mask", "holds bool"),
        ("turned", "and nothing tells which axis counts the channels"),
        ("merged", "axis 0 counts samples and something else together"),
        ("positions", "does not depend on the input"),
    ],
)
def test_what_cannot_be_extracted_is_listed_so_and_refused(tmp_path, name, reason):
    proto = awkward()
    layers = listed(proto, tmp_path)
    assert layers[name].pool == ""
    assert layers[name].n_units is None
    assert layers["line"].pool == "none"
    assert reason in refusal(proto, tmp_path, name)


def test_a_layer_of_samples_alone_is_one_unit(tmp_path):
    x = np.random.default_rng(0).normal(size=(4, 2, 3)).astype(np.float32)
    layer = listed(awkward(), tmp_path)["line"]
    assert (layer.shape, layer.n_units, layer.axes.batch) == ((None,), 1, 0)
    found = models.run(models.save(awkward(), tmp_path), ["line"], x)["line"]
    np.testing.assert_allclose(found, x.sum((1, 2))[:, None], rtol=1e-5)


def test_a_layer_whose_samples_are_not_first_is_read_on_their_axis(tmp_path):
    x = np.random.default_rng(0).normal(size=(4, 2, 3)).astype(np.float32)
    path = models.save(awkward(), tmp_path)
    found = models.run(path, ["turned"], x, channel_axis=2)["turned"]
    np.testing.assert_allclose(found, x.mean(1), rtol=1e-5)
    flat = models.run(path, ["turned"], x, channel_axis=0, pool="flatten")["turned"]
    np.testing.assert_array_equal(flat, x.reshape(4, 6))


def test_an_axis_that_cannot_count_the_samples_is_refused_with_those_that_can(tmp_path):
    model = OnnxBackend.open(models.save(awkward(), tmp_path))
    with pytest.raises(ModelError, match=r"has length 2 on axis 0, which should.*may be on axis 1"):
        model.open_layers([Reading("turned", batch_axis=0, channel_axis=1)])


def test_an_axis_that_turns_out_not_to_be_the_batch_is_refused(tmp_path):
    path = models.save(awkward(), tmp_path)
    with pytest.raises(ModelError, match="Axis 0 of the layer 'merged' is not the batch"):
        models.run(path, ["merged"], np.ones((4, 2, 3), np.float32), channel_axis=1)


def test_two_names_of_one_tensor_are_refused(tmp_path):
    model = OnnxBackend.open(models.save(models.network(), tmp_path))
    with pytest.raises(SettingError, match="are the same"):
        model.extractor(["relu", "stem"], device="cpu")


def test_shapes_behind_foreign_operators_are_asked_of_the_runtime(tmp_path):
    proto = models.model(
        [
            models.node("FusedMatMul", "x w", "product", domain="com.microsoft"),
            models.node("Relu", "product", "y"),
        ],
        [models.value("x", ["n", 3])],
        [models.value("y", None)],
        {"w": np.ones((3, 4), np.float32)},
        domains=("com.microsoft",),
    )
    layers = listed(proto, tmp_path)
    assert layers["product"].shape == (None, 4)
    assert layers["y"].pool == "none"
    found = models.run(models.save(proto, tmp_path), ["y"], np.ones((2, 3), np.float32))
    np.testing.assert_array_equal(found["y"], np.full((2, 4), 3))


def test_a_fault_elsewhere_in_the_graph_does_not_hide_a_layer(tmp_path, caplog):
    proto = models.network()
    proto.graph.node.append(models.node("Neg", "", "faulty"))
    path = models.save(proto, tmp_path)
    with caplog.at_level(logging.INFO, "invert"):
        found = models.run(path, ["relu"], models.network_input())["relu"]
    assert "ONNX cannot infer shapes in this model" in caplog.text
    right = models.network_layers(models.network_input())["relu"].mean((2, 3))
    np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)


def test_weights_are_not_copied_to_infer_shapes(tmp_path, monkeypatch):
    proto = models.model(
        [models.node("MatMul", "x w", "wide"), models.node("Reshape", "wide to", "y")],
        [models.value("x", ["n", 512])],
        [models.value("y", None)],
        {"w": np.zeros((512, 512), np.float32), "to": np.array([0, 2, 256])},
    )
    sizes = []
    infer = onnx.shape_inference.infer_shapes

    def spy(given, **settings):
        sizes.append(given.ByteSize())
        return infer(given, **settings)

    monkeypatch.setattr(onnx.shape_inference, "infer_shapes", spy)
    assert listed(proto, tmp_path)["y"].shape == (None, 2, 256)
    assert sizes[0] < 1000 < proto.ByteSize()


def test_a_constant_of_an_unknown_type_is_refused_in_one_sentence(tmp_path):
    proto = models.network()
    proto.graph.initializer[0].data_type = -1
    model = OnnxBackend.open(models.save(proto, tmp_path))
    assert "logits" in [layer.name for layer in model.layers()]
    with pytest.raises(ModelError, match="ONNX Runtime"):
        model.extractor(["logits"])
