"""Inputs that samples do not fill: constants, zeros, and the axes that count samples."""

import logging
import re

import numpy as np
import pytest

from invert_core import Feed, extract, open_activations
from invert_core.data import ArraySource, BatchSource
from invert_core.errors import (
    DataError,
    MissingFileError,
    SettingError,
    StaleFileError,
    UnknownNameError,
)
from invert_core.extraction.constants import as_constant
from invert_core.models.backend import ModelInput
from tests.needs import need
from tests.state_model import StateModel, step

X = np.random.default_rng(0).normal(size=(11, 3)).astype(np.float32)
STATE = np.random.default_rng(1).normal(size=(2, 11, 4)).astype(np.float32)
ZEROS = np.zeros((2, 11, 4), np.float32)


def extracted(folder, data, feed=None, model=None, **settings):
    path = folder / "x.h5"
    extract(model or StateModel(), data, path, ["out"], feed=feed, batch_size=4, **settings)
    with open_activations(path) as activations:
        return activations.layers["out"].read(0, 4).T


def saved(folder, **arrays):
    np.savez(folder / "data.npz", **arrays)
    return folder / "data.npz"


@pytest.mark.parametrize("rate", ["16000", 16000, 16000.0, np.int32(16000), np.array([16000])])
def test_samples_need_not_fill_inputs_that_are_said(tmp_path, rate):
    np.save(tmp_path / "x.npy", X)
    feed = Feed({"sr": rate}, zeros=["state"])
    assert np.array_equal(extracted(tmp_path, tmp_path / "x.npy", feed), step(X, ZEROS, 16000)[0])


def test_scalars_in_the_data_are_constants(tmp_path):
    right = step(X, STATE, 8000)[0]
    arrays = {"x": X, "state": STATE, "sr": np.array(8000)}
    assert np.array_equal(extracted(tmp_path, saved(tmp_path, **arrays)), right)
    assert extract(StateModel(), arrays, tmp_path / "x.h5", ["out"], batch_size=4).already_done
    batches = [{"x": X[:6], "state": STATE[:, :6], "sr": 8000}]
    batches += [{"x": X[6:], "state": STATE[:, 6:], "sr": np.int64(8000)}]
    assert np.array_equal(extracted(tmp_path, batches, overwrite=True), right)
    one_by_one = BatchSource(iter(batches), 11, batch_axes={"state": 1})
    assert np.array_equal(extracted(tmp_path, one_by_one, overwrite=True), right)


def test_scalars_that_differ_between_batches_are_refused():
    batches = [{"x": X[:6], "sr": 8000}, {"x": X[6:], "sr": 16000}]
    with pytest.raises(DataError, match="'sr' is 16000 in batch 1 and 8000 in batch 0"):
        BatchSource(batches)
    with pytest.raises(DataError, match="'sr' is missing in batch 1 and 8000 in batch 0"):
        BatchSource([batches[0], {"x": X[6:]}])


def test_a_constant_is_repeated_where_samples_are_counted(tmp_path):
    np.save(tmp_path / "first.npy", STATE[:, :1])
    feed = Feed({"sr": 16000, "state": str(tmp_path / "first.npy")})
    right = step(X, np.repeat(STATE[:, :1], 11, 1), 16000)[0]
    assert np.array_equal(extracted(tmp_path, X, feed), right)


def test_a_fixed_shape_of_zeros_or_constants_comes_whole(tmp_path):
    # Here the state is [2, 1, 4] for any number of samples.
    feed = Feed({"sr": 16000, "state": STATE[:, :1]})
    right = step(X, STATE[:, :1], 16000)[0]
    assert np.array_equal(extracted(tmp_path, X, feed, StateModel(varies=False)), right)


def test_an_axis_that_was_said_is_that_of_the_data(tmp_path):
    model = StateModel()
    model.inputs = (*model.inputs[:1], ModelInput("state"), model.inputs[2])
    with pytest.raises(DataError, match="different numbers of samples: x 11, state 2") as caught:
        extracted(tmp_path, saved(tmp_path, x=X, state=STATE, sr=16000), model=model)
    assert "--batch-axis" in caught.value.hint
    feed = Feed(batch_axes={"state": 1})
    data = saved(tmp_path, x=X, state=STATE, sr=16000)
    assert np.array_equal(extracted(tmp_path, data, feed, model), step(X, STATE, 16000)[0])


def test_an_input_may_be_said_to_have_no_axis_of_samples(tmp_path):
    model = StateModel()
    model.inputs = (*model.inputs[:1], ModelInput("state"), model.inputs[2])
    feed = Feed(batch_axes={"state": None})
    data = {"x": X, "state": STATE[:, :1], "sr": np.array(16000)}
    assert np.array_equal(extracted(tmp_path, data, feed, model), step(X, STATE[:, :1], 16000)[0])


