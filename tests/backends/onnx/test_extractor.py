"""Batches: their size, and inputs that are refused."""

import numpy as np
import pytest
from onnx import TensorProto

from invert_core import extract, open_activations
from invert_core.backends.onnx import OnnxBackend
from invert_core.errors import DataError, ModelError
from tests.backends import models


@pytest.mark.parametrize("fixed", [1, 2, 3, 8])
@pytest.mark.parametrize("count", [1, 7, 8])
def test_a_fixed_batch_size_is_hidden(tmp_path, fixed, count):
    path = models.save(models.network(batch=fixed), tmp_path)
    x = models.network_input(count)
    right = models.network_layers(x)
    found = models.run(path, ["tokens", "logits"], x)
    np.testing.assert_allclose(found["tokens"], right["tokens"].mean(1), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["logits"], right["logits"], rtol=1e-5, atol=1e-6)


def test_the_graph_always_runs_with_the_same_number_of_samples(tmp_path, monkeypatch):
    model = OnnxBackend.open(models.save(models.network(), tmp_path))
    seen = []
    with model.extractor(["relu"], device="cpu", batch_size=4) as extractor:
        runtime = extractor._runtime

        class Spy:
            def run(self, names, feeds, options):
                seen.append(len(feeds["x"]))
                return runtime.run(names, feeds, options)

        monkeypatch.setattr(extractor, "_runtime", Spy())
        for count in (4, 1, 3):
            assert len(extractor.run({"x": models.network_input(count)})["relu"]) == count
    assert seen == [4, 4, 4]


def test_the_place_in_a_batch_does_not_change_the_bits(tmp_path):
    model = OnnxBackend.open(models.save(models.network(), tmp_path))
    x = models.network_input(4)
    with model.extractor(["relu", "logits"], device="cpu", batch_size=4) as extractor:
        full = extractor.run({"x": x})
        for count in (1, 2, 3):
            part = extractor.run({"x": x[:count]})
            for layer, values in part.items():
                assert values.tobytes() == full[layer][:count].tobytes()


def test_inputs_that_lie_scattered_in_memory_are_taken(tmp_path):
    path = models.save(models.network(), tmp_path)
    x = models.network_input(8)
    scattered = np.asfortranarray(x)[::2]
    found = models.run(path, ["relu"], scattered, batch_size=4)["relu"]
    np.testing.assert_array_equal(
        found, models.run(path, ["relu"], x[::2].copy(), batch_size=4)["relu"]
    )


def test_a_wrong_type_is_refused_with_the_right_one(tmp_path):
    path = models.save(models.network(), tmp_path)
    with pytest.raises(DataError, match=r"takes float32, and the data are float64.*'float32'"):
        models.run(path, ["relu"], models.network_input().astype(np.float64))
    with pytest.raises(DataError, match="takes float32, and the data are >f4"):
        models.run(path, ["relu"], models.network_input().astype(">f4"))


def test_a_wrong_shape_is_refused_with_the_right_one(tmp_path):
    path = models.save(models.network(), tmp_path)
    with pytest.raises(DataError, match=r"\[samples, 3, 4, 5\], and the data have \(7, 3, 4, 6\)"):
        models.run(path, ["relu"], np.zeros((7, 3, 4, 6), np.float32))
    with pytest.raises(DataError, match=r"the data have \(3, 4, 5\)"):
        models.run(path, ["relu"], np.zeros((3, 4, 5), np.float32))
    with pytest.raises(DataError, match=r"the shape \(\), without an axis 0 for the samples"):
        models.run(path, ["relu"], np.zeros((), np.float32))


def test_an_unknown_input_is_refused_with_the_nearest(tmp_path):
    proto = models.model(
        [models.node("Relu", "pixels", "y")],
        [models.value("pixels", ["n", 2])],
        [models.value("y", ["n", 2])],
    )
    path = models.save(proto, tmp_path)
    with pytest.raises(DataError, match=r"no input 'pixel'\. Did you mean 'pixels'"):
        models.run(path, ["y"], {"pixel": np.zeros((1, 2), np.float32)})
    with pytest.raises(DataError, match="'pixels' is missing"):
        models.run(path, ["y"], {})


def test_inputs_of_different_length_are_refused(tmp_path):
    proto = models.model(
        [models.node("Add", "a b", "y")],
        [models.value("a", ["n", 2]), models.value("b", ["n", 2])],
        [models.value("y", ["n", 2])],
    )
    one, two = np.zeros((1, 2), np.float32), np.zeros((2, 2), np.float32)
    with pytest.raises(DataError, match="different numbers of samples"):
        models.run(models.save(proto, tmp_path), ["y"], {"a": one, "b": two})


def test_token_ids_and_masks_keep_their_types(tmp_path):
    proto = models.model(
        [
            models.node("Gather", "table ids", "embedded"),
            models.node("Cast", "mask", "float_mask", to=TensorProto.FLOAT),
            models.node("Unsqueeze", "float_mask last", "wide_mask"),
            models.node("Mul", "embedded wide_mask", "y"),
        ],
        [
            models.value("ids", ["n", "length"], TensorProto.INT64),
            models.value("mask", ["n", "length"], TensorProto.BOOL),
        ],
        [models.value("y", ["n", "length", 4])],
        {"table": np.arange(20, dtype=np.float32).reshape(5, 4), "last": np.array([2])},
    )
    path = models.save(proto, tmp_path)
    ids = np.array([[0, 1, 2], [4, 4, 3]])
    mask = np.array([[True, True, False], [True, False, True]])
    table = np.arange(20, dtype=np.float32).reshape(5, 4)
    right = (table[ids] * mask[..., None]).mean(1)
    np.testing.assert_allclose(models.run(path, ["y"], {"ids": ids, "mask": mask})["y"], right)
    with pytest.raises(DataError, match="takes int64, and the data are int32"):
        models.run(path, ["y"], {"ids": ids.astype(np.int32), "mask": mask})


