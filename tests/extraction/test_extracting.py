"""Extractions from a model and samples to a file, and inputs that are refused."""

import os

import h5py
import numpy as np
import pytest

from invert_core import extract, list_layers, open_activations
from invert_core.activations import layout
from invert_core.errors import (
    DataError,
    ExistingOutputError,
    InvertError,
    MissingFileError,
    ModelError,
    SettingError,
    UnknownNameError,
)
from invert_core.models.backend import ModelInput
from tests.extraction.extracted import ALL_LAYERS, LAYERS, assert_same, expected, interrupt_at, read
from tests.fake_model import N_FEATURES, FakeExtractor, FakeModel, samples


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


def test_the_model_is_opened_for_no_more_samples_than_there_are(tmp_path):
    model = FakeModel()
    extract(model, samples(5), tmp_path / "x.h5", LAYERS, batch_size=1000)
    assert model.opened[-1].batch_size == 5
    assert extract(model, samples(5), tmp_path / "x.h5", LAYERS, batch_size=99).already_done


def test_the_model_is_closed_whatever_happens(tmp_path):
    model = FakeModel(fail=interrupt_at(-100))
    with pytest.raises(KeyboardInterrupt):
        extract(model, samples(10), tmp_path / "x.h5", LAYERS)
    assert model.opened[0].closed


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (np.zeros((9, N_FEATURES + 1), np.float32), r"\[samples, 8\], and the data have \(., 9\)"),
        (np.zeros((9, N_FEATURES, 1), np.float32), r"\[samples, 8\]"),
        (np.full((9, N_FEATURES), 0.1), r"takes float32, .* are float64.*astype\('float32'\)"),
        ({"y": samples(9)}, "no input 'y'. The model takes 'x'"),
        ({"x": samples(9), "y": samples(9)}, "no input 'y'"),
        (samples(1), "With 1 sample there"),
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
    with pytest.raises(ExistingOutputError, match="is not an invert-activations"):
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


def test_a_layer_with_more_units_than_a_file_may_hold_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "UNIT_LIMIT", 69)
    with pytest.raises(ModelError, match="'hidden' has 70 units, more than 69"):
        extract(FakeModel(), samples(9), tmp_path / "x.h5", LAYERS)
    assert os.listdir(tmp_path) == []


def test_layers_are_listed():
    assert [layer.name for layer in list_layers(FakeModel())] == ALL_LAYERS


def test_a_model_that_is_missing_is_missing():
    with pytest.raises(InvertError, match=r"no-model\.onnx"):
        list_layers("no-model.onnx")


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", ["x.h5", "link.h5"])
def test_the_data_are_never_overwritten(tmp_path, overwrite, name):
    data = tmp_path / "x.h5"
    with h5py.File(data, "w") as file:
        file["x"] = samples(10)
    (tmp_path / "link.h5").symlink_to(data)
    before = data.read_bytes()
    with pytest.raises(ExistingOutputError, match="is also an input") as caught:
        extract(FakeModel(), data, tmp_path / name, LAYERS, overwrite=overwrite)
    assert caught.value.hint == "Choose another with -o."
    assert data.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["link.h5", "x.h5"]
