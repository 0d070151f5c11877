"""A labelling keeps small copies of the samples that its run shows."""

import io
import logging

import h5py
import numpy as np
import pytest
from PIL import Image

from invert_core import (
    Preprocess,
    Settings,
    extract,
    label_files,
    open_activations,
    read_evidence,
    read_run,
    verify_run,
)
from invert_core.errors import FileFormatError, MissingFileError, SettingError
from invert_core.files.hdf5_checksums import seal
from invert_core.models.backend import ModelInput
from tests.fake_model import FakeModel

N_SAMPLES = 12
SETTINGS = Settings(length=1, permutations=0, min_fraction=0.1)


def picture_model():
    """A model that takes small grey images."""
    model = FakeModel()
    model.inputs = (ModelInput("x", (None, 1, 2, 4), np.dtype(np.float32)),)
    return model


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    ids = [f"{number:02}.png" for number in range(N_SAMPLES)]
    for number, id in enumerate(ids):
        Image.new("L", (4, 2), 20 * number).save(tmp_path / "images" / id)
    extract(picture_model(), "images", "x.h5", ["out"], preprocess=Preprocess(mode="L"))
    np.savez("c.npz", labels=np.arange(N_SAMPLES)[:, None] > 7, id=["light"], sample_id=ids)
    return tmp_path


def label(run="run", **options):
    return label_files("x.h5", "c.npz", run, settings=SETTINGS, **options)


def assert_shows_all(run="run"):
    found = read_evidence(run)
    assert found.shown_missing == ""
    assert len(found.shown) == N_SAMPLES
    for id, content in zip(found.shown.values(), found.shown_picture, strict=True):
        pixels = np.asarray(Image.open(io.BytesIO(content)))
        assert pixels.shape == (2, 4)
        assert (pixels == 20 * int(id.removesuffix(".png"))).all()


def test_a_run_holds_pictures_of_the_samples_it_shows(here, caplog):
    caplog.set_level(logging.INFO, "invert")
    told = []
    label(samples_progress=lambda *done: told.append(done))
    assert_shows_all()
    assert told == [(N_SAMPLES, N_SAMPLES)]
    assert "small copies of its samples (12 pictures); label --samples none" in caplog.text
    found = read_evidence("run")
    assert found.source["path"] == str(here / "images")
    assert found.source["n_samples"] == "12"
    assert set(found.shown_mark) == set(found.shown)
    assert "samples" not in read_run("run").info["arguments"]
    assert not verify_run("run").differences


def test_a_run_need_not_keep_copies(here, caplog):
    caplog.set_level(logging.INFO, "invert")
    label(samples="none")
    found = read_evidence("run")
    assert found.shown_picture is found.shown_mime is found.shown_text is None
    assert "--samples none" in found.shown_missing
    assert found.source["kind"] == "images"
    assert read_run("run").info["arguments"]["samples"] == "none"
    assert "copies" not in caplog.text
    assert not verify_run("run").differences


def test_samples_that_have_moved_are_found_where_the_user_says(here, caplog):
    (here / "images").rename(here / "elsewhere")
    label("one")
    assert read_evidence("one").shown_picture is None
    assert f"there is no folder {str(here / 'images')!r}" in read_evidence("one").shown_missing
    assert read_evidence("one").shown_missing in caplog.text
    label("two", samples="elsewhere")
    assert_shows_all("two")
    assert read_run("two").info["arguments"]["samples"] == "elsewhere"


def test_a_sample_that_vanished_or_changed_is_said_and_costs_no_labelling(here, caplog):
    (here / "images" / "03.png").unlink()
    Image.new("L", (40, 20), 7).save(here / "images" / "05.png")
    label()
    found = read_evidence("run")
    assert [bool(one) for one in found.shown_picture].count(False) == 1
    assert "1 missing ('03.png')" in found.shown_missing
    assert "1 sample has changed since the extraction" in found.shown_missing
    assert "'05.png'" in found.shown_missing
    assert found.shown_missing in caplog.text


def test_a_place_that_is_not_there_is_an_error_before_the_work(here):
    with pytest.raises(MissingFileError, match="There is no file or folder 'imags'") as caught:
        label(samples="imags")
    assert "--samples none" in caught.value.hint
    assert not (here / "run.partial").exists()


def test_a_place_is_refused_if_no_evidence_is_kept(here):
    without = Settings(evidence=False)
    with pytest.raises(SettingError, match="Samples are kept with the evidence") as caught:
        label_files("x.h5", "c.npz", "run", settings=without, samples="images")
    assert "--no-evidence" in caught.value.hint
    label_files("x.h5", "c.npz", "run", settings=without, samples="none")


@pytest.mark.parametrize("then", [{}, {"samples": "none"}])
def test_an_interrupt_while_copies_are_made_leaves_a_labelling_that_continues(here, then):
    label("whole", **then)

    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        label(samples_progress=interrupt)
    assert any("the same command continues" in note for note in caught.value.__notes__)
    assert not (here / "run").exists()
    n_units = len({row.address for row in label(**then)})
    for name in ("labels.csv", "labels.jsonl", "evidence.h5"):
        assert (here / "run" / name).read_bytes() == (here / "whole" / name).read_bytes()
    assert read_run("run").info["timings"]["resumed_after"] == [n_units]


def test_activations_without_a_source_say_nothing_while_they_are_labelled(here, caplog):
    with open_activations("x.h5") as opened:
        values, ids = opened.layers["out"].read(0, 2).T, opened.sample_id
    np.savez("a.npz", out=values, sample_id=ids)
    label_files("a.npz", "c.npz", "run", settings=SETTINGS)
    found = read_evidence("run")
    assert "does not say where its samples are" in found.shown_missing
    assert (found.source, found.shown_mark) == ({}, None)
    assert "samples" not in caplog.text
    label_files("a.npz", "c.npz", "again", settings=SETTINGS, samples="images")
    assert_shows_all("again")


def test_the_held_out_samples_are_not_shown(here):
    label(holdout=0.4)
    found = read_evidence("run")
    assert len(found.shown_picture) == len(found.shown) < N_SAMPLES


@pytest.mark.parametrize("marks", [np.zeros(3, np.uint64), np.zeros(N_SAMPLES, np.float32)])
def test_sample_marks_of_another_kind_are_refused(here, marks):
    with h5py.File("x.h5", "r+") as file:
        del file["sample_mark"]
        file["sample_mark"] = marks
        seal(file)
    with pytest.raises(FileFormatError, match="has sample marks of type"):
        open_activations("x.h5")
