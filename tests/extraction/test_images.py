"""From folders of images to activations."""

import json

import h5py
import numpy as np
import pytest
from PIL import Image

from invert_core import extract, open_activations
from invert_core.backend import ModelInput
from invert_core.data import Preprocess
from invert_core.errors import DataError, FileFormatError, StaleFileError
from tests.extraction.extracted import LAYERS
from tests.fake_model import FakeModel, samples


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


def test_other_images_are_told_apart(tmp_path, images):
    extract(image_model(), images, tmp_path / "x.h5", LAYERS, preprocess=GREY)
    (images / "0.png").rename(images / "00.png")
    with pytest.raises(StaleFileError, match="made with data "):
        extract(image_model(), images, tmp_path / "x.h5", LAYERS, preprocess=GREY)


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


def broken(path):
    path.write_bytes(b"\x89PNG\r\n\x1a\n no image, and long, so that its size is another" * 3)


def repaired(path, value, level=9):
    Image.new("L", (4, 2), value).save(path, compress_level=level, dpi=(72, 72 + value))


def run(folder, output, **settings):
    return extract(image_model(), folder, output, LAYERS, preprocess=GREY, batch_size=2, **settings)


def stopped_at(images, output, name, **settings):
    with pytest.raises(DataError, match=name) as caught:
        run(images, output, **settings)
    return str(caught.value)


def contents(path):
    with h5py.File(path) as file:
        found = {}
        file.visititems(
            lambda name, item: (
                found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
            )
        )
        return found, file.attrs["fingerprint"]


@pytest.mark.parametrize("sparse", [(), ("out",)])
def test_an_image_that_was_repaired_does_not_cost_the_rows_before_it(tmp_path, images, sparse):
    broken(images / "3.png")
    told = stopped_at(images, tmp_path / "x.h5", r"3\.png", sparse=sparse)
    assert "2 of 5 samples are kept" in told
    assert "goes on from there once that is repaired" in told
    repaired(images / "3.png", 3)
    assert run(images, tmp_path / "x.h5", sparse=sparse).resumed_from == 2
    run(images, tmp_path / "whole.h5", sparse=sparse)
    found, fingerprint = contents(tmp_path / "x.h5")
    wanted, fingerprint_of_whole = contents(tmp_path / "whole.h5")
    assert fingerprint == fingerprint_of_whole
    assert found.keys() == wanted.keys()
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)
    assert run(images, tmp_path / "x.h5", sparse=sparse).already_done


def test_an_image_whose_row_is_done_may_not_change(tmp_path, images):
    broken(images / "3.png")
    stopped_at(images, tmp_path / "x.h5", r"3\.png")
    repaired(images / "0.png", 200)
    with pytest.raises(StaleFileError, match=r"have changed since: '0\.png'") as caught:
        run(images, tmp_path / "x.h5")
    assert "--overwrite" in caught.value.hint
    assert (tmp_path / "x.h5.partial").exists()


def test_an_image_that_was_repaired_and_read_may_not_change_back(tmp_path, images):
    broken(images / "2.png")
    before = (images / "2.png").read_bytes()
    stopped_at(images, tmp_path / "x.h5", r"2\.png")
    repaired(images / "2.png", 2)
    broken(images / "4.png")
    stopped_at(images, tmp_path / "x.h5", r"4\.png")
    (images / "2.png").write_bytes(before)
    repaired(images / "4.png", 4)
    with pytest.raises(StaleFileError, match=r"have changed since: '2\.png'"):
        run(images, tmp_path / "x.h5")


def test_an_image_that_was_taken_away_is_a_change_of_the_data(tmp_path, images):
    broken(images / "3.png")
    stopped_at(images, tmp_path / "x.h5", r"3\.png")
    (images / "3.png").unlink()
    with pytest.raises(StaleFileError, match="made with data "):
        run(images, tmp_path / "x.h5")


def test_another_setting_is_named_though_an_image_was_repaired(tmp_path, images):
    broken(images / "3.png")
    stopped_at(images, tmp_path / "x.h5", r"3\.png")
    repaired(images / "3.png", 3)
    with pytest.raises(StaleFileError, match='made with dtype "float32"'):
        run(images, tmp_path / "x.h5", dtype="float16")


def test_marks_of_another_type_or_number_are_refused(tmp_path, images):
    broken(images / "3.png")
    for spoiled in (np.zeros(5), np.zeros(4, np.uint64), np.zeros((5, 1), np.uint64)):
        stopped_at(images, tmp_path / "x.h5", r"3\.png", overwrite=True)
        with h5py.File(tmp_path / "x.h5.partial", "r+") as file:
            del file["sample_mark"]
            file["sample_mark"] = spoiled
        with pytest.raises(FileFormatError, match="is broken"):
            run(images, tmp_path / "x.h5")
