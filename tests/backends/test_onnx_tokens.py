"""Padding never counts, wherever a layer has its tokens."""

import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, numpy_helper

from invert_core import extract, open_activations
from invert_core.backend import MASK, ModelInput
from invert_core.backends.onnx import OnnxBackend
from invert_core.errors import DataError, ModelError
from tests.backends import models
from tests.backends.pooling_oracle import pooled

POOLS = ("mean", "max", "first", "last")
N_TOKENS = 5


def passing(shape, *, mask=("n", "t"), elem=TensorProto.INT64, opset=18, ids=("n", "t")):
    """Model whose layer "y" is minus its input "x", plus nothing that depends on the ids.

    It takes a mask but does not read it.
    """
    inputs = [models.value("x", shape), models.value("ids", ids, TensorProto.INT64)]
    nodes = [
        models.node("Shape", "ids", "size"),
        models.node("Cast", "size", "float_size", to=TensorProto.FLOAT),
        models.node("Mul", "float_size nothing", "zeros"),
        models.node("ReduceMax", "zeros", "zero", keepdims=0),
        models.node("Neg", "x", "minus"),
        models.node("Add", "minus zero", "y"),
    ]
    if mask is not None:
        inputs.append(models.value(MASK, mask, elem))
    weights = {"nothing": np.float32(0)}
    return models.model(nodes, inputs, [models.value("y", shape)], weights, opset=opset)


def masks(count=4, n_tokens=N_TOKENS):
    """Padding at the end, at the start, in the middle, and none."""
    mask = np.ones((count, n_tokens), np.int64)
    mask[0, 3:] = mask[1, :2] = mask[2, 2] = 0
    return mask


def batch(shape, mask, seed=0):
    x = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return {"x": x, "ids": np.zeros(mask.shape, np.int64), MASK: mask}


def spoiled(x, mask, token_axes, values):
    """The same samples with other values wherever a token is padding."""
    spoiled = x.copy()
    for sample in range(len(x)):
        for axis in token_axes:
            for place in np.flatnonzero(mask[sample] == 0):
                where = [
                    sample,
                    *(place if each == axis else slice(None) for each in range(1, x.ndim)),
                ]
                spoiled[tuple(where)] = values
    return spoiled


SHAPES = {
    "tokens": (["n", "t", 3], (1,)),
    "heads": (["n", 2, "t", 3], (2,)),
    "probabilities": (["n", 2, "t", "t"], (2, 3)),
    "unknown axes": (["n", 2, None, 3], (2,)),
    "five axes": (["n", 2, 3, "t", 2], (3,)),
}


@pytest.mark.parametrize("opset", [13, 17, 18, 21])
@pytest.mark.parametrize("name", SHAPES)
def test_padding_does_not_count_at_any_opset_or_rank(tmp_path, opset, name):
    dims, token_axes = SHAPES[name]
    mask = masks()
    sizes = [4, *(dim if isinstance(dim, int) else N_TOKENS for dim in dims[1:])]
    given = batch(sizes, mask)
    path = models.save(passing(dims, opset=opset), tmp_path)
    for pool in POOLS if len(dims) == 3 else POOLS[:2]:
        right = pooled(-given["x"], pool, None, mask, token_axes)
        for garbage in (1e30, -np.inf, np.nan):
            x = spoiled(given["x"], mask, token_axes, garbage)
            found = models.run(path, ["y"], {**given, "x": x}, pool=pool)["y"]
            np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("pool", POOLS)
def test_channels_may_come_before_the_tokens(tmp_path, pool):
    mask = masks()
    given = batch((4, 3, N_TOKENS), mask)
    path = models.save(passing(["n", 3, "t"]), tmp_path)
    found = models.run(path, ["y"], given, pool=pool, channel_axis=1)["y"]
    right = pooled(-given["x"], pool, 1, mask, (2,))
    np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dims", [["n", 3, "t"], ["n", 3, "t", 2], ["n", 3, 2, "t"]])
