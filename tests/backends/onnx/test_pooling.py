"""Pooling in the graph gives what NumPy gives on the whole layer."""

import cProfile
import itertools
import logging

import ml_dtypes
import numpy as np
import pytest
from onnx import TensorProto

from invert_core.backends.onnx import OnnxBackend
from invert_core.errors import DataError, ModelError
from invert_core.models.layer_names import select_layers
from tests.backends import models
from tests.backends.pooling_oracle import pooled


def passing(rank, *, opset=18, elem=TensorProto.FLOAT, shape=None):
    """Model whose layer "y" is minus its input."""
    shape = shape or ["n", *range(2, rank + 1)]
    return models.model(
        [models.node("Neg", "x", "y")],
        [models.value("x", shape, elem)],
        [models.value("y", shape, elem)],
        opset=opset,
    )


def usual(rank):
    """The channel axis of tokens and of images, which these models do not show."""
    return {"channel_axis": 2 if rank == 3 else 1}


def sample(rank, dtype=np.float32):
    random = np.random.default_rng(rank)
    return random.normal(size=(5, *range(2, rank + 1))).astype(dtype)


@pytest.mark.parametrize("opset", [13, 17, 18, 21])
@pytest.mark.parametrize("rank", [3, 4, 5])
def test_mean_and_maximum_match_numpy_at_every_opset(tmp_path, opset, rank):
    path = models.save(passing(rank, opset=opset), tmp_path)
    x = sample(rank)
    axes = (1,) if rank == 3 else tuple(range(2, rank))
    mean = models.run(path, ["y"], x, pool="mean", **usual(rank))["y"]
    np.testing.assert_allclose(mean, (-x).mean(axes), rtol=1e-5, atol=1e-6)
    largest = models.run(path, ["y"], x, pool="max", **usual(rank))["y"]
    np.testing.assert_array_equal(largest, (-x).max(axes))


@pytest.mark.parametrize("opset", [13, 18])
def test_the_first_token_is_taken(tmp_path, opset):
    path = models.save(passing(3, opset=opset), tmp_path)
    x = sample(3)
    found = models.run(path, ["y"], x, pool="first", channel_axis=2)["y"]
    np.testing.assert_array_equal(found, -x[:, 0])
    turned = models.run(path, ["y"], x, pool="first", channel_axis=1)["y"]
    np.testing.assert_array_equal(turned, -x[:, :, 0])


@pytest.mark.parametrize("opset", [11, 13, 18])
def test_the_last_token_is_taken(tmp_path, monkeypatch, opset):
    monkeypatch.setitem(models.IR_VERSIONS, 11, 6)
    path = models.save(passing(3, opset=opset), tmp_path)
    x = sample(3)
    found = models.run(path, ["y"], x, pool="last", channel_axis=2)["y"]
    np.testing.assert_array_equal(found, -x[:, -1])
    turned = models.run(path, ["y"], x, pool="last", channel_axis=1)["y"]
    np.testing.assert_array_equal(turned, -x[:, :, -1])


def unit_names(path, x, **settings):
    """Names and activations of the flattened layer "y"."""
    model = OnnxBackend.open(path)
    with model.extractor(["y"], pool="flatten", device="cpu", **settings) as extractor:
        assert extractor.unit_names() == {}
        assert [output.pool for output in extractor.outputs] == ["flatten"]
        found = extractor.run({"x": x})["y"]
        return extractor.unit_names()["y"], found


@pytest.mark.parametrize("opset", [7, 13, 18, 21])
@pytest.mark.parametrize(("rank", "channel_axis"), [(3, 2), (3, 1), (4, 1), (4, 3), (5, 2)])
def test_flattening_makes_a_unit_of_every_place(tmp_path, monkeypatch, opset, rank, channel_axis):
    monkeypatch.setitem(models.IR_VERSIONS, 7, 3)
    x = sample(rank)
    path = models.save(passing(rank, opset=opset), tmp_path)
    names, found = unit_names(path, x, channel_axis=channel_axis)
    np.testing.assert_array_equal(found, pooled(-x, "flatten", channel_axis))
    channels_first = np.moveaxis(-x, channel_axis, 1)
    for unit, name in enumerate(names):
        channel, _, place = name.partition("@")
        index = (slice(None), int(channel), *map(int, place.split(",")))
        np.testing.assert_array_equal(found[:, unit], channels_first[index])


