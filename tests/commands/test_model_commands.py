"""The commands that open a model: `layers`, `extract`, `demo`, `backends`, `doctor`."""

import csv
import io
import json
import re
import resource
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import h5py
import numpy as np
import pytest
from PIL import Image

import invert_core.demo
from invert_core import open_activations
from invert_core.commands.progress import progress
from invert_core.data import Preprocess, Tokenize
from invert_core.errors import MissingDependencyError
from invert_core.models.backend import Finding, ModelInput
from tests.backends import models
from tests.backends.models import network, network_input, save
from tests.command_line import call, invert, process, refused, sentence, tree

DEMO = Path(invert_core.demo.__file__).parent
DIGITS = DEMO / "digits.onnx"
EXTRACT = ("extract", DIGITS, "--data", "data.npz", "-l", "relu3", "-o", "x.h5", "--device", "cpu")


@pytest.fixture
def data(here):
    """Twenty of the digits."""
    with np.load(DEMO / "search.npz") as arrays:
        some = {name: values[:20] for name, values in arrays.items()}
    np.savez(here / "data.npz", **some)
    return some


@pytest.fixture
def images(here):
    (here / "images").mkdir()
    random = np.random.default_rng(0)
    for number in range(5):
        pixels = random.integers(0, 255, (8, 8), np.uint8)
        Image.fromarray(pixels).save(here / "images" / f"{number}.png")
    return here / "images"


def images_arguments(*more):
    return ("extract", DIGITS, "--data", "images", "-l", "output", "-o", "x.h5", *more)


def failed(*arguments):
    result = call(*arguments)
    return result.exit_code, result.stderr


def as_dictionaries(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_layers_are_listed_with_shape_units_and_pooling():
    rows = json.loads(invert("layers", DIGITS, "--format", "json").stdout)
    found = {row["module"]: row for row in rows}
    assert found["relu3"]["shape"] == [None, 32]
    assert (found["relu3"]["n_units"], found["relu3"]["pool"]) == (32, "none")
    printed = as_dictionaries(invert("layers", DIGITS, "--format", "csv").stdout)
    assert [row["name"] for row in printed] == [row["name"] for row in rows]
    assert [row["n_units"] for row in printed] == [str(row["n_units"] or "") for row in rows]
    assert "[?, 32]" in invert("layers", DIGITS).stdout


@pytest.mark.parametrize(
    "command", [("layers",), ("extract", "--data", "d.npz", "-l", "x", "-o", "x.h5")]
)
@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.onnx", None, "no file 'none.onnx'"),
        ("empty.onnx", b"", "empty.onnx"),
        ("text.onnx", b"this is no model at all", "text.onnx"),
        ("cut.onnx", DIGITS.read_bytes()[:5000], "cut.onnx"),
        ("model.xyz", b"x", "No backend is known to open 'model.xyz'"),
        ("none.xyz", None, "There is no model 'none.xyz'"),
    ],
)
def test_what_is_no_model_is_refused(here, command, name, content, words):
    if content is not None:
        (here / name).write_bytes(content)
    assert words in refused(command[0], name, *command[1:])


def test_an_unknown_backend_gets_the_nearest_name(here):
    error = refused("layers", DIGITS, "--backend", "onx")
    assert "Did you mean 'onnx'?" in error
    assert "invert backends" in error


def test_activations_are_extracted_and_the_choice_of_pooling_is_told(here, data):
    result = invert(*EXTRACT, "-l", "output", "--format", "json")
    assert json.loads(result.stdout) == [
        {"layer": "relu3", "pool": "none", "n_units": 32, "stored": "dense"},
        {"layer": "output", "pool": "none", "n_units": 10, "stored": "dense"},
    ]
    trial = r"(, after [0-9.]+ seconds of trial runs)?"
    speed = rf"[0-9.,e+]+ samples/s \([0-9]+ % waiting for data\){trial}"
    assert re.fullmatch(rf"20 samples on cpu at {speed}, in 'x\.h5'\.\n", result.stderr)
    with open_activations(here / "x.h5") as activations:
        assert list(activations.layers) == ["relu3", "output"]
        assert activations.sample_id == tuple(data["sample_id"])