def test_tokens_may_come_on_any_axis_of_the_only_input(tmp_path, dims):
    """As frames of a sound, after the bands."""
    axis = dims.index("t")
    mask = masks()
    given = batch([4, *(dim if isinstance(dim, int) else N_TOKENS for dim in dims[1:])], mask)
    proto = models.model(
        [models.node("Neg", "x", "y")],
        [models.value("x", dims), models.value(MASK, ["n", "t"], TensorProto.INT64)],
        [models.value("y", dims)],
    )
    path = models.save(proto, tmp_path)
    given = {"x": given["x"], MASK: mask}
    found = models.run(path, ["y"], given, channel_axis=1)["y"]
    right = pooled(-given["x"], "mean", 1, mask, (axis,))
    np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)


def test_that_a_mask_of_other_axes_leaves_no_padding_out_is_told(tmp_path, caplog):
    OnnxBackend.open(models.save(passing(["n", "t", 3]), tmp_path)).extractor(["y"], device="cpu")
    assert "padding counts" not in caplog.text
    path = models.save(passing(["n", "t", 3], mask=("n", 1, 1, "t")), tmp_path)
    OnnxBackend.open(path).extractor(["y"], device="cpu")
    assert "'attention_mask' is not [samples, tokens], so that padding counts" in caplog.text


@pytest.mark.parametrize(
    "dims", [["n", "t"], ["n", 3, "t"], ["n", "t", 2, 3], ["n", "floor(t - 1) + 1", 2, 3]]
)
def test_units_that_are_tokens_are_refused(tmp_path, dims):
    path = models.save(passing(dims), tmp_path)
    with pytest.raises(ModelError, match="counts tokens, not units"):
        OnnxBackend.open(path).extractor(["y"], device="cpu")