def test_only_axes_that_are_guesses_are_told_once_and_not_if_they_were_said(tmp_path, caplog):
    feeds = {
        "guessed": Feed({"sr": 16000}, ["state"]),
        "said": Feed({"sr": 16000}, ["state"], {"state": 1}),
    }
    told = {}
    for name, feed in feeds.items():
        caplog.clear()
        with caplog.at_level(logging.WARNING, "invert"):
            extracted(tmp_path, X, feed, StateModel(certain=False), overwrite=True)
        told[name] = [record.getMessage() for record in caplog.records]
    assert told["said"] == []
    (guess,) = told["guessed"]
    assert "'state' has shape [2, ?, 4]" in guess
    assert "axis 1" in guess
    assert "--batch-axis state=AXIS" in guess


WRONG = {
    "unknown constant": (Feed({"sr": 1, "stat": 0}), X, UnknownNameError, "'stat'.*'state'"),
    "unknown axis": (Feed(batch_axes={"statte": 1}), X, UnknownNameError, "'statte'.*'state'"),
    "no such axis": (
        Feed(batch_axes={"state": 3}),
        X,
        SettingError,
        r"'state' has shape \[2, \?, 4\], without an axis 3",
    ),
    "also in the data": (
        Feed({"sr": 1}, ["state"]),
        {"x": X, "state": STATE},
        DataError,
        "The data hold the input 'state', which is also filled",
    ),
    "also in a source": (
        Feed({"sr": 1}, ["state"]),
        ArraySource({"x": X, "state": STATE}, batch_axes={"state": 1}),
        DataError,
        "The data hold the input 'state', which is also filled",
    ),
    "a scalar that is no input": (
        Feed({"sr": 1}, ["state"]),
        {"x": X, "rate": np.array(1)},
        UnknownNameError,
        "'rate'",
    ),
    "a constant for a sample": (
        Feed({"sr": 1, "state": STATE[:, :2]}, batch_axes={"state": 1}),
        X,
        SettingError,
        "axis 1 counts the samples",
    ),
    "two inputs left": (Feed({"sr": 1}), X, DataError, r"2 inputs \(x, state\).*--zeros"),
    "nothing for a scalar": (Feed(zeros=["state"]), X, DataError, "'sr' is missing.*--constant sr"),
    "zeros of any length": (
        Feed({"sr": 1}, ["state"], {"state": 0}),
        X,
        SettingError,
        r"'state' has shape \[2, \?, 4\], which does not say how many zeros.*state=FILE\.npy.*"
        "--batch-axis state=1",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_the_inputs_is_named(tmp_path, case):
    feed, data, error, words = WRONG[case]
    with pytest.raises(error) as caught:
        extracted(tmp_path, data, feed)
    assert caught.value.hint
    assert re.search(words, str(caught.value)), str(caught.value)
    assert not list(tmp_path.glob("x.h5*"))


def test_an_input_is_filled_in_one_way_only():
    with pytest.raises(SettingError, match="'a' cannot be both"):
        Feed({"a": 1}, ["a"])
    with pytest.raises(SettingError, match="The inputs that hold zeros are not in a list"):
        Feed(zeros="state")
    with pytest.raises(SettingError, match="Two tensors are carried to 'a'"):
        Feed(carry={"x": "a", "y": "a"})
    with pytest.raises(SettingError, match="cannot be on axis -1"):
        Feed(batch_axes={"a": -1})


def wanted(dtype=None, shape=None):
    return ModelInput("c", shape, None if dtype is None else np.dtype(dtype))


@pytest.mark.parametrize(
    ("value", "dtype", "shape", "right"),
    [
        ("16000", "int64", (), np.int64(16000)),
        ("16000", "float32", (1,), np.float32([16000])),
        ("1e3", "int32", (None,), np.int32([1000])),
        ("0.1", "float32", (), np.float32(0.1)),
        (0.1, "float16", (), np.float16(0.1)),
        ("true", "bool", (), np.bool_(True)),
        ("640, 480", "int64", (2,), np.int64([640, 480])),
        (np.arange(3), "uint8", (None,), np.uint8([0, 1, 2])),
        (np.float64([0.5, np.nan, np.inf]), "float32", (3,), np.float32([0.5, np.nan, np.inf])),
        ("640,480", "float32", (None, 2), np.float32([[640, 480]])),
        (np.ones((2, 3)), "float64", (None, 2, 3), np.ones((1, 2, 3))),
        ("en", "str", (), np.array("en")),
        ("7", None, None, np.int64(7)),
    ],
)
def test_constants_take_the_type_and_shape_of_their_input(value, dtype, shape, right):
    found = as_constant(value, wanted(dtype, shape))
    np.testing.assert_array_equal(found, right)
    assert (found.dtype.kind, found.shape) == (right.dtype.kind, right.shape)
    assert dtype in (None, "str") or found.dtype == dtype


@pytest.mark.parametrize(
    ("value", "dtype", "shape", "words"),
    [
        ("1.5", "int64", (), "is float64 1.5, and the input takes int64"),
        ("300", "uint8", (), "is int64 300, and the input takes uint8"),
        ("1e60", "float32", (), "and the input takes float32"),
        (np.float64(0.1), "float32", (), "and the input takes float32"),
        (2**53 + 1, "float64", (), "and the input takes float64"),
        ("fast", "float32", (), "'fast', neither a number nor a .npy file"),
        ("1,x", "float32", (2,), "'1,x', neither a number"),
        ("en", None, None, "neither a number"),
        ({}, "float32", (), "which is no array of numbers"),
        (10**30, "float32", (), "which is no array of numbers"),
        ("1,2", "float32", (3,), r"float32 of shape \(2,\), and the input has shape \[3\]"),
        ("1", "float32", (2, 2), r"float32 1.0, and the input has shape \[2, 2\]"),
        (np.ones((2, 2)), "float64", (2,), "has shape"),
        (np.ones(3), "float64", (None, 2), r"of shape \(3,\), and the input has shape \[\?, 2\]"),
    ],
)
def test_constants_that_would_change_are_refused(value, dtype, shape, words):
    with pytest.raises(SettingError, match=words) as caught:
        as_constant(value, wanted(dtype, shape))
    assert caught.value.hint


def test_a_constant_from_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"window\.npy"):
        as_constant(str(tmp_path / "window.npy"), wanted())


@pytest.mark.parametrize(
    ("field", "feed", "groups"),
    [
        (
            r'feed.constants.sr "16000 \(int64\)", now it is "8000 \(int64\)"',
            Feed({"sr": 8000}, ["state"]),
            None,
        ),
        ("feed.constants.state", Feed({"sr": 16000, "state": STATE[:, :1]}), None),
        ("feed.carry.stateN", Feed({"sr": 16000}, ["state"], carry={"stateN": "state"}), None),
        ("groups", Feed({"sr": 16000}, ["state"]), ["a"] * 11),
    ],
)
def test_another_feed_is_refused_by_its_name(tmp_path, field, feed, groups):
    extracted(tmp_path, X, Feed({"sr": 16000}, ["state"]))
    with pytest.raises(StaleFileError, match=f"was made with {field}"):
        extracted(tmp_path, X, feed, groups=groups)


def test_a_typed_number_is_mended_by_typing_and_an_array_by_its_type():
    whole = ModelInput("sr", (), np.dtype("int64"))
    with pytest.raises(SettingError) as typed:
        as_constant("1.5", whole)
    assert typed.value.hint == "Give another number."
    with pytest.raises(SettingError, match=r"Give an array of that type.*astype\('int64'\)"):
        as_constant(np.array(1.5), whole)


def test_a_number_for_a_whole_array_is_refused_with_what_to_type():
    with pytest.raises(SettingError, match=r"as in --constant state=FILE\.npy"):
        as_constant("0.5", ModelInput("state", (2, None, 4), np.dtype("float32"), 1))


ALL_FILLED = [
    Feed({"sr": 1}, zeros=["x", "state"]),
    Feed({"sr": 1, "x": X[:1]}, carry={"stateN": "state"}),
    Feed({"sr": 1}, zeros=["state"], batch_axes={"x": None}),
]


@pytest.mark.parametrize("feed", ALL_FILLED)
@pytest.mark.parametrize("data", [X, {"x": X}])
def test_if_nothing_is_left_to_the_samples_the_options_that_fill_it_are_named(tmp_path, feed, data):
    with pytest.raises(DataError) as caught:
        extracted(tmp_path, data, feed)
    for flag in ("--constant", "--zeros", "--carry", "--batch-axis NAME=none"):
        assert flag in caught.value.hint


def test_an_input_too_many_is_refused_with_all_that_may_fill_it(tmp_path):
    with pytest.raises(DataError, match=r"--constant .* --zeros .* for state, --carry TENSOR=NAME"):
        extracted(tmp_path, X)


@pytest.mark.parametrize(
    "given", [{"constants": "sr=1"}, {"carry": "stateN=state"}, {"batch_axes": []}, {"zeros": "x"}]
)
def test_a_feed_of_the_wrong_kind_is_refused_with_an_example(given):
    (what,) = given
    with pytest.raises(SettingError, match=rf"not .*Give one: {what}="):
        Feed(**given)


@pytest.mark.parametrize("given", [{"constants": {5: 1}}, {"zeros": [5]}, {"carry": {"out": 5}}])
def test_an_input_that_is_called_by_a_number_is_an_unknown_name(tmp_path, given):
    with pytest.raises(UnknownNameError, match="no input 5"):
        extracted(tmp_path, {"x": X, "state": STATE}, Feed(**given))


def test_masked_and_ragged_constants_are_refused():
    wanted = ModelInput("c", (2,), np.dtype("float32"), None)
    masked = np.ma.masked_array([1.0, 2.0], [False, True])
    with pytest.raises(DataError, match="The constant 'c' cannot be used, because 1 value is mask"):
        as_constant(masked, wanted)
    with pytest.raises(DataError, match="The constant 'c' cannot be read as an array"):
        as_constant([[1, 2], [3]], wanted)


def test_a_tensor_that_needs_gradients_is_a_constant():
    torch = need("torch")
    wanted = ModelInput("c", (2,), np.dtype("float32"), None)
    for dtype in (torch.float32, torch.bfloat16):
        tensor = torch.tensor([1.0, 2.0], dtype=dtype, requires_grad=True)
        assert as_constant(tensor, wanted).tolist() == [1, 2]