def test_flat_layers_beside_flattened_ones_have_plain_numbers(tmp_path):
    model = OnnxBackend.open(models.save(models.network(), tmp_path))
    with model.extractor(["relu", "logits"], pool="flatten", device="cpu") as extractor:
        assert [output.pool for output in extractor.outputs] == ["flatten", "none"]
        found = extractor.run({"x": models.network_input()})
        names = extractor.unit_names()
    assert list(names) == ["relu"]
    assert names["relu"][:6] == ("0@0,0", "0@0,1", "0@0,2", "0@0,3", "0@0,4", "0@1,0")
    assert len(names["relu"]) == found["relu"].shape[1] == 4 * 4 * 5
    assert found["logits"].shape == (7, 6)


def test_lengths_that_the_graph_does_not_fix_are_learned_from_the_first_batch(tmp_path):
    path = models.save(passing(4, shape=["n", "c", None, "w"]), tmp_path)
    x = sample(4)
    names, found = unit_names(path, x, channel_axis=1)
    assert names[-1] == "1@2,3"
    np.testing.assert_array_equal(found, pooled(-x, "flatten"))


def test_a_flattened_layer_whose_shape_changes_is_refused(tmp_path):
    model = OnnxBackend.open(models.save(passing(4, shape=["n", 2, "h", "w"]), tmp_path))
    x = sample(4)
    with model.extractor(["y"], pool="flatten", device="cpu") as extractor:
        extractor.run({"x": x})
        names = extractor.unit_names()
        # The same number of units, at other positions.
        with pytest.raises(
            DataError, match=r"shape \(2, 4, 3\) for these.*had (shape )?\(2, 3, 4\)"
        ):
            extractor.run({"x": np.ascontiguousarray(x.swapaxes(2, 3))})
        assert extractor.unit_names() == names
        np.testing.assert_array_equal(extractor.run({"x": x})["y"], pooled(-x, "flatten"))


@pytest.mark.parametrize("shape", [(2, 4, 3), (8, 3), (24,)])
def test_flattened_layers_hold_what_their_type_holds(tmp_path, shape):
    proto = passing(len(shape) + 1, elem=TensorProto.FLOAT16, shape=["n", *shape])
    x = np.random.default_rng(0).normal(size=(3, *shape)).astype(np.float16)
    axis = None if x.ndim == 2 else usual(x.ndim)["channel_axis"]
    found = models.run(models.save(proto, tmp_path), ["y"], x, pool="flatten", channel_axis=axis)[
        "y"
    ]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, pooled(-x, "flatten"))


@pytest.mark.parametrize("channel_axis", [1, 2, 3, -1, -2])
def test_the_channel_axis_can_be_any(tmp_path, channel_axis):
    path = models.save(passing(4), tmp_path)
    x = sample(4)
    others = tuple({1, 2, 3} - {channel_axis % 4})
    found = models.run(path, ["y"], x, channel_axis=channel_axis)["y"]
    np.testing.assert_allclose(found, (-x).mean(others), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("rank", "settings", "reason"),
    [
        (4, {"pool": "none"}, "has 4 axes"),
        (4, {"pool": "first"}, "has 4 axes"),
        (4, {"pool": "last"}, "has 4 axes, and only a layer of 3 axes has a last token"),
        (2, {"pool": "first"}, "has 2 axes"),
        (2, {"pool": "last"}, "has 2 axes, and only a layer of 3 axes has a last token"),
        (3, {"channel_axis": 3}, "cannot be 3"),
        (3, {"channel_axis": 0}, "cannot be 0"),
        (3, {"channel_axis": -3}, "cannot be -3"),
    ],
)
def test_a_pooling_that_makes_no_sense_is_refused(tmp_path, rank, settings, reason):
    model = OnnxBackend.open(models.save(passing(rank), tmp_path))
    with pytest.raises(ModelError, match=reason):
        model.extractor(["y"], device="cpu", **settings)


