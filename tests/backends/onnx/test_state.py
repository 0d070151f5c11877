"""Recurrent ONNX models, as voice-activity detectors are: state, a sample rate, frames of clips."""

import json
import logging

import numpy as np
import pytest
from onnx import TensorProto, numpy_helper
from PIL import Image

from invert_core import Feed, Preprocess, auc, extract, open_activations, read_run
from invert_core.errors import ModelError
from tests.backends.models import model, node, save, value
from tests.command_line import invert, refused
from tests.needs import need

onnxruntime = need("onnxruntime")

N_FEATURES, HIDDEN, N = 6, 5, 30
FRAMES = np.random.default_rng(0).normal(size=(N, N_FEATURES)).astype(np.float32)
CLIPS = ["en_0"] * 11 + ["de_3"] * 1 + ["fr_2"] * 18
IDS = np.array([f"{clip}/{row:03}" for row, clip in enumerate(CLIPS)])
STARTS = (0, 11, 12)
FEED = Feed({"sr": "16000"}, carry={"stateN": "state"})


def detector(batch="batch", of_state="batch"):
    """x [batch, 6], state [2, batch, 5], sr [] -> speech [batch, 1], stateN [2, batch, 5]."""
    random = np.random.default_rng(1)

    def drawn(*shape):
        return random.normal(size=shape).astype(np.float32)

    return model(
        [
            node("Cast", "sr", "rate", to=TensorProto.FLOAT),
            node("Div", "rate usual", "speed"),
            node("Mul", "x speed", "scaled"),
            node("Unsqueeze", "scaled first", "sequence"),
            node("Split", "state", "h c", axis=0, num_outputs=2),
            lstm(),
            node("Concat", "hn cn", "stateN", axis=0),
            node("Squeeze", "hn first", "hidden"),
            node("Gemm", "hidden v", "logit"),
            node("Sigmoid", "logit", "speech"),
        ],
        [
            value("x", [batch, N_FEATURES]),
            value("state", [2, of_state, HIDDEN]),
            value("sr", [], TensorProto.INT64),
        ],
        [value("speech", [batch, 1]), value("stateN", [2, of_state, HIDDEN])],
        {
            "usual": np.float32(16000),
            "first": np.array([0], np.int64),
            "w": drawn(1, 4 * HIDDEN, N_FEATURES),
            "r": drawn(1, 4 * HIDDEN, HIDDEN),
            "b": drawn(1, 8 * HIDDEN),
            "v": drawn(HIDDEN, 1),
        },
    )


def lstm():
    made = node("LSTM", "sequence w r b", "y hn cn", hidden_size=HIDDEN)
    made.input.extend(["", "h", "c"])
    return made


def right(proto, rate=16000, names=("speech",), rows=1):
    """Run the frames one by one in ONNX Runtime, as the packages of such models do."""
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    found = []
    for row, frame in enumerate(FRAMES):
        if row in STARTS:
            state = np.zeros((2, rows, HIDDEN), np.float32)
        feeds = {"x": np.repeat(frame[None], rows, 0), "state": state, "sr": np.array(rate)}
        *values, state = session.run([*names, "stateN"], feeds)
        found.append(np.concatenate([each[:1] for each in values], 1))
    return np.concatenate(found)


def read(path, layer="speech"):
    with open_activations(path) as activations:
        layer = activations.layers[layer]
        return layer.read(0, layer.n_units).T


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def frames(tmp_path):
    np.savez(tmp_path / "frames.npz", x=FRAMES, sample_id=IDS)
    return tmp_path / "frames.npz"


@pytest.mark.parametrize("rate", [16000, 8000])
@pytest.mark.parametrize("axis", ["batch", None])
def test_the_speech_of_a_recurrent_detector_is_that_of_a_loop(tmp_path, frames, rate, axis):
    proto = detector(axis, axis)
    feed = Feed({"sr": rate}, carry={"stateN": "state"}, batch_axes={"state": 1})
    report = extract(
        save(proto, tmp_path),
        frames,
        tmp_path / "x.h5",
        ["speech"],
        feed=feed,
        groups="id:(.*)/.*",
        device="cpu",
        batch_size=8,
    )
    assert report.n_samples == N
    assert np.array_equal(read(tmp_path / "x.h5"), right(proto, rate))