def test_what_the_runtime_says_is_passed_on_in_one_line(tmp_path):
    proto = models.model(
        [models.node("MatMul", "x w", "y")],
        [models.value("x", ["n", "any"])],
        [models.value("y", ["n", 4])],
        {"w": np.ones((3, 4), np.float32)},
    )
    with pytest.raises(ModelError) as caught:
        models.run(models.save(proto, tmp_path), ["y"], np.ones((2, 5), np.float32))
    assert "MatMul" in caught.value.message
    assert "\n" not in caught.value.message
    assert "ONNXRuntimeError" not in caught.value.message


def test_a_model_that_the_runtime_refuses_is_no_traceback(tmp_path, capfd):
    proto = models.network()
    proto.ir_version = 99
    with pytest.raises(ModelError, match="IR version"):
        models.run(models.save(proto, tmp_path), ["relu"], models.network_input())
    assert capfd.readouterr() == ("", "")


def test_a_scalar_holds_for_all_samples(tmp_path):
    proto = models.model(
        [models.node("Mul", "x scale", "y")],
        [models.value("x", ["n", 2]), models.value("scale", [])],
        [models.value("y", ["n", 2])],
    )
    path = models.save(proto, tmp_path)
    assert [each.batch_axis for each in OnnxBackend.open(path).inputs] == [0, None]
    x = np.ones((3, 2), np.float32)
    found = models.run(path, ["y"], {"x": x, "scale": np.array(4, np.float32)}, batch_size=3)["y"]
    np.testing.assert_array_equal(found, 4 * x)
    with pytest.raises(DataError, match="'scale' is missing"):
        models.run(path, ["y"], x)


@pytest.mark.parametrize("names", [("n", 3, "n"), ("n", 3, None)])
def test_a_state_whose_samples_are_not_first_is_followed(tmp_path, names):
    proto = models.model(
        [
            models.node("ReduceMean", "state", "mean", keepdims=0, axes=[0]),
            models.node("Add", "x mean", "y"),
        ],
        [models.value("x", ["n", 4]), models.value("state", [2, names[2], 4])],
        [models.value("y", ["n", 4])],
        opset=17,
    )
    path = models.save(proto, tmp_path)
    inputs = OnnxBackend.open(path).inputs
    assert [each.batch_axis for each in inputs] == [0, 1]
    assert [each.certain for each in inputs] == [True, names[2] is not None]
    random = np.random.default_rng(0)
    batch = {
        "x": random.normal(size=(5, 4)).astype(np.float32),
        "state": random.normal(size=(2, 5, 4)).astype(np.float32),
    }
    found = models.run(path, ["y"], batch, batch_size=7)["y"]
    np.testing.assert_allclose(found, batch["x"] + batch["state"].mean(0), rtol=1e-6)


def test_a_closed_model_does_not_run(tmp_path):
    model = OnnxBackend.open(models.save(models.network(), tmp_path))
    with model.extractor(["relu"], device="cpu") as extractor:
        pass
    with pytest.raises(ModelError, match="closed"):
        extractor.run({"x": models.network_input()})


def words():
    return models.model(
        [
            models.node(
                "LabelEncoder",
                "text",
                "y",
                domain="ai.onnx.ml",
                keys_strings=["cat", "größe"],
                values_floats=[1.0, 2.0],
                default_float=-1.0,
            )
        ],
        [models.value("text", ["n", 2], TensorProto.STRING)],
        [models.value("y", ["n", 2])],
        domains=["ai.onnx.ml"],
        domain_version=2,
    )


def test_a_model_that_takes_text_runs_on_text(tmp_path):
    path = models.save(words(), tmp_path)
    text = np.array([["cat", "dog"], ["größe", "cat"], ["", "cat"]])
    found = models.run(path, ["y"], {"text": text}, batch_size=2 + 2)["y"]
    assert found.tolist() == [[1, -1], [2, 1], [-1, 1]]
    with pytest.raises(DataError, match=r"takes str, and the data are \|S3.*astype\('str'\)"):
        models.run(path, ["y"], {"text": text[:1].astype("S3")})


def test_text_is_extracted_from_arrays(tmp_path):
    path = models.save(words(), tmp_path)
    text = np.array([["cat", "dog"], ["größe", "cat"], ["", "cat"]])
    extract(path, {"text": text}, tmp_path / "x.h5", ["y"], device="cpu")
    with open_activations(tmp_path / "x.h5") as activations:
        assert activations.layers["y"].read(0, 2).tolist() == [[1, 2, -1], [-1, 1, 1]]


def test_a_length_of_minus_one_means_any(tmp_path):
    path = models.save(models.network(batch=-1), tmp_path)
    layers = {layer.name: layer for layer in OnnxBackend.open(path).layers()}
    assert layers["conv"].shape == (None, 4, 4, 5)
    x = models.network_input()
    right = models.network_layers(x)["logits"]
    np.testing.assert_allclose(
        models.run(path, ["logits"], x)["logits"], right, rtol=1e-5, atol=1e-6
    )


def test_an_input_of_another_negative_length_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"input 'x' has the shape \[-\d+, 3, 4, 5\]"):
        OnnxBackend.open(models.save(models.network(batch=-(2**40)), tmp_path))


def test_a_huge_fixed_batch_is_refused_before_it_is_padded(tmp_path):
    model = OnnxBackend.open(models.save(models.network(batch=2**20 + 1), tmp_path))
    with pytest.raises(ModelError, match="runs 1,048,577 samples at once"):
        model.extractor(["relu"])
