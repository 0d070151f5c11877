"""Activation files say where their samples can be found again."""

import numpy as np
import pytest
from PIL import Image

from invert_core import Preprocess, extract, open_activations
from invert_core.models.backend import ModelInput
from tests.fake_model import FakeModel, samples


def source_of(folder, data, **settings):
    model = FakeModel()
    if settings:
        model.inputs = (ModelInput("x", (None, 1, 2, 4), np.dtype(np.float32)),)
    extract(model, data, folder / "x.h5", ["out"], overwrite=True, **settings)
    with open_activations(folder / "x.h5") as activations:
        return activations.source


@pytest.fixture
def images(tmp_path):
    (tmp_path / "images").mkdir()
    for number in range(3):
        Image.new("L", (4, 2), number).save(tmp_path / "images" / f"{number}.png")
    return tmp_path / "images"


def test_samples_in_a_file_are_found_by_its_absolute_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", samples(3))
    found = source_of(tmp_path, "x.npy")
    assert found == {"kind": "arrays", "path": str(tmp_path / "x.npy")}


def test_samples_in_memory_are_nowhere(tmp_path):
    assert source_of(tmp_path, samples(3)) == {}


def test_a_folder_of_images_is_named(tmp_path, images):
    found = source_of(tmp_path, images, preprocess=Preprocess(mode="L"))
    assert found == {"kind": "images", "path": str(images)}


def test_a_table_of_images_is_named_with_its_columns(tmp_path, images):
    table = tmp_path / "t.csv"
    table.write_text("name,image\n" + "".join(f"s{i},{i}.png\n" for i in range(3)))
    found = source_of(
        tmp_path, table, preprocess=Preprocess(mode="L"), id_column="name", root=images
    )
    assert found == {
        "kind": "images",
        "path": str(table),
        "column": "image",
        "id_column": "name",
        "root": str(images),
    }


def test_moved_samples_are_the_same_extraction(tmp_path, images):
    grey = Preprocess(mode="L")
    source_of(tmp_path, images, preprocess=grey)
    moved = images.rename(tmp_path / "moved")
    model = FakeModel()
    model.inputs = (ModelInput("x", (None, 1, 2, 4), np.dtype(np.float32)),)
    assert extract(model, moved, tmp_path / "x.h5", ["out"], preprocess=grey).already_done