def test_what_may_be_wrong_is_said_even_when_quiet(tmp_path):
    proto = models.model(
        [models.node("Conv", "x w", "y")],
        [models.value("x", ["n", 3, 16, 16])],
        [models.value("y", ["n", 1, 16, 16])],
        {"w": np.ones((1, 3, 1, 1), np.float32)},
    )
    models.save(proto, tmp_path, "one.onnx")
    np.save(tmp_path / "x.npy", np.zeros((4, 3, 16, 16), np.float32))
    told = invert(
        *("extract", tmp_path / "one.onnx", "--data", tmp_path / "x.npy"),
        *("-l", "y", "-o", tmp_path / "x.h5", "-q"),
    ).stderr
    assert "a single unit on axis 1" in told
    assert "samples/s" not in told


def test_shapes_are_told_as_layers_lists_them(here, data):
    (row,) = [
        row
        for row in as_dictionaries(invert("layers", DIGITS, "--format", "csv").stdout)
        if row["module"] == "relu1"
    ]
    assert row["shape"] == "[?, 16, 8, 8]"
    told = invert(*EXTRACT, "-l", "relu1").stderr
    assert (
        f"Layer 'relu1' has shape {row['shape']}: pool 'mean', units on axis 1: channels of Conv"
        in told
    )


def test_a_finished_extraction_is_not_repeated_and_another_is_refused(here, data):
    invert(*EXTRACT)
    assert "were extracted before" in invert(*EXTRACT).stderr
    error = refused(*EXTRACT, "-l", "output")
    assert "was made with layers" in error
    assert "--overwrite" in error
    invert(*EXTRACT, "-l", "output", "--overwrite")


def test_a_dry_run_of_an_extraction_writes_nothing(here, data):
    before = tree(here)
    result = invert(*EXTRACT, "--dry-run")
    assert "relu3  none       32  dense" in result.stdout
    assert re.fullmatch(
        r"20 samples would be extracted on cpu, in 'x\.h5'\. "
        r"That would take about a second or two, "
        r"[0-9.,]+ [MG]B of memory and a file of [0-9.,]+ kB\.\n",
        result.stderr,
    )
    assert tree(here) == before


@pytest.mark.parametrize("name", ["x", "x.npy", "x.h5.gz"])
def test_the_output_needs_the_suffix_that_other_commands_know(here, data, name):
    arguments = [name if word == "x.h5" else word for word in EXTRACT]
    assert f"'{name}' does not end in .h5 or .hdf5" in refused(*arguments, code=2)


@pytest.mark.parametrize("name", ["x.hdf5", "x.H5"])
def test_the_output_may_have_any_suffix_that_other_commands_know(here, data, name):
    invert(*(name if word == "x.h5" else word for word in EXTRACT))
    with open_activations(here / name) as activations:
        assert list(activations.layers) == ["relu3"]


def test_no_layer_is_wrong_usage(here, data):
    error = refused("extract", DIGITS, "--data", "data.npz", "-o", "x.h5", code=2)
    assert "Name at least one layer with -l" in error
    assert "invert layers" in error


def test_an_unknown_layer_gets_the_nearest_names(here, data):
    error = refused(*EXTRACT, "-l", "relu33")
    assert "no layer 'relu33'. Did you mean 'relu3'" in error
    assert "invert layers" in error


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-b", "0"), "0 is not in the range 1<=x"),
        (("--pool", "sum"), "'sum' is not one of"),
        (("--device", "tpu"), "'tpu' is not one of"),
        (("--dtype", "int8"), "'int8' is not one of"),
        (("--resize", "8x8x8"), "'8x8x8' is not of the form 224 or 224x320"),
        (("--mean", "a,b"), "'a,b' is not of the form"),
        (("--resize", "8"), "It is for images; leave it out"),
    ],
)
def test_a_setting_of_an_extraction_out_of_range_is_wrong_usage(here, data, arguments, words):
    usual = EXTRACT[: EXTRACT.index("--device")] if "--device" in arguments else EXTRACT
    assert words in refused(*usual, *arguments, code=2)


def test_data_of_another_shape_or_type_is_refused(here, data):
    (name,) = set(data) - {"sample_id"}
    np.savez(here / "data.npz", **{name: data[name][:, :, :4]})
    assert "has shape [samples, 1, 8, 8], and the data have" in refused(*EXTRACT)
    np.savez(here / "data.npz", **{name: data[name].astype(np.float64)})
    assert ".astype('uint8')" in refused(*EXTRACT)
    np.savez(here / "data.npz", **{name: data[name].astype(np.int64) - 300})
    assert "takes uint8, and the data are int64 and hold -300, which uint8 does" in refused(
        *EXTRACT
    )
    np.savez(here / "data.npz", other=data[name])
    assert "no input 'other'" in refused(*EXTRACT)
    np.savez(here / "data.npz", **{name: data[name][:1]})
    assert "at least two samples" in refused(*EXTRACT)
    np.savez(here / "data.npz", **{name: data[name]}, sample_id=np.array(["s"] * 20))
    assert "'s'" in refused(*EXTRACT)