def test_what_is_not_padding_keeps_nan_and_infinity(tmp_path):
    mask = masks()
    given = batch((4, N_TOKENS, 3), mask)
    given["x"][0, 0, 0], given["x"][1, 4, 1], given["x"][3, 2, 2] = np.nan, np.inf, -np.inf
    path = models.save(passing(["n", "t", 3]), tmp_path)
    for pool in POOLS:
        found = models.run(path, ["y"], given, pool=pool)["y"]
        np.testing.assert_allclose(found, pooled(-given["x"], pool, 2, mask, (1,)), rtol=1e-5)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokens")
    model = OnnxBackend.open(models.save(passing(["n", "t", 3]), folder))
    extractors = {
        pool: model.extractor(["y"], pool=pool, device="cpu", batch_size=4) for pool in POOLS
    }
    yield extractors
    for extractor in extractors.values():
        extractor.close()


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_mask_gives_what_the_oracle_gives_and_more_padding_changes_nothing(tokens, data):
    n_tokens = data.draw(st.integers(1, 6))
    row = st.lists(st.integers(0, 1), min_size=n_tokens, max_size=n_tokens).filter(any)
    mask = np.array(data.draw(st.lists(row, min_size=1, max_size=4)))
    given = batch((*mask.shape, 3), mask, data.draw(st.integers(0, 9)))
    more = data.draw(st.integers(0, 4))
    longer = {
        "x": np.pad(given["x"], [(0, 0), (more, more), (0, 0)], constant_values=np.nan),
        "ids": np.pad(given["ids"], [(0, 0), (more, more)]),
        MASK: np.pad(mask, [(0, 0), (more, more)]),
    }
    for pool, extractor in tokens.items():
        right = pooled(-given["x"], pool, 2, mask, (1,))
        for inputs in (given, longer):
            found = extractor.run(inputs)["y"]
            np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("elem", "dtype"),
    [
        (TensorProto.INT64, np.int64),
        (TensorProto.INT32, np.int32),
        (TensorProto.BOOL, np.bool_),
        (TensorProto.FLOAT, np.float32),
    ],
)
def test_a_mask_may_have_any_type(tmp_path, elem, dtype):
    mask = masks()
    given = batch((4, N_TOKENS, 3), mask)
    path = models.save(passing(["n", "t", 3], elem=elem), tmp_path)
    for pool in POOLS:
        found = models.run(path, ["y"], {**given, MASK: mask.astype(dtype)}, pool=pool)["y"]
        np.testing.assert_allclose(
            found, pooled(-given["x"], pool, 2, mask, (1,)), rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize("elem", [TensorProto.FLOAT16, TensorProto.DOUBLE])
def test_half_and_double_precision_are_masked_alike(tmp_path, elem):
    proto = models.model(
        [models.node("Cast", "x", "y", to=elem)],
        [models.value("x", ["n", "t", 3]), models.value(MASK, ["n", "t"], TensorProto.INT64)],
        [models.value("y", ["n", "t", 3], elem)],
    )
    mask = masks()
    x = batch((4, N_TOKENS, 3), mask)["x"]
    for pool in POOLS:
        found = models.run(models.save(proto, tmp_path), ["y"], {"x": x, MASK: mask}, pool=pool)
        right = pooled(x, pool, 2, mask, (1,))
        np.testing.assert_allclose(found["y"], right, rtol=1e-3, atol=1e-3)


def test_a_model_that_takes_a_mask_says_that_it_is_used(tmp_path, caplog):
    path = models.save(passing(["n", "t", 3]), tmp_path)
    with caplog.at_level(logging.INFO, "invert"):
        models.run(path, ["y"], batch((4, N_TOKENS, 3), masks()))
    assert "What 'attention_mask' marks as padding does not count in 'y'." in caplog.text


def test_a_mask_is_needed_where_layers_have_tokens(tmp_path):
    path = models.save(passing(["n", "t", 3]), tmp_path)
    given = batch((4, N_TOKENS, 3), masks())
    del given[MASK]
    with pytest.raises(DataError, match="'attention_mask' is missing"):
        models.run(path, ["y"], given)


def test_a_mask_that_a_model_does_not_take_is_used_once_an_example_has_it(tmp_path):
    model = OnnxBackend.open(models.save(passing(["n", "t", 3], mask=None), tmp_path))
    mask = masks()
    given = batch((4, N_TOKENS, 3), mask)
    without = {name: array for name, array in given.items() if name != MASK}
    assert model.settled(without) is model
    with (
        model.extractor(["y"], device="cpu") as extractor,
        pytest.raises(DataError, match=r"no input 'attention_mask'.*`settled` with an example"),
    ):
        extractor.run(given)
    settled = model.settled(given)
    assert settled.inputs[-1] == ModelInput(MASK, (None, None), np.dtype(np.int64))
    assert settled.fingerprint == model.fingerprint
    for pool in POOLS:
        with settled.extractor(["y"], pool=pool, device="cpu") as extractor:
            right = pooled(-given["x"], pool, 2, mask, (1,))
            np.testing.assert_allclose(extractor.run(given)["y"], right, rtol=1e-5, atol=1e-6)
        with model.extractor(["y"], pool=pool, device="cpu") as extractor:
            right = pooled(-given["x"], pool, 2)
            np.testing.assert_allclose(extractor.run(without)["y"], right, rtol=1e-5, atol=1e-6)


def test_arrays_with_a_mask_are_extracted_without_their_padding(tmp_path):
    path = models.save(passing(["n", "t", 3], mask=None), tmp_path)
    given = batch((4, N_TOKENS, 3), masks())
    extract(path, given, tmp_path / "x.h5", ["y"], batch_size=3, device="cpu")
    right = pooled(-given["x"], "mean", 2, given[MASK], (1,))
    with open_activations(tmp_path / "x.h5") as activations:
        found = activations.layers["y"].read(0, 3)
    np.testing.assert_allclose(found, right.T, rtol=1e-5, atol=1e-6)


def test_a_mask_of_another_rank_is_an_input_like_others(tmp_path):
    shape = ["n", 1, 1, "t"]
    model = OnnxBackend.open(models.save(passing(["n", "t", 3], mask=shape), tmp_path))
    given = batch((4, N_TOKENS, 3), masks())
    given[MASK] = given[MASK][:, None, None]
    assert model.settled(given) is model
    with model.extractor(["y"], device="cpu") as extractor:
        right = pooled(-given["x"], "mean")
        np.testing.assert_allclose(extractor.run(given)["y"], right, rtol=1e-5, atol=1e-6)


def test_a_tensor_with_the_name_of_the_mask_leaves_no_place_for_one(tmp_path):
    proto = models.model(
        [models.node("Neg", "x", MASK)],
        [models.value("x", ["n", "t", 3])],
        [models.value(MASK, ["n", "t", 3])],
    )
    model = OnnxBackend.open(models.save(proto, tmp_path))
    with pytest.raises(ModelError, match="that is no input"):
        model.settled({MASK: masks()})


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
    with model.settled(given).extractor(["y"], device="cpu") as extractor:
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
    """As queries of a fixed number that attend to the tokens."""
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
    assert [layer.shape for layer in model.layers() if layer.name == "y"] == [(None,) * 4]
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


def test_where_no_trial_is_possible_a_wrong_guess_is_an_error(tmp_path):
    """Axis 3 of the layer, with 3 values, is not known to be none of tokens."""
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
    ids, _ = heads(5)
    inputs = {"ids": ids, MASK: np.ones_like(ids), "bias": np.zeros((4, 2), np.float32)}
    with pytest.raises(ModelError, match="a layer whose tokens are those of the mask"):
        models.run(models.save(proto, tmp_path), ["z"], inputs)


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
    with pytest.raises(ModelError, match="a layer whose tokens are those of the mask"):
        models.run(models.save(proto, tmp_path), ["y"], {"ids": np.zeros_like(mask), MASK: mask})


def test_a_length_that_is_computed_from_the_number_of_tokens_counts_them(tmp_path):
    """As exporters describe a convolution over the tokens."""
    mask = masks()
    given = batch((4, 2, N_TOKENS, 3), mask)
    proto = passing(["n", 2, "floor(t/1 - 1) + 1", 3])
    found = models.run(models.save(proto, tmp_path), ["y"], given)["y"]
    right = pooled(-given["x"], "mean", 1, mask, (2,))
    np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)