def test_state_is_a_layer_and_carried_at_once(tmp_path, frames):
    layers = ["stateN:batch=1,axis=2", "speech", "hidden"]
    path = save(detector(), tmp_path)
    extract(path, frames, tmp_path / "x.h5", layers, feed=FEED, groups="id:(.*)/.*", device="cpu")
    assert np.array_equal(read(tmp_path / "x.h5"), right(detector()))
    assert read(tmp_path / "x.h5", "stateN").shape == (N, HIDDEN)


def test_a_model_of_a_fixed_batch_size_carries_the_state_of_the_sample_alone(tmp_path, frames):
    proto = detector(4, "n")
    extract(
        save(proto, tmp_path),
        frames,
        tmp_path / "x.h5",
        ["speech"],
        feed=Feed({"sr": 16000}, carry={"stateN": "state"}, batch_axes={"state": 1}),
        groups="id:(.*)/.*",
        device="cpu",
    )
    assert np.array_equal(read(tmp_path / "x.h5"), right(proto, rows=4))


def test_a_model_of_one_sample_takes_and_gives_its_whole_state(tmp_path, frames):
    proto = detector(1, 1)
    extract(
        save(proto, tmp_path),
        frames,
        tmp_path / "x.h5",
        ["speech"],
        feed=FEED,
        groups="id:(.*)/.*",
        device="cpu",
    )
    assert np.array_equal(read(tmp_path / "x.h5"), right(proto))


def sequence():
    """x [frames, 6], h and c [1, 1, 5] -> hidden [frames, 5], hn and cn [1, 1, 5]."""
    nodes = detector().graph.node
    weights = {
        tensor.name: numpy_helper.to_array(tensor) for tensor in detector().graph.initializer
    }
    return model(
        [
            node("Unsqueeze", "x second", "sequence"),
            next(each for each in nodes if each.op_type == "LSTM"),
            node("Reshape", "y flat", "hidden"),
        ],
        [value("x", ["frames", N_FEATURES]), *(value(name, [1, 1, HIDDEN]) for name in "hc")],
        [
            value("hidden", ["frames", HIDDEN]),
            *(value(f"{name}n", [1, 1, HIDDEN]) for name in "hc"),
        ],
        {**weights, "second": np.array([1]), "flat": np.array([-1, HIDDEN])},
    )


def test_a_state_whose_lengths_are_fixed_beside_samples_that_vary_is_carried_whole(
    tmp_path, frames
):
    path = save(sequence(), tmp_path)
    feed = Feed(carry={"hn": "h", "cn": "c"})
    groups = "id:(.*)/.*"
    extract(path, frames, tmp_path / "x.h5", ["hidden"], feed=feed, groups=groups, device="cpu")
    session = onnxruntime.InferenceSession(path)
    zeros = np.zeros((1, 1, HIDDEN), np.float32)
    clips = np.split(FRAMES, STARTS[1:])
    whole = [session.run(["hidden"], {"x": clip, "h": zeros, "c": zeros})[0] for clip in clips]
    assert np.array_equal(read(tmp_path / "x.h5", "hidden"), np.concatenate(whole))


def test_a_tensor_of_another_shape_cannot_be_carried(tmp_path, frames):
    feed = Feed({"sr": 16000}, carry={"hn": "state"})
    with pytest.raises(
        ModelError, match=r"'hn' cannot be carried to the input 'state'.*\(1, 1, 5\)"
    ):
        extract(save(detector(), tmp_path), frames, tmp_path / "x.h5", ["speech"], feed=feed)


