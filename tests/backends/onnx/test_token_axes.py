"""Which axes of a layer count tokens."""

import numpy as np
import pytest
from onnx import TensorProto, numpy_helper

from invert_core.backends.onnx import OnnxBackend
from invert_core.errors import ModelError
from invert_core.models.backend import MASK
from tests.backends import models
from tests.backends.masked import N_TOKENS, POOLS, batch, masks, passing
from tests.backends.pooling_oracle import pooled


@pytest.mark.parametrize("pool", POOLS)
def test_a_fixed_number_of_tokens_and_of_samples_is_masked(tmp_path, pool):
    mask = masks(7)
    given = batch((7, N_TOKENS, 3), mask)
    proto = passing([2, N_TOKENS, 3], mask=[2, N_TOKENS], ids=[2, N_TOKENS])
    found = models.run(models.save(proto, tmp_path), ["y"], given, pool=pool)["y"]
    right = pooled(-given["x"], pool, 2, mask, (1,))
    np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mask", [["n", N_TOKENS], None])
def test_fixed_axes_count_tokens_if_they_have_their_length(tmp_path, mask):
    shape = ["n", 2, N_TOKENS, 4]
    model = OnnxBackend.open(models.save(passing(shape, mask=mask, ids=["n", N_TOKENS]), tmp_path))
    given = batch((4, 2, N_TOKENS, 4), masks())
    with model.settled(given).extractor(["y"], device="cpu", channel_axis=1) as extractor:
        right = pooled(-given["x"], "mean", 1, given[MASK], (2,))
        np.testing.assert_allclose(extractor.run(given)["y"], right, rtol=1e-5, atol=1e-6)


def heads_of_unknown_shape(dims=("n", "t"), **more):
    """Words [n, t, 6] as heads [n, 2, t, 3], of which ONNX infers only the number of axes."""
    return models.model(
        [
            models.node("Gather", "table ids", "words"),
            models.node("Abs", "split", "shape"),
            models.node("Reshape", "words shape", "heads"),
            models.node("Transpose", "heads", "y", perm=[0, 2, 1, 3]),
        ],
        [
            models.value("ids", dims, TensorProto.INT64),
            models.value(MASK, dims, TensorProto.INT64),
        ],
        [models.value("y", None)],
        {
            "table": np.random.default_rng(0).normal(size=(9, 6)).astype(np.float32),
            "split": np.array([0, 0, 2, 3]),
        },
        **more,
    )


def heads(n_tokens):
    ids = np.random.default_rng(1).integers(0, 9, size=(4, n_tokens))
    words = np.random.default_rng(0).normal(size=(9, 6)).astype(np.float32)[ids]
    values = words.reshape(4, n_tokens, 2, 3).transpose(0, 2, 1, 3)
    return ids, values


@pytest.mark.parametrize("n_tokens", [4, 5])
def test_places_that_are_as_many_for_every_text_are_no_tokens(tmp_path, n_tokens):
    """An example is a fixed number of queries that attend to the tokens."""
    queries = np.arange(4, dtype=np.float32)[:, None]
    proto = models.model(
        [
            models.node("Gather", "table ids", "words"),
            models.node("ReduceMax", "words", "largest", axes=[1], keepdims=1),
            models.node("Add", "largest queries", "y"),
        ],
        [
            models.value("ids", ["n", "t"], TensorProto.INT64),
            models.value(MASK, ["n", "t"], TensorProto.INT64),
        ],
        [models.value("y", ["n", 4, 6])],
        {
            "table": np.random.default_rng(0).normal(size=(9, 6)).astype(np.float32),
            "queries": queries,
        },
        opset=17,
    )
    ids, values = heads(n_tokens)
    mask = np.ones_like(ids)
    mask[0, 2:] = 0
    found = models.run(models.save(proto, tmp_path), ["y"], {"ids": ids, MASK: mask})["y"]
    words = values.transpose(0, 2, 1, 3).reshape(4, n_tokens, 6)
    right = (words.max(axis=1, keepdims=True) + queries).mean(axis=1)
    np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n_tokens", [3, 5])