def test_axes_that_cannot_be_told_apart_are_refused(tmp_path):
    shape = ["n", 2, N_TOKENS, N_TOKENS]
    proto = passing(shape, mask=["n", N_TOKENS], ids=["n", N_TOKENS])
    model = OnnxBackend.open(models.save(proto, tmp_path))
    with pytest.raises(ModelError, match=r"several axes of length 5.*layer with three axes"):
        model.extractor(["y"], device="cpu")


def test_axes_of_another_name_or_length_are_pooled_as_they_are(tmp_path):
    model = OnnxBackend.open(models.save(passing(["n", 2, "h", 3], ids=["n", "t"]), tmp_path))
    given = batch((4, 2, 4, 3), masks())
    with model.extractor(["y"], device="cpu") as extractor:
        right = pooled(-given["x"], "mean")
        np.testing.assert_allclose(extractor.run(given)["y"], right, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mask_axis", ["t", "mask_1", None])
def test_tokens_are_known_where_every_input_has_names_of_its_own(tmp_path, mask_axis):
    """As older exporters name axes."""
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
    """As the image half of a model that takes images and texts."""
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
    found = models.run(models.save(proto, tmp_path), ["y", "z"], inputs)
    right = pooled(-inputs["pixels"], "mean"), pooled(-given["x"], "mean", 2, mask, (1,))
    np.testing.assert_allclose(found["y"], right[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["z"], right[1], rtol=1e-5, atol=1e-6)
    only_pixels = {"pixels": inputs["pixels"]}
    alone = models.run(models.save(proto, tmp_path), ["y"], only_pixels)
    np.testing.assert_array_equal(alone["y"], found["y"])


@pytest.mark.parametrize(
    ("n_tokens", "reason"), [(3, "tokens are those of the mask"), (1, "Axis 1")]
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