def test_a_model_that_takes_samples_for_steps_in_time_is_told_and_right_with_its_state(
    tmp_path, frames, caplog
):
    proto = model(
        [
            node("CumSum", "x zero", "sums"),
            node("Add", "sums h", "y"),
            node("Slice", "y last end zeros", "hn"),
        ],
        [value("x", ["steps", N_FEATURES]), value("h", [1, N_FEATURES])],
        [value("y", ["steps", N_FEATURES]), value("hn", [1, N_FEATURES])],
        {
            "zero": np.array(0, np.int64),
            "zeros": np.array([0], np.int64),
            "last": np.array([-1], np.int64),
            "end": np.array([2**31 - 1], np.int64),
        },
    )
    path, output = save(proto, tmp_path), tmp_path / "x.h5"
    extract(path, frames, output, ["y"], feed=Feed(zeros=["h"]), batch_size=8)
    assert "if samples are steps in time, carry the state from one to the next" in caplog.text
    feed = Feed(carry={"hn": "h"})
    extract(path, frames, output, ["y"], feed=feed, groups=CLIPS, batch_size=8, overwrite=True)
    right = [np.cumsum(clip, axis=0) for clip in np.split(FRAMES, STARTS[1:])]
    np.testing.assert_allclose(read(output, "y"), np.concatenate(right), rtol=1e-5, atol=1e-6)


def test_the_command_line_carries_state_and_says_what_it_does(here, frames):
    save(detector(None, None), here)
    done = invert(
        "extract",
        "model.onnx",
        "--data",
        frames,
        "-l",
        "speech",
        "-o",
        "x.h5",
        "--constant",
        "sr=16000",
        "--carry",
        "stateN=state",
        "--groups",
        "id:(.*)/.*",
        "--device",
        "cpu",
    )
    assert np.array_equal(read("x.h5"), right(detector()))
    assert "'state' has shape [2, ?, 5], and its samples are taken to be on axis 1" in done.stderr
    assert "samples run one at a time" in done.stderr
    with open_activations("x.h5") as activations:
        assert activations.groups.names == ("en_0", "de_3", "fr_2")
    again = invert(
        "extract",
        "model.onnx",
        "--data",
        frames,
        "-l",
        "speech",
        "-o",
        "y.h5",
        "-q",
        "--constant",
        "sr=16000",
        "--zeros",
        "state",
        "--batch-axis",
        "state=1",
        "--device",
        "cpu",
    )
    assert again.stderr == ""


def test_the_speech_of_a_detector_is_labelled_from_end_to_end(here, frames):
    save(detector(), here)
    loud = np.abs(FRAMES).mean(1) > np.median(np.abs(FRAMES).mean(1))
    marks = {"loud": loud, "french": np.array(CLIPS) == "fr_2"}
    rows = [",".join(["sample_id", *marks])]
    rows += [f"{name},{int(a)},{int(b)}" for name, a, b in zip(IDS, *marks.values(), strict=True)]
    (here / "concepts.csv").write_text("\n".join(rows))
    state = ("--constant", "sr=16000", "--carry", "stateN=state", "--groups", "id:(.*)/.*")
    invert(
        *("extract", "model.onnx", "--data", frames, "-l", "speech", "-o", "x.h5", *state),
        *("--device", "cpu"),
    )
    invert("label", "x.h5", "concepts.csv", "--length", "1", "--max-fraction", "1", "-o", "run")
    (label,) = read_run(here / "run").labels.best()
    speech = right(detector())[:, 0]
    literals = {**marks, **{f"~{name}": ~mark for name, mark in marks.items()}}
    right_auc = {name: float(auc(speech, mark)) for name, mark in literals.items()}
    assert label.auc == max(right_auc.values())
    assert right_auc[label.formula] == label.auc


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--constant", "sr"], "'sr' is not of the form INPUT=VALUE"),
        (["--constant", "sr=1", "--constant", "sr=2"], "'sr' is given twice"),
        (["--batch-axis", "state=x"], "'state=x' names no axis; count from 0, or say none"),
        (["--carry", "=state"], "not of the form TENSOR=INPUT"),
    ],
)
def test_options_that_cannot_be_read_are_named(here, frames, options, words):
    save(detector(), here)
    given = ["model.onnx", "--data", frames, "-l", "speech", "-o", "x.h5", *options]
    assert words in refused("extract", *given, code=2)


