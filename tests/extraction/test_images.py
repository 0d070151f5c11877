"""From folders of images to activations."""

import json

import h5py
import numpy as np
import pytest
from PIL import Image

from invert_core import extract, open_activations
from invert_core.backend import ModelInput
from invert_core.data import Preprocess
from invert_core.errors import DataError, StaleFileError
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