def test_data_of_another_width_are_converted_if_no_value_changes(here, data):
    invert(*EXTRACT)
    (name,) = set(data) - {"sample_id"}
    expected = layer_values(here / "x.h5")
    for dtype in (np.int64, np.uint16, np.int8):
        np.savez(here / "data.npz", **{name: data[name].astype(dtype)})
        invert(*EXTRACT, "--dry-run", "--overwrite")
        invert(*EXTRACT, "--overwrite")
        assert np.array_equal(layer_values(here / "x.h5"), expected)


def layer_values(path):
    with open_activations(path) as activations:
        (layer,) = activations.layers.values()
        return layer.read(0, layer.n_units)


def test_data_that_is_missing_or_of_another_kind_is_refused(here, data):
    (here / "data.npz").unlink()
    assert "There is no file or folder 'data.npz'" in refused(*EXTRACT)
    (here / "data.npz").write_bytes(b"PK")
    assert "cannot be read as .npz" in refused(*EXTRACT)
    (here / "data.npz").unlink()
    (here / "data.npz").mkdir()
    assert "no images" in refused(*EXTRACT)


def test_nan_from_the_model_is_located_and_what_came_before_is_kept(here):
    save(network(), here)
    x = network_input(20)
    x[13] = np.nan
    np.save(here / "x.npy", x)
    arguments = ("--data", "x.npy", "-l", "relu", "-o", "x.h5", "--device", "cpu", "-b", 4)
    error = sentence(*failed("extract", "model.onnx", *arguments))
    assert "relu:0 is NaN for row 13" in error
    assert "12 of 20 samples are kept in 'x.h5.partial'" in error
    command = re.search("Go on with: invert (.*?)$", error).group(1)
    x[13] = 0
    np.save(here / "x.npy", x)
    assert "of which an earlier run had left 12" in invert(*shlex.split(command)).stderr
    with open_activations(here / "x.h5") as activations:
        assert activations.n_samples == 20


def test_an_unreadable_image_is_named_and_may_be_skipped(here, images):
    options = ("--mode", "L", "--resize", "8", "--device", "cpu")
    (images / "3.png").write_bytes(b"\x89PNG\r\n\x1a\n no image")
    error = refused(*images_arguments(*options))
    assert "The image '3.png' cannot be read" in error
    assert "--skip-bad" in error
    result = invert(*images_arguments(*options, "--skip-bad"))
    assert "1 of 5 images cannot be read and are left out: '3.png'" in result.stderr
    assert "4 samples" in result.stderr
    with open_activations(here / "x.h5") as activations:
        assert activations.sample_id == ("0.png", "1.png", "2.png", "4.png")


def test_an_unreadable_image_loses_none_of_those_before_it(here, images):
    options = ("--mode", "L", "--resize", "8", "--device", "cpu", "-b", 1)
    whole = (images / "3.png").read_bytes()
    (images / "3.png").write_bytes(bytes(8) + whole[8:])
    error = sentence(*failed(*images_arguments(*options, "--overwrite")))
    assert "The image '3.png' cannot be read" in error
    assert "3 of 5 samples are kept in 'x.h5.partial'" in error
    (images / "3.png").write_bytes(whole + b"repaired")
    again = invert(*shlex.split(error.partition("Go on with: invert ")[2]))
    assert "of which an earlier run had left 3." in again.stderr


def test_a_full_disk_in_the_middle_keeps_what_is_written_and_says_how_to_go_on(here):
    random = np.random.default_rng(0)
    np.save(here / "some data.npy", random.integers(0, 16, (4000, 1, 8, 8), np.uint8))
    arguments = ("extract", DIGITS, "--data", "some data.npy", "-l", "pool", "--pool", "flatten")
    arguments += ("--sparse", "po*", "--device", "cpu", "-b", 256)
    done = process(
        *arguments,
        "-o",
        "x.h5",
        cwd=here,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (7_000_000, 7_000_000)),
    )
    error = sentence(done.returncode, done.stderr)
    assert "Cannot write 'x.h5.partial': File too large" in error
    kept = re.search(r"([0-9],[0-9]{3}) of 4,000 samples are kept in 'x\.h5\.partial'", error)[1]
    again = invert(*shlex.split(error.partition("Go on with: invert ")[2]))
    assert f"of which an earlier run had left {kept}." in again.stderr
    invert(*arguments, "-o", "whole.h5")
    assert (here / "x.h5").read_bytes() == (here / "whole.h5").read_bytes()