def test_layers_are_listed_with_the_constants_that_decide_their_shapes(here):
    nodes = [node("Reshape", "x dims", "out")]
    inputs = [value("x", ["n", 12]), value("dims", ["k"], TensorProto.INT64)]
    save(model(nodes, inputs, [value("out", None)]), here)

    def shape(*options):
        (row,) = json.loads(invert("layers", "model.onnx", *options, "--format", "json").stdout)
        return row["shape"]

    assert shape() is None
    assert shape("--constant", "dims=0,3,4") == [None, 3, 4]
    assert shape("--constant", "dims=0,3,2,2") == [None, 3, 2, 2]
    assert "no input 'dim'" in refused("layers", "model.onnx", "--constant", "dim=0")


def test_a_layout_that_was_given_decides_where_lengths_do_not(tmp_path, caplog):
    proto = model([node("Relu", "x", "out")], [value("x", ["n", 3, "b", 3])], [value("out", None)])
    (tmp_path / "images").mkdir()
    for number in range(3):
        pixels = np.full((3, 3, 3), number, np.uint8) + np.arange(3, dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{number}.png")
    with caplog.at_level(logging.WARNING, "invert"):
        for layout in ("NHWC", "NCHW"):
            extract(
                save(proto, tmp_path),
                tmp_path / "images",
                tmp_path / f"{layout}.h5",
                ["out"],
                preprocess=Preprocess(scale=1.0, layout=layout),
            )
            wanted = np.arange(3)[:, None] + np.arange(3)
            assert np.array_equal(read(tmp_path / f"{layout}.h5", "out"), wanted)
    assert caplog.records == []


def test_layers_are_listed_by_the_layout_that_is_given(here):
    save(
        model([node("Relu", "x", "out")], [value("x", ["n", 3, "b", 3])], [value("out", None)]),
        here,
    )
    (row,) = json.loads(
        invert("layers", "model.onnx", "--layout", "NHWC", "--format", "json").stdout
    )
    assert (row["axis"], row["n_units"], row["pool"]) == (3, 3, "mean")
    (row,) = json.loads(invert("layers", "model.onnx", "--format", "json").stdout)
    assert (row["axis"], row["n_units"], row["pool"]) == (None, None, "")


def test_a_constant_for_one_sample_alone_takes_samples_one_by_one(tmp_path, frames):
    # Beside samples of any number, the state fits one; the trial for the shape of "hidden" does so.
    nodes = [*detector().graph.node]
    weights = {
        tensor.name: numpy_helper.to_array(tensor) for tensor in detector().graph.initializer
    }
    inputs = [
        value("x", ["batch", N_FEATURES]),
        value("state", [2, 1, HIDDEN]),
        value("sr", [], TensorProto.INT64),
        value("dims", ["k"], TensorProto.INT64),
    ]
    nodes.append(node("Reshape", "hidden dims", "shaped"))
    path = save(model(nodes, inputs, [value("shaped", None)], weights), tmp_path)
    feed = Feed({"sr": 16000, "dims": "-1,5"}, ["state"])
    extract(path, frames, tmp_path / "x.h5", ["shaped"], feed=feed, device="cpu", batch_size=1)
    said = Feed(feed.constants, ["state"], {"state": 1})
    extract(path, frames, tmp_path / "y.h5", ["shaped"], feed=said, device="cpu")
    found = read(tmp_path / "x.h5", "shaped")
    assert found.shape == (N, HIDDEN)
    assert np.array_equal(found, read(tmp_path / "y.h5", "shaped"))
    with pytest.raises(ModelError, match="Try a smaller --batch-size"):
        extract(path, frames, tmp_path / "z.h5", ["shaped"], feed=feed, device="cpu")
