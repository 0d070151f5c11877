"""Padding never counts, wherever a layer has its tokens."""

import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto

from invert_core import extract, open_activations
from invert_core.backends.onnx import OnnxBackend
from invert_core.errors import DataError, ModelError
from invert_core.models.backend import MASK, ModelInput
from tests.backends import models
from tests.backends.masked import N_TOKENS, POOLS, batch, masks, passing, spoiled
from tests.backends.pooling_oracle import pooled

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
        axis = 2 if name == "tokens" else 1
        right = pooled(-given["x"], pool, axis, mask, token_axes)
        for garbage in (1e30, -np.inf, np.nan):
            x = spoiled(given["x"], mask, token_axes, garbage)
            found = models.run(path, ["y"], {**given, "x": x}, pool=pool, channel_axis=axis)["y"]
            np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("pool", POOLS)
def test_channels_may_come_before_the_tokens(tmp_path, pool):
    mask = masks()
    given = batch((4, 3, N_TOKENS), mask)
    path = models.save(passing(["n", 3, "t"]), tmp_path)
    found = models.run(path, ["y"], given, pool=pool)["y"]
    right = pooled(-given["x"], pool, 1, mask, (2,))
    np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dims", [["n", 3, "t"], ["n", 3, "t", 2], ["n", 3, 2, "t"]])
def test_tokens_may_come_on_any_axis_of_the_only_input(tmp_path, dims):
    """An example is a sound, whose frames come after the bands."""
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
    assert "'attention_mask' is not [samples, tokens], so padding counts" in caplog.text


@pytest.mark.parametrize(
    ("dims", "axis"),
    [
        (["n", "t"], 1),
        (["n", 3, "t"], 2),
        (["n", "t", 2, 3], 1),
        (["n", "floor(t - 1) + 1", 2, 3], 1),
    ],
)
def test_units_that_are_tokens_are_refused(tmp_path, dims, axis):
    path = models.save(passing(dims), tmp_path)
    with pytest.raises(ModelError, match="counts tokens, not units"):
        OnnxBackend.open(path).extractor(["y"], channel_axis=axis, device="cpu")


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
    assert "Padding according to 'attention_mask' does not count in 'y'." in caplog.text


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
    assert model.settled(without).inputs == model.inputs
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
    assert model.settled(given).inputs == model.inputs
    with model.extractor(["y"], channel_axis=2, device="cpu") as extractor:
        right = pooled(-given["x"], "mean")
        np.testing.assert_allclose(extractor.run(given)["y"], right, rtol=1e-5, atol=1e-6)


def test_a_tensor_with_the_name_of_the_mask_leaves_no_place_for_one(tmp_path):
    proto = models.model(
        [models.node("Neg", "x", MASK)],
        [models.value("x", ["n", "t", 3])],
        [models.value(MASK, ["n", "t", 3])],
    )
    model = OnnxBackend.open(models.save(proto, tmp_path))
    with pytest.raises(ModelError, match="that is not an input"):
        model.settled({MASK: masks()})


def test_padding_does_not_count_in_a_layer_of_time_first(tmp_path):
    mask = masks()
    given = batch((4, N_TOKENS, 3), mask)
    proto = passing(["n", "t", 3])
    proto.graph.node.append(models.node("Transpose", "y", "turned", perm=[1, 0, 2]))
    path = models.save(proto, tmp_path)
    for pool in POOLS:
        right = pooled(-given["x"], pool, 2, mask, (1,))
        for garbage in (1e30, np.nan):
            x = spoiled(given["x"], mask, (1,), garbage)
            found = models.run(path, ["turned"], {**given, "x": x}, pool=pool)["turned"]
            np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)