def test_flags_become_what_the_library_takes(here, monkeypatch):
    taken = {}

    def extract(model, **settings):
        taken.update(settings, model=model)
        raise KeyboardInterrupt

    monkeypatch.setattr("invert_core.extraction.extract", extract)
    (here / "config.toml").write_text("bucketing = false\nsparse = ['a', 'b*']\n")
    flags = {
        "--data": "t.csv",
        "--tokenizer": "tok.json",
        "--max-length": 8,
        "--padding": "max",
        "--column": "text",
        "--id-column": "id",
        "--root": "images",
        "--workers": 3,
        "--weights": "w.safetensors",
        "--backend": "torch",
        "--config": "config.toml",
        "--pool": "last",
    }
    words = [word for pair in flags.items() for word in pair]
    words += ["--input", "x=3x224x?", "--input", "n=1:int64", "--trust-model", "--autocast"]
    call("extract", "m:f", *words, "--channels-last", "-l", "a*", "-o", "x.h5")
    assert taken["text"] == Tokenize(Path("tok.json"), 8, "max", bucketing=False)
    assert (taken["column"], taken["id_column"], taken["root"]) == ("text", "id", Path("images"))
    assert (taken["workers"], taken["preprocess"]) == (3, None)
    assert (taken["sparse"], taken["pool"], taken["backend"]) == (("a", "b*"), "last", "torch")
    assert taken["model_options"] == {
        "weights": Path("w.safetensors"),
        "trust_model": True,
        "inputs": (
            ModelInput("x", (None, 3, 224, None), np.dtype("float32")),
            ModelInput("n", (None, 1), np.dtype("int64")),
        ),
        "autocast": True,
        "channels_last": True,
    }


def test_a_count_that_begins_anew_gets_a_bar_of_its_own(monkeypatch):
    shown = io.StringIO()
    shown.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", shown)
    with progress("Extracting", "samples") as report:
        for done in (1, 2, 3, 1, 2, 3):
            report(done, 3)
    bars = shown.getvalue().split("\n")[:-1]
    assert len(bars) == 2
    assert all("100%" in bar.rpartition("\r")[2] for bar in bars)
    assert "samples/s" in bars[1]


def test_flags_that_are_not_given_say_nothing(here, monkeypatch):
    taken = {}

    def extract(model, **settings):
        taken.update(settings)
        raise KeyboardInterrupt

    monkeypatch.setattr("invert_core.extraction.extract", extract)
    call("extract", "m.onnx", "--data", "d", "-l", "a", "-o", "x.h5")
    nothing = ("model_options", "text", "preprocess", "column", "id_column", "root", "workers")
    assert [taken[name] for name in nothing] == [None] * 7
    assert not taken["sparse"]


def test_sparse_layers_are_stored_and_told_as_such(here, data):
    rows = as_dictionaries(
        invert(*EXTRACT, "-l", "output", "--sparse", "rel*", "--format", "csv").stdout
    )
    assert [row["stored"] for row in rows] == ["sparse", "dense"]
    with open_activations(here / "x.h5") as activations:
        assert [layer.is_sparse for layer in activations.layers.values()] == [True, False]
    assert "fits 'conv1', which was named as sparse" in refused(*EXTRACT, "--sparse", "conv1")


def test_a_preset_makes_inputs_of_images_and_flags_override_it(here, images):
    arguments = images_arguments("--device", "cpu", "--preset", "none", "--mode", "L")
    invert(*arguments, "--resize", "8")
    with h5py.File(here / "x.h5") as file:
        settings = json.loads(file.attrs["fingerprint"])["preprocessing"]
    assert (settings["mode"], settings["resize"], settings["crop"]) == ("L", 8, None)
    assert settings["scale"] == 1


