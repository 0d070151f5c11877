"""From a model and samples to a file, with everything that can stop it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from invert_core import extract, list_layers, open_activations
from invert_core.backend import ModelInput
from invert_core.data import ArraySource, Preprocess
from invert_core.errors import (
    DataError,
    ExistingOutputError,
    InvertError,
    MissingFileError,
    ModelError,
    SettingError,
    StaleFileError,
    UnknownNameError,
)
from tests.fake_model import N_FEATURES, FakeExtractor, FakeModel, samples

LAYERS = ["hidden", "out"]


def read(path):
    with open_activations(path) as activations:
        return {name: a.read(0, a.n_units).T for name, a in activations.layers.items()}


def expected(data, batch_size):
    extractor = FakeModel().extractor(LAYERS, batch_size=batch_size)
    batches = [
        extractor.run({"x": data[row : row + batch_size]})
        for row in range(0, len(data), batch_size)
    ]
    return {name: np.concatenate([batch[name] for batch in batches]) for name in LAYERS}


def assert_same(found, wanted):
    assert list(found) == list(wanted)
    for name, values in wanted.items():
        assert np.array_equal(found[name], values)


@pytest.mark.parametrize("batch_size", [1, 7, 32, 1000, 1024, 5000])
def test_activations_of_all_samples_are_written(tmp_path, batch_size):
    data = samples(2100)
    seen = []
    report = extract(
        FakeModel(),
        data,
        tmp_path / "x.h5",
        LAYERS,
        batch_size=batch_size,
        progress=lambda *counts: seen.append(counts),
    )
    assert_same(read(tmp_path / "x.h5"), expected(data, batch_size))
    assert seen[-1] == (2100, 2100)
    assert [(layer.name, layer.pool, layer.n_units) for layer in report.layers] == [
        ("hidden", "none", 70),
        ("out", "none", 3),
    ]
    assert (report.n_samples, report.resumed_from, report.device) == (2100, 0, "cpu")
    assert not report.already_done


def test_ids_of_the_data_name_the_rows(tmp_path):
    ids = [f"text {i}" for i in range(10)]
    np.savez(tmp_path / "data.npz", x=samples(10), sample_id=np.array(ids))
    extract(FakeModel(), tmp_path / "data.npz", tmp_path / "x.h5", LAYERS)
    with open_activations(tmp_path / "x.h5") as activations:
        assert activations.sample_id == tuple(ids)


def test_data_without_ids_makes_a_file_without_ids(tmp_path):
    extract(FakeModel(), samples(10), tmp_path / "x.h5", LAYERS)
    with open_activations(tmp_path / "x.h5") as activations:
        assert activations.sample_id is None


def test_versions_are_recorded(tmp_path):
    extract(FakeModel(), samples(10), tmp_path / "x.h5", LAYERS)
    with h5py.File(tmp_path / "x.h5") as file:
        assert '"fake": "1.0"' in file.attrs["versions"]
        assert '"h5py"' in file.attrs["versions"]


def test_a_finished_extraction_is_not_repeated(tmp_path):
    model = FakeModel()
    extract(model, samples(10), tmp_path / "x.h5", LAYERS)
    report = extract(model, samples(10), tmp_path / "x.h5", LAYERS)
    assert report.already_done
    assert report.layers[0].n_units == 70
    assert model.opened[-1].rows == 0


def interrupt_at(rows):
    """Interrupt the model when it has seen so many rows."""
    seen = 0

    def fail(x):
        nonlocal seen
        seen += len(x)
        if seen > rows:
            raise KeyboardInterrupt

    return fail


@pytest.mark.parametrize("batch_size", [7, 100, 1024, 1500])
def test_an_interrupted_extraction_goes_on_with_equal_bits(tmp_path, batch_size):
    data = samples(4000)
    with pytest.raises(KeyboardInterrupt) as caught:
        extract(
            FakeModel(fail=interrupt_at(3100)),
            data,
            tmp_path / "x.h5",
            LAYERS,
            batch_size=batch_size,
        )
    kept = 2048 if batch_size == 1500 else 3072
    assert f"{kept:,} of 4,000 samples are kept in" in caught.value.__notes__[0]
    assert "x.h5.partial" in caught.value.__notes__[0]
    model = FakeModel()
    report = extract(model, data, tmp_path / "x.h5", LAYERS, batch_size=batch_size)
    assert report.resumed_from == kept
    assert model.opened[-1].rows == 4000 - kept // batch_size * batch_size
    assert_same(read(tmp_path / "x.h5"), expected(data, batch_size))
    assert os.listdir(tmp_path) == ["x.h5"]


def test_an_interruption_before_the_first_stripe_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt) as caught:
        extract(FakeModel(fail=interrupt_at(500)), samples(4000), tmp_path / "x.h5", LAYERS)
    assert not getattr(caught.value, "__notes__", [])
    assert os.listdir(tmp_path) == []


KILLED = """
import sys
from invert_core import extract
from tests.fake_model import FakeModel, samples
model = FakeModel(delay=0.002)
print("started", flush=True)
extract(model, samples(12000), sys.argv[1], ["hidden", "out"], batch_size=100)
"""


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_extraction_goes_on_with_equal_bits(tmp_path, seed):
    rng = np.random.default_rng(seed)
    path = tmp_path / "x.h5"
    root = Path(__file__).parents[1]
    for _ in range(3):
        command = [sys.executable, "-c", KILLED, str(path)]
        with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            time.sleep(rng.uniform(0, 0.25))
            process.send_signal(signal.SIGKILL)
    data = samples(12000)
    extract(FakeModel(), data, path, LAYERS, batch_size=100)
    assert_same(read(path), expected(data, 100))


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("model", {"model": FakeModel(fingerprint="e" * 64)}),
        ("layers", {"layers": ["out"]}),
        ("layers", {"layers": ["out", "hidden"]}),
        ("pooling.hidden", {"pool": "max"}),
        ("channel_axis", {"channel_axis": 1}),
        ("dtype", {"dtype": "float16"}),
        ("device", {"device": "cuda"}),
        ("batch_size", {"batch_size": 33}),
        ("data", {"data": samples(2000) + 1}),
    ],
)
def test_another_setting_is_named(tmp_path, field, change):
    first = {"model": FakeModel(), "data": samples(2000), "layers": LAYERS}
    extract(output=tmp_path / "x.h5", **first)
    before = (tmp_path / "x.h5").read_bytes()
    with pytest.raises(StaleFileError, match=f"made with {re.escape(field)} ") as caught:
        extract(output=tmp_path / "x.h5", **first | change)
    assert "--overwrite" in caught.value.hint
    assert (tmp_path / "x.h5").read_bytes() == before
    extract(output=tmp_path / "x.h5", overwrite=True, **first | change)


def test_automatic_settings_are_compared_as_they_were_resolved(tmp_path):
    extract(FakeModel(), samples(10), tmp_path / "x.h5", LAYERS)
    settings = {"pool": "none", "device": "cpu"}
    assert extract(FakeModel(), samples(10), tmp_path / "x.h5", LAYERS, **settings).already_done


def test_a_dry_run_runs_one_sample_and_writes_nothing(tmp_path):
    model = FakeModel()
    report = extract(model, samples(50), tmp_path / "x.h5", LAYERS, dry_run=True)
    assert [layer.n_units for layer in report.layers] == [70, 3]
    assert model.opened[-1].rows == 1
    assert os.listdir(tmp_path) == []


def test_a_dry_run_removes_nothing_even_with_overwrite(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        extract(FakeModel(fail=interrupt_at(1500)), samples(2000), tmp_path / "x.h5", LAYERS)
    for overwrite, kept in ((True, 0), (False, 1024)):
        report = extract(
            FakeModel(),
            samples(2000),
            tmp_path / "x.h5",
            LAYERS,
            dry_run=True,
            overwrite=overwrite,
        )
        assert report.resumed_from == kept
    assert os.listdir(tmp_path) == ["x.h5.partial"]


def nan_model(at):
    model = FakeModel()

    def fail(x):
        if np.any(np.isclose(x[:, 0], at)):
            x[:] = np.nan

    model.fail = fail
    return model


def test_nan_names_layer_unit_and_sample_and_keeps_earlier_stripes(tmp_path):
    data = samples(3000)
    source = ArraySource({"x": data.copy()}, [f"{i}.png" for i in range(3000)])
    with pytest.raises(DataError, match=r"hidden:0 is NaN for sample '2080\.png'") as caught:
        extract(nan_model(at=data[2100, 0]), source, tmp_path / "x.h5", LAYERS)
    assert "2,048 of 3,000 samples are kept" in str(caught.value)
    assert "goes on from there once the data are as they were." in str(caught.value)
    assert os.listdir(tmp_path) == ["x.h5.partial"]


def test_rows_are_said_to_be_kept_only_if_they_are(tmp_path):
    def remove_and_stop(x):
        if (tmp_path / "x.h5.partial").exists():
            (tmp_path / "x.h5.partial").unlink()
        if model.opened[-1].rows >= 2048:
            raise KeyboardInterrupt

    model = FakeModel(fail=remove_and_stop)
    with pytest.raises(KeyboardInterrupt) as caught:
        extract(model, samples(4000), tmp_path / "x.h5", LAYERS, batch_size=1024)
    assert not getattr(caught.value, "__notes__", [])


def test_the_model_is_opened_for_no_more_samples_than_there_are(tmp_path):
    model = FakeModel()
    extract(model, samples(5), tmp_path / "x.h5", LAYERS, batch_size=1000)
    assert model.opened[-1].batch_size == 5
    assert extract(model, samples(5), tmp_path / "x.h5", LAYERS, batch_size=99).already_done


def test_the_model_is_closed_whatever_happens(tmp_path):
    model = FakeModel(fail=interrupt_at(0))
    with pytest.raises(KeyboardInterrupt):
        extract(model, samples(10), tmp_path / "x.h5", LAYERS)
    assert model.opened[0].closed


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (np.zeros((9, N_FEATURES + 1), np.float32), r"\[samples, 8\], and the data have \(., 9\)"),
        (np.zeros((9, N_FEATURES, 1), np.float32), r"\[samples, 8\]"),
        (np.zeros((9, N_FEATURES)), r"takes float32, .* are float64.*astype\('float32'\)"),
        ({"y": samples(9)}, "no input 'y'. The model takes 'x'"),
        ({"x": samples(9), "y": samples(9)}, "no input 'y'"),
        (samples(1), "1 samples"),
        (samples(0), "0 samples"),
    ],
)
@pytest.mark.parametrize("dry_run", [False, True])
def test_data_that_does_not_fit_the_model_is_refused_before_it_runs(tmp_path, data, said, dry_run):
    model = FakeModel()
    with pytest.raises(DataError, match=said):
        extract(model, data, tmp_path / "x.h5", LAYERS, dry_run=dry_run)
    assert not any(extractor.rows for extractor in model.opened)
    assert os.listdir(tmp_path) == []


def test_an_input_that_the_layers_do_not_need_may_be_left_out(tmp_path):
    model = FakeModel()
    model.inputs = (*model.inputs, ModelInput("mask", (None,), np.dtype("i8")))
    assert extract(model, {"x": samples(9)}, tmp_path / "x.h5", LAYERS).n_samples == 9
    with pytest.raises(DataError, match="The input 'x' is missing"):
        extract(model, {"mask": np.ones(9, "i8")}, tmp_path / "y.h5", LAYERS)


@pytest.mark.parametrize(
    "settings",
    [
        {"layers": []},
        {"layers": "out"},
        {"layers": ["out", "out"]},
        {"pool": "sum"},
        {"device": "tpu"},
        {"batch_size": 0},
        {"dtype": "int8"},
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path, settings):
    arguments = {"model": FakeModel(), "data": samples(9), "layers": LAYERS} | settings
    with pytest.raises(SettingError) as caught:
        extract(output=tmp_path / "x.h5", **arguments)
    assert caught.value.hint
    assert os.listdir(tmp_path) == []


def test_an_unknown_layer_is_refused(tmp_path):
    with pytest.raises(UnknownNameError, match="'no'"):
        extract(FakeModel(), samples(9), tmp_path / "x.h5", ["no"])


def test_an_output_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "x.h5").write_text("precious")
    with pytest.raises(ExistingOutputError, match="--overwrite"):
        extract(FakeModel(), samples(9), tmp_path / "x.h5", LAYERS)
    assert (tmp_path / "x.h5").read_text() == "precious"


def test_a_missing_output_folder_is_said_before_any_work(tmp_path):
    with pytest.raises(MissingFileError, match="does not exist"):
        extract("no-model.onnx", "no-data", tmp_path / "no" / "x.h5", LAYERS)


@pytest.mark.parametrize(
    ("spoil", "shape"), [(np.s_[1:], r"\(8, 70\)"), (np.s_[:, :0], r"\(9, 0\)")]
)
def test_a_layer_without_units_or_with_samples_lost_is_refused(tmp_path, monkeypatch, spoil, shape):
    run = FakeExtractor.run
    monkeypatch.setattr(
        FakeExtractor,
        "run",
        lambda self, batch: {name: values[spoil] for name, values in run(self, batch).items()},
    )
    with pytest.raises(ModelError, match=f"shape {shape} for 9 samples"):
        extract(FakeModel(), samples(9), tmp_path / "x.h5", LAYERS)


def image_model():
    """The fake model, fed with images of 2 x 4 grey pixels."""
    model = FakeModel()
    model.inputs = (ModelInput("x", (None, 1, 2, 4), np.dtype(np.float32)),)
    return model


@pytest.fixture
def images(tmp_path):
    for i in range(5):
        path = tmp_path / "images" / f"{i}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("L", (4, 2), i).save(path)
    return path.parent


GREY = Preprocess(mode="L")


def test_a_folder_of_images_is_extracted(tmp_path, images):
    extract(image_model(), images, tmp_path / "x.h5", LAYERS, preprocess=GREY, batch_size=2)
    with open_activations(tmp_path / "x.h5") as activations:
        assert activations.sample_id == tuple(f"{i}.png" for i in range(5))


def test_the_version_that_decides_the_pixels_is_recorded_for_images_only(tmp_path, images):
    extract(image_model(), images, tmp_path / "images.h5", LAYERS, preprocess=GREY)
    extract(FakeModel(), samples(9), tmp_path / "arrays.h5", LAYERS)
    for name, there in (("images.h5", True), ("arrays.h5", False)):
        with h5py.File(tmp_path / name) as file:
            assert ("pillow" in json.loads(file.attrs["versions"])) == there


def test_other_preprocessing_is_named(tmp_path, images):
    extract(image_model(), images, tmp_path / "x.h5", LAYERS, preprocess=GREY)
    other = Preprocess(mode="L", mean=(0.5,))
    with pytest.raises(StaleFileError, match=r"preprocessing\.mean null, now it is \[0\.5\]"):
        extract(image_model(), images, tmp_path / "x.h5", LAYERS, preprocess=other)


def test_images_of_another_shape_than_the_model_takes_say_what_to_change(tmp_path, images):
    with pytest.raises(DataError, match=r"\[samples, 1, 2, 4\].*\(5, 3, 2, 4\).*--mode"):
        extract(image_model(), images, tmp_path / "x.h5", LAYERS)


def test_an_unreadable_image_stops_or_is_left_out(tmp_path, images):
    (images / "2.png").write_text("no image")
    arguments = (image_model(), images, tmp_path / "x.h5", LAYERS)
    with pytest.raises(DataError, match=r"2\.png.*--skip-bad"):
        extract(*arguments, preprocess=GREY)
    assert not (tmp_path / "x.h5").exists()
    assert extract(*arguments, preprocess=GREY, skip_bad=True).n_samples == 4
    assert extract(*arguments, preprocess=GREY, skip_bad=True).already_done


def test_layers_are_listed():
    assert [layer.name for layer in list_layers(FakeModel())] == LAYERS


def test_a_model_that_is_missing_is_missing():
    with pytest.raises(InvertError, match=r"no-model\.onnx"):
        list_layers("no-model.onnx")
