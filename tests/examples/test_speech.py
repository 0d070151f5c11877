"""The script of `examples/speech/`, on a network of the same kind; and on silero-vad if present."""

import csv
import importlib
import importlib.util
import shutil
import wave
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto

from invert_core import open_activations, read_run
from invert_core.errors import FileFormatError, MissingFileError
from tests.backends import models

EXAMPLE = Path(__file__).parents[2] / "examples" / "speech"
CLIPS = {"digits/1": [0.5] * 300 + [0.0] * 200, "hello": [0.2] * 900, "silence/2": [0.0] * 600}


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLE)
        yield importlib.import_module("label_speech")


@pytest.fixture(scope="module")
def frames(script):
    return importlib.import_module("frames")


def write_clip(path, sound, rate=8000, channels=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.array(sound) * 32767).astype("<i2").tobytes())


@pytest.fixture
def sounds(tmp_path):
    for name, sound in CLIPS.items():
        write_clip(tmp_path / "sounds" / f"{name}.wav", sound)
    return tmp_path / "sounds"


def listener():
    """Its output is how loud a frame is; its state holds that, and half of the state before."""
    node = models.node
    return models.model(
        [
            node("Abs", "input", "abs"),
            node("ReduceMean", "abs", "mean", axes=[1], keepdims=1),
            node("Cast", "sr", "rate", to=TensorProto.FLOAT),
            node("Div", "rate khz", "eight"),
            node("Mul", "mean eight", "output"),
            node("Concat", "output output", "hidden", axis=1),
            node("Split", "state", "h c", axis=0),
            node("Mul", "c half", "faded"),
            node("Add", "faded hidden", "cell"),
            node("Unsqueeze", "hidden first", "new"),
            node("Concat", "new cell", "stateN", axis=0),
        ],
        [
            models.value("input", ["batch", "length"]),
            models.value("state", [2, "batch", 2]),
            models.value("sr", [], TensorProto.INT64),
        ],
        [models.value("output", ["batch", 1]), models.value("stateN", [2, "batch", 2])],
        {
            "khz": np.float32(8000),
            "half": np.float32(0.5),
            "first": np.array([0]),
        },
        opset=13,
    )


def in_a_loop(path, arrays):
    """What a program would compute that follows the clips frame by frame."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    clips = [str(sample).rpartition(":")[0] for sample in arrays["sample_id"]]
    size = session.get_inputs()[1].shape[2]
    outputs, states, before = [], [], None
    for clip, frame in zip(clips, arrays["input"], strict=True):
        if clip != before:
            state, before = np.zeros((2, 1, size), np.float32), clip
        given = {"input": frame[None], "state": state, "sr": np.array(8000)}
        output, state = session.run(["output", "stateN"], given)
        outputs.append(output[0])
        states.append(state[:, 0].T.ravel())
    return {"output": np.array(outputs), "stateN": np.array(states)}


def run(script, monkeypatch, model, sounds, folder):
    command = ["label_speech.py", str(model), "-o", str(folder), "--sounds", str(sounds)]
    monkeypatch.setattr("sys.argv", command)
    script.main()
    arrays = dict(np.load(folder / "frames.npz"))
    right = in_a_loop(model, arrays)
    with open_activations(folder / "state.h5") as activations:
        assert list(activations.sample_id) == list(arrays["sample_id"])
        for layer, values in right.items():
            found = activations.layers[layer]
            np.testing.assert_array_equal(found.read(0, found.n_units).T, values)
    return arrays, right


def test_state_is_carried_through_each_clip_and_labelled_by_clips(
    script, sounds, tmp_path, monkeypatch, capsys
):
    digits = range(1, 5)
    for digit in digits:
        write_clip(sounds / f"digits/{digit}.wav", CLIPS["digits/1"])
    path = models.save(listener(), tmp_path)
    arrays, _ = run(script, monkeypatch, path, sounds, tmp_path / "out")
    assert list(arrays["sample_id"]) == [
        *(f"digits/{digit}:{number:04}" for digit in digits for number in range(2)),
        *(f"hello:{number:04}" for number in range(4)),
        *(f"silence/2:{number:04}" for number in range(3)),
    ]
    best = {row.address: row for row in read_run(tmp_path / "out" / "run").labels.best()}
    assert best["output:0"].label == "loud"
    assert len(best) == 5
    assert {row.correction for row in best.values()} == {"group permutation"}
    significant = sum(row.q_value < 0.05 for row in best.values())
    assert f"5 units ({significant} significant" in capsys.readouterr().out


def test_a_frame_stands_behind_the_end_of_the_frame_before(frames):
    sound = np.arange(1, 601, dtype=np.float32)
    cut = frames.cut(sound)
    assert cut.shape == (3, 288)
    padded = np.concatenate([np.zeros(32), sound, np.zeros(168)])
    for number, frame in enumerate(cut):
        np.testing.assert_array_equal(frame, padded[256 * number : 256 * number + 288])


def test_concepts_are_the_folder_and_what_is_loud(frames, sounds, tmp_path):
    assert frames.write_frames(sounds, tmp_path / "x.npz", tmp_path / "x.csv") == 3
    with (tmp_path / "x.csv").open(newline="") as file:
        found = [row["concepts"] for row in csv.DictReader(file)]
    assert found == [
        "digits loud",
        "digits loud loud-before",
        "prompts loud",
        *["prompts loud loud-before"] * 3,
        *["silence"] * 3,
    ]


@pytest.mark.parametrize("more", [{"rate": 16000}, {"channels": 2}])
def test_clips_of_another_kind_are_refused(frames, tmp_path, more):
    write_clip(tmp_path / "x.wav", [0.0] * 300, **more)
    with pytest.raises(FileFormatError, match=r"Convert it with: sox x\.wav -r 8000 -c 1 -b 16"):
        frames.read_clip(tmp_path / "x.wav")


def test_what_is_no_clip_is_refused(frames, tmp_path):
    with pytest.raises(MissingFileError, match="apt-get install asterisk-core-sounds-en-wav"):
        frames.write_frames(tmp_path, tmp_path / "x.npz", tmp_path / "x.csv")
    (tmp_path / "x.wav").write_bytes(b"")
    with pytest.raises(FileFormatError, match="is not a WAV file: it ends too early"):
        frames.write_frames(tmp_path, tmp_path / "x.npz", tmp_path / "x.csv")


def test_silero_hears_speech_in_what_is_spoken(script, frames, tmp_path, monkeypatch):
    package = importlib.util.find_spec("silero_vad")
    if package is None or not frames.SOUNDS.is_dir():
        pytest.skip("needs silero-vad and asterisk-core-sounds-en-wav, see examples/speech")
    (folder,) = package.submodule_search_locations
    for name in ("digits/7", "phonetic/k_p", "silence/1", "auth-thankyou"):
        clip = tmp_path / "sounds" / f"{name}.wav"
        clip.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(frames.SOUNDS / f"{name}.wav", clip)
    path = Path(folder) / "data" / "silero_vad.onnx"
    arrays, right = run(script, monkeypatch, path, tmp_path / "sounds", tmp_path / "out")
    silent = np.char.startswith(arrays["sample_id"], "silence")
    speech = right["output"][:, 0] > 0.5
    assert not speech[silent].any()
    assert speech[~silent].mean() > 0.5
    assert len(read_run(tmp_path / "out" / "run").labels.best()) == 1 + 2 * 128