def test_flags_for_images_become_one_preprocess(here, monkeypatch):
    taken = {}

    def extract(model, **settings):
        taken.update(settings)
        raise KeyboardInterrupt

    monkeypatch.setattr("invert_core.extraction.extract", extract)
    words = "--preset imagenet --letterbox 640x320 --pad 0,1,2 --mode BGR --follow-links"
    call("extract", "m.onnx", "--data", "d", "-l", "a", "-o", "x.h5", *words.split())
    steps = Preprocess.preset("imagenet")
    boxed = replace(steps, resize=None, crop=None, letterbox=(640, 320), pad=(0, 1, 2), mode="BGR")
    assert (taken["preprocess"], taken["follow_links"]) == (boxed, True)
    words = "--letterbox 640 --depth 16 --mode L"
    call("extract", "m.onnx", "--data", "d", "-l", "a", "-o", "x.h5", *words.split())
    assert taken["preprocess"] == Preprocess(letterbox=(640, 640), depth="16", mode="L")


def test_images_that_do_not_fit_the_model_are_refused_with_the_flags_to_change(here, images):
    error = refused(*images_arguments("--mode", "L", "--resize", "9"))
    assert "[samples, 1, 8, 8], and the data have (5, 1, 9, 9)" in error
    assert "--resize" in error


@pytest.mark.slow
@pytest.mark.parametrize("limit", [0, 3000, 2**20])
def test_a_full_disk_stops_an_extraction_and_leaves_nothing(here, data, limit):
    before = tree(here)
    done = process(
        *EXTRACT,
        cwd=here,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert "Cannot write 'x.h5.partial'" in sentence(done.returncode, done.stderr)
    assert tree(here) == before


def test_the_demo_leaves_a_run_that_other_commands_read(here):
    result = invert("demo", "-o", "a demo", "--top", 3)
    assert "The run is in 'a demo'.\nLook at one unit with: invert show 'a demo' " in result.stderr
    assert f"opens with a double click: {here / 'a demo' / 'report.html'}\n" in result.stderr
    assert "Verdicts: " in result.stderr
    assert "misses its strongest responses with: invert show 'a demo' relu3:5\n" in result.stderr
    first = result.stdout.split("single concepts:")[1].splitlines()[2].split()[0]
    assert "The highest 24 share" in invert("show", "a demo", first).stdout
    rows = as_dictionaries(invert("export", "a demo").stdout)
    assert {row["layer"] for row in rows} == {"relu3", "output"}
    again = ("label", "a demo/activations.h5", "a demo/concepts.h5", "--join", "inner")
    held_out = ("--held-out", "a demo/held_out.h5")
    invert(*again, *held_out, "-o", "again", "--min-fraction", 0.05)
    assert (here / "again" / "labels.csv").read_bytes() == (
        here / "a demo" / "labels.csv"
    ).read_bytes()
    assert "--overwrite" in refused("demo", "-o", "a demo")


def test_the_demo_prints_all_rows_for_programs(here):
    printed = invert("demo", "--format", "csv").stdout
    assert printed == (here / "invert-demo" / "labels.csv").read_text(encoding="utf-8")


def test_backends_are_listed_alike_in_all_formats():
    rows = json.loads(invert("backends", "--format", "json").stdout)
    assert rows[0]["name"] == "onnx"
    assert as_dictionaries(invert("backends", "--format", "csv").stdout) == rows
    assert "onnx   built-in  installed" in invert("backends").stdout


def test_the_doctor_reports_alike_in_all_formats():
    rows = json.loads(invert("doctor", "--format", "json").stdout)
    assert {"python", "numba", "cores", "kernel cache"} <= {row["subject"] for row in rows}
    assert as_dictionaries(invert("doctor", "--format", "csv").stdout) == rows


def test_the_doctor_exits_with_1_if_something_is_broken(monkeypatch):
    monkeypatch.setattr(
        "invert_core.diagnosis.diagnose", lambda: [Finding("backend x", "broken", "why")]
    )
    result = call("doctor")
    assert result.exit_code == 1
    assert "backend x  broken  why" in result.stdout


def test_a_broken_backend_has_one_word_as_its_status(monkeypatch):
    monkeypatch.setattr(
        "invert_core.models.registry._load",
        Mock(side_effect=MissingDependencyError("It fails.", "Repair it.")),
    )
    assert "onnx   built-in  broken  It fails. Repair it." in invert("backends").stdout


def test_without_onnx_runtime_the_demo_says_what_to_install(here, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("invert_core.backends")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnx", None)
    error = refused("demo")
    assert 'pip install "invert-core[onnx]"' in error