def test_a_flat_layer_stays_as_it_is_beside_a_pooled_one(tmp_path):
    model = OnnxBackend.open(models.save(models.network(), tmp_path))
    x = models.network_input()
    with model.extractor(["relu", "logits"], pool="max", device="cpu") as extractor:
        assert [output.pool for output in extractor.outputs] == ["max", "none"]
        found = extractor.run({"x": x})
    right = models.network_layers(x)
    np.testing.assert_allclose(found["logits"], right["logits"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["relu"], right["relu"].max((2, 3)), rtol=1e-5, atol=1e-6)


def test_the_automatic_choice_is_logged(tmp_path, caplog):
    path = models.save(models.network(), tmp_path)
    with caplog.at_level(logging.INFO, "invert"):
        models.run(path, ["relu"], models.network_input())
    said = "'relu' has shape [?, 4, 4, 5]: pool 'mean', units on axis 1: channels of Conv 'conv'."
    assert said in caplog.text


def test_half_precision_is_widened_before_it_is_summed(tmp_path):
    shape = ["n", 1, 100, 100]
    path = models.save(passing(4, elem=TensorProto.FLOAT16, shape=shape), tmp_path)
    x = np.full((2, 1, 100, 100), -100, np.float16)  # the sum is beyond float16
    for pool in ("mean", "max"):
        found = models.run(path, ["y"], x, pool=pool)["y"]
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, [[100], [100]])


