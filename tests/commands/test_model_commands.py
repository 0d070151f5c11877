"""The commands that open a model: `layers`, `extract`, `demo`, `backends`, `doctor`."""

import csv
import io
import json
import resource
import sys
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

import invert_core.demo
from invert_core import open_activations
from invert_core.backend import Finding
from invert_core.errors import MissingDependencyError
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
        {"layer": "relu3", "pool": "none", "n_units": 32},
        {"layer": "output", "pool": "none", "n_units": 10},
    ]
    assert result.stderr == "20 samples on cpu, in 'x.h5'.\n"
    with open_activations(here / "x.h5") as activations:
        assert list(activations.layers) == ["relu3", "output"]
        assert activations.sample_id == tuple(data["sample_id"])


def test_shapes_are_told_as_layers_lists_them(here, data):
    (row,) = [
        row
        for row in as_dictionaries(invert("layers", DIGITS, "--format", "csv").stdout)
        if row["module"] == "relu1"
    ]
    assert row["shape"] == "[?, 16, 8, 8]"
    told = invert(*EXTRACT, "-l", "relu1").stderr
    assert f"Layer 'relu1' has shape {row['shape']}: pool 'mean', units on axis 1." in told


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
    assert "relu3  none       32" in result.stdout
    assert result.stderr == "20 samples would be extracted.\n"
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
        (("--resize", "8"), "the data is not a folder of images"),
    ],
)
def test_a_setting_of_an_extraction_out_of_range_is_wrong_usage(here, data, arguments, words):
    assert words in refused(*EXTRACT, *arguments, code=2)


def test_data_of_another_shape_or_type_is_refused(here, data):
    (name,) = set(data) - {"sample_id"}
    np.savez(here / "data.npz", **{name: data[name][:, :, :4]})
    assert "has shape [samples, 1, 8, 8], and the data have" in refused(*EXTRACT)
    np.savez(here / "data.npz", **{name: data[name].astype(np.float64)})
    assert ".astype('uint8')" in refused(*EXTRACT)
    np.savez(here / "data.npz", other=data[name])
    assert "no input 'other'" in refused(*EXTRACT)
    np.savez(here / "data.npz", **{name: data[name][:1]})
    assert "at least two samples" in refused(*EXTRACT)
    np.savez(here / "data.npz", **{name: data[name]}, sample_id=np.array(["s"] * 20))
    assert "'s'" in refused(*EXTRACT)


def test_data_that_is_missing_or_of_another_kind_is_refused(here, data):
    (here / "data.npz").unlink()
    assert "There is no file or folder 'data.npz'" in refused(*EXTRACT)
    (here / "data.npz").write_bytes(b"PK")
    assert "cannot be read as .npz" in refused(*EXTRACT)
    (here / "data.npz").unlink()
    (here / "data.npz").mkdir()
    assert "has no images" in refused(*EXTRACT)


def test_nan_from_the_model_is_located_and_nothing_is_written(here):
    save(network(), here)
    x = network_input(20)
    x[13] = np.nan
    np.save(here / "x.npy", x)
    arguments = ("--data", "x.npy", "-l", "relu", "-o", "x.h5", "--device", "cpu", "-b", 4)
    error = refused("extract", "model.onnx", *arguments)
    assert "relu:0 is NaN for row 13" in error


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


def test_images_that_do_not_fit_the_model_are_refused_with_the_flags_to_change(here, images):
    error = refused(*images_arguments("--mode", "L", "--resize", "9"))
    assert "[samples, 1, 8, 8], and the data have (5, 1, 9, 9)" in error
    assert "--resize" in error


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
    assert "The run is in 'a demo'; look at one unit with: invert show 'a demo' " in result.stderr
    first = result.stdout.split("single concepts:")[1].splitlines()[2].split()[0]
    assert "Best found of each length" in invert("show", "a demo", first).stdout
    rows = as_dictionaries(invert("export", "a demo").stdout)
    assert {row["layer"] for row in rows} == {"relu3", "output"}
    again = ("label", "a demo/activations.h5", "a demo/concepts.h5", "--join", "inner")
    invert(*again, "-o", "again", "--min-fraction", 0.05)
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
    assert "onnx  built-in  installed" in invert("backends").stdout


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
        "invert_core.registry._load",
        Mock(side_effect=MissingDependencyError("It fails.", "Repair it.")),
    )
    assert "onnx  built-in  broken  It fails. Repair it." in invert("backends").stdout


def test_without_onnx_runtime_the_demo_says_what_to_install(here, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("invert_core.backends")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnx", None)
    error = refused("demo")
    assert 'pip install "invert-core[onnx]"' in error