def test_a_trial_shows_which_axes_of_unknown_length_count_tokens(tmp_path, n_tokens):
    model = OnnxBackend.open(models.save(heads_of_unknown_shape(), tmp_path))
    assert [layer.shape for layer in model.layers() if layer.name == "y"] == [(None, 2, None, 3)]
    ids, values = heads(n_tokens)
    mask = np.ones_like(ids)
    mask[0, 2:] = mask[1, :1] = 0
    for axis, token_axes in {1: (2,), 3: (2,)}.items():
        with model.extractor(["y"], device="cpu", channel_axis=axis) as extractor:
            found = extractor.run({"ids": ids, MASK: mask})["y"]
        right = pooled(values, "mean", axis, mask, token_axes)
        np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)
    with pytest.raises(ModelError, match=r"Axis 2 .* counts tokens, not units"):
        model.extractor(["y"], device="cpu", channel_axis=2)


def test_a_trial_tells_tokens_from_other_lengths(tmp_path):
    """Only a trial shows that axis 3 of the layer, with 3 values, does not count tokens."""
    proto = heads_of_unknown_shape()
    proto.graph.input.append(models.value("bias", ["n", "b"]))
    proto.graph.node.extend(
        [
            models.node("ReduceMean", "bias second", "mean", keepdims=1),
            models.node("Unsqueeze", "mean behind", "wide"),
            models.node("Add", "y wide", "z"),
        ]
    )
    weights = {"second": np.array([1]), "behind": np.array([2, 3])}
    proto.graph.initializer.extend(
        numpy_helper.from_array(array, name) for name, array in weights.items()
    )
    ids, values = heads(5)
    inputs = {"ids": ids, MASK: np.ones_like(ids), "bias": np.zeros((4, 2), np.float32)}
    found = models.run(models.save(proto, tmp_path), ["z"], inputs, channel_axis=1)["z"]
    right = pooled(values, "mean", 1, inputs[MASK], (2,))
    np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("length", ["2*t", "u", None])
def test_an_axis_with_several_places_per_token_is_an_error(tmp_path, length):
    proto = models.model(
        [
            models.node("Gather", "table ids", "words"),
            models.node("Concat", "words words", "twice", axis=1),
            models.node("Unsqueeze", "twice ahead", "y"),
        ],
        [
            models.value("ids", ["n", "t"], TensorProto.INT64),
            models.value(MASK, ["n", "t"], TensorProto.INT64),
        ],
        [models.value("y", ["n", 1, length, 6])],
        {"table": np.zeros((9, 6), np.float32), "ahead": np.array([1])},
    )
    mask = masks()
    with pytest.raises(ModelError, match="a layer with the same tokens as the mask"):
        models.run(models.save(proto, tmp_path), ["y"], {"ids": np.zeros_like(mask), MASK: mask})


def test_a_length_that_is_computed_from_the_number_of_tokens_counts_them(tmp_path):
    """Exporters describe a convolution over the tokens like this."""
    mask = masks()
    given = batch((4, 2, N_TOKENS, 3), mask)
    proto = passing(["n", 2, "floor(t/1 - 1) + 1", 3])
    found = models.run(models.save(proto, tmp_path), ["y"], given, channel_axis=1)["y"]
    right = pooled(-given["x"], "mean", 1, mask, (2,))
    np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)


def test_axes_that_cannot_be_told_apart_are_refused(tmp_path):
    shape = ["n", 2, N_TOKENS, N_TOKENS]
    proto = passing(shape, mask=["n", N_TOKENS], ids=["n", N_TOKENS])
    model = OnnxBackend.open(models.save(proto, tmp_path))
    with pytest.raises(ModelError, match=r"several axes of length 5.*layer with three axes"):
        model.extractor(["y"], channel_axis=1, device="cpu")