@pytest.mark.parametrize(
    ("elem", "dtype"),
    [
        (TensorProto.FLOAT16, np.float16),
        (TensorProto.DOUBLE, np.float64),
        (TensorProto.BFLOAT16, ml_dtypes.bfloat16),
    ],
)
def test_every_float_type_comes_out_as_float32(tmp_path, elem, dtype):
    proto = models.model(
        [
            models.node("Cast", "x", "y", to=elem),
            models.node("Cast", "y", "z", to=TensorProto.FLOAT),
        ],
        [models.value("x", ["n", 2, 3, 4])],
        [models.value("z", ["n", 2, 3, 4])],
    )
    x = sample(4)
    found = models.run(models.save(proto, tmp_path), ["y"], x, channel_axis=1)["y"]
    assert found.dtype == np.float32
    right = x.astype(dtype).astype(np.float32).mean((2, 3))
    np.testing.assert_allclose(found, right, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("pool", ["mean", "max"])
def test_nan_and_infinity_survive_pooling(tmp_path, pool):
    path = models.save(passing(4), tmp_path)
    x = np.ones((4, 2, 3, 4), np.float32)
    x[1, 0, 2, 3] = np.nan
    x[2, 1, 0, 1] = -np.inf
    x[3, 1, 0, 1] = np.inf
    found = models.run(path, ["y"], x, pool=pool, channel_axis=1)["y"]
    with np.errstate(invalid="ignore"):
        right = getattr(np, pool)(-x, axis=(2, 3))
    np.testing.assert_array_equal(found, right)
    assert np.isnan(found[1, 0])


@pytest.mark.parametrize("rank", [2, 3, 4])
@pytest.mark.parametrize("pool", ["auto", "max"])
def test_a_double_that_float32_cannot_hold_is_refused_and_not_made_infinite(tmp_path, rank, pool):
    path = models.save(passing(rank, elem=TensorProto.DOUBLE), tmp_path)
    x = sample(rank, np.float64)
    axis = {} if rank == 2 else usual(rank)
    x[3, 1] = -1e200
    with pytest.raises(DataError, match=r"layer 'y' gives \S+ for unit \d, too large for float32"):
        models.run(path, ["y"], x, pool=pool, **axis)
    x[3, 1] = -np.inf
    assert np.isinf(models.run(path, ["y"], x, pool=pool, **axis)["y"]).any()


@pytest.mark.parametrize("opset", [13, 18])
@pytest.mark.parametrize("pool", ["mean", "max", "first"])
def test_doubles_are_pooled_as_doubles(tmp_path, opset, pool):
    path = models.save(passing(3, opset=opset, elem=TensorProto.DOUBLE), tmp_path)
    x = sample(3, np.float64) + np.array([[1e9], [-1e9]])  # a sum that float32 loses
    right = {"mean": (-x).mean(1), "max": (-x).max(1), "first": -x[:, 0]}[pool]
    found = models.run(path, ["y"], x, pool=pool, channel_axis=2)["y"]
    np.testing.assert_array_equal(found, right.astype(np.float32))


def unknown_rank():
    """Model whose layer "y" gets its shape from the input "shape", so it is unknown before."""
    return models.model(
        [models.node("Reshape", "x shape", "y"), models.node("Neg", "y", "z")],
        [models.value("x", ["n", 12]), models.value("shape", ["n"], TensorProto.INT64)],
        [models.value("z", None)],
    )


def unknown_rank_inputs(*shape):
    """As many samples as the shape has axes, because inputs are cut along their first axis."""
    x = np.arange(len(shape) * 12, dtype=np.float32).reshape(len(shape), 12)
    return {"x": x, "shape": np.array(shape)}


def test_a_layer_of_unknown_rank_is_listed_without_pool(tmp_path):
    model = OnnxBackend.open(models.save(unknown_rank(), tmp_path))
    layer = model.layers()[0]
    assert (layer.shape, layer.n_units, layer.pool) == (None, None, "")


@pytest.mark.parametrize("pool", ["auto", "mean", "max", "flatten"])
def test_a_layer_of_unknown_rank_is_not_guessed_at(tmp_path, pool):
    model = OnnxBackend.open(models.save(unknown_rank(), tmp_path))
    with pytest.raises(ModelError, match="how many axes the layer 'y' has"):
        model.extractor(["y"], pool=pool, device="cpu")


def test_an_explicit_pool_settles_an_unknown_rank(tmp_path):
    path = models.save(unknown_rank(), tmp_path)
    flat = unknown_rank_inputs(2, 12)
    found = models.run(path, ["y"], flat, pool="none", batch_size=2)["y"]
    np.testing.assert_array_equal(found, flat["x"])
    tokens = unknown_rank_inputs(3, 4, 3)
    found = models.run(path, ["y"], tokens, pool="first", batch_size=3)["y"]
    np.testing.assert_array_equal(found, tokens["x"][:, :3])
    found = models.run(path, ["y"], tokens, pool="last", batch_size=3)["y"]
    np.testing.assert_array_equal(found, tokens["x"][:, -3:])


@pytest.mark.parametrize(("pool", "shape"), [("none", (3, 4, 3)), ("first", (4, 3, 2, 2))])
def test_an_explicit_pool_that_is_wrong_is_found_out(tmp_path, pool, shape):
    path = models.save(unknown_rank(), tmp_path)
    with pytest.raises(ModelError, match="not samples x units"):
        models.run(path, ["y"], unknown_rank_inputs(*shape), pool=pool, batch_size=len(shape))


def test_a_model_too_old_for_the_last_token_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(models.IR_VERSIONS, 10, 5)
    model = OnnxBackend.open(models.save(passing(3, opset=10), tmp_path))
    with pytest.raises(ModelError, match="The last token of a layer needs opset 11"):
        model.extractor(["y"], pool="last", channel_axis=2, device="cpu")


def test_the_work_of_opening_layers_grows_with_their_number_and_not_with_its_square(tmp_path):
    """A large model has 10,000 layers."""

    def n_calls(n_layers):
        names = ["x", *(f"l{number}" for number in range(n_layers))]
        chain = [models.node("Neg", read, made) for read, made in itertools.pairwise(names)]
        proto = models.model(
            chain, [models.value("x", ["n", 4, "t"])], [models.value(names[-1], None)]
        )
        model = OnnxBackend.open(models.save(proto, tmp_path))
        with cProfile.Profile() as profile:
            model.open_layers(select_layers(model, ["*:axis=1"])).close()
        return sum(each.callcount for each in profile.getstats())

    n_calls(2)  # imports what is needed
    assert n_calls(400) < 2.2 * n_calls(200)