def test_axes_of_another_name_or_length_are_pooled_as_they_are(tmp_path):
    model = OnnxBackend.open(models.save(passing(["n", 2, "h", 3], ids=["n", "t"]), tmp_path))
    given = batch((4, 2, 4, 3), masks())
    with model.extractor(["y"], channel_axis=1, device="cpu") as extractor:
        right = pooled(-given["x"], "mean", 1)
        np.testing.assert_allclose(extractor.run(given)["y"], right, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mask_axis", ["t", "mask_1", None])
def test_tokens_are_known_where_every_input_has_names_of_its_own(tmp_path, mask_axis):
    """Older exporters name axes like this."""
    proto = models.model(
        [
            models.node("Gather", "table kinds", "of_kinds"),
            models.node("Add", "words of_kinds", "y"),
        ],
        [
            models.value("words", ["n", "words_1", 3]),
            models.value("kinds", ["n", "kinds_1"], TensorProto.INT64),
            models.value(MASK, ["n", mask_axis], TensorProto.INT64),
        ],
        [models.value("y", ["n", "words_1", 3])],
        {"table": np.zeros((2, 3), np.float32)},
    )
    mask = masks()
    words = batch((4, N_TOKENS, 3), mask)["x"]
    inputs = {"words": words, "kinds": np.zeros_like(mask), MASK: mask}
    found = models.run(models.save(proto, tmp_path), ["y"], inputs)["y"]
    np.testing.assert_allclose(found, pooled(words, "mean", 2, mask, (1,)), rtol=1e-5, atol=1e-6)


def test_layers_of_another_input_have_no_tokens(tmp_path):
    """An example is the image half of a model that takes images and texts."""
    proto = models.model(
        [models.node("Neg", "pixels", "y"), models.node("Neg", "words", "z")],
        [
            models.value("pixels", ["n", 4, 3]),
            models.value("words", ["n", "t", 3]),
            models.value(MASK, ["n", "t"], TensorProto.INT64),
        ],
        [models.value("y", ["n", 4, 3]), models.value("z", ["n", "t", 3])],
    )
    mask = masks()
    given = batch((4, N_TOKENS, 3), mask)
    inputs = {"pixels": given["x"][:, :4], "words": given["x"], MASK: mask}
    found = models.run(models.save(proto, tmp_path), ["y", "z"], inputs, channel_axis=2)
    right = pooled(-inputs["pixels"], "mean"), pooled(-given["x"], "mean", 2, mask, (1,))
    np.testing.assert_allclose(found["y"], right[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["z"], right[1], rtol=1e-5, atol=1e-6)
    only_pixels = {"pixels": inputs["pixels"]}
    alone = models.run(models.save(proto, tmp_path), ["y"], only_pixels, channel_axis=2)
    np.testing.assert_array_equal(alone["y"], found["y"])


@pytest.mark.parametrize(
    ("n_tokens", "reason"), [(3, "the same tokens as the mask"), (1, "Axis 1")]
)
def test_an_axis_that_turns_out_not_to_count_tokens_is_an_error(tmp_path, n_tokens, reason):
    path = models.save(passing(["n", None, 3]), tmp_path)
    mask = np.ones((4, n_tokens), np.int64)
    with pytest.raises(ModelError, match=reason):
        models.run(path, ["y"], batch((4, N_TOKENS, 3), mask))


@pytest.mark.parametrize(("opset", "pool"), [(8, "mean"), (11, "first"), (11, "last")])
def test_a_model_too_old_for_masks_is_refused(tmp_path, monkeypatch, opset, pool):
    monkeypatch.setitem(models.IR_VERSIONS, opset, 6)
    model = OnnxBackend.open(models.save(passing(["n", "t", 3], opset=opset), tmp_path))
    with pytest.raises(ModelError, match=f"needs opset .*and the model has {opset}"):
        model.extractor(["y"], pool=pool, device="cpu")
