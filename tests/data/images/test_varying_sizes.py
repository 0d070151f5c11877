"""Images whose arrays differ in size."""

import logging

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from invert_core import extract, open_activations
from invert_core.data import DataSettings, Preprocess, open_data
from invert_core.errors import DataError, InvertError
from invert_core.models.backend import ModelInput

ANY_SIZE = ModelInput("x", (None, 3, None, None), np.dtype(np.float32))
SIZES = [(4, 6), (6, 4), (5, 5), (4, 6), (12, 8)]


def pictures(folder, sizes=SIZES, **options):
    rng = np.random.default_rng(0)
    for number, (height, width) in enumerate(sizes):
        pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png", **options)
    return folder


def opened(folder, model_input=ANY_SIZE, **steps):
    return open_data(folder, [model_input], DataSettings(Preprocess(**steps)))


def model(path, height=None, width=None):
    """A model that takes images of any size, or of one; its layer is the mean of each channel."""
    shape = ["n", 3, height or "h", width or "w"]
    graph = helper.make_graph(
        [
            helper.make_node("Relu", ["x"], ["r"]),
            helper.make_node("GlobalAveragePool", ["r"], ["y"]),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3, 1, 1])],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


def means(folder):
    files = sorted(folder.glob("*.png"))
    return np.array([np.asarray(Image.open(file)).mean((0, 1)) for file in files])


def test_every_image_is_a_batch_of_its_own_and_this_is_said_once(tmp_path, caplog):
    folder = tmp_path / "images"
    folder.mkdir()
    pictures(folder)
    seen = []
    with caplog.at_level(logging.INFO, "invert"):
        done = extract(
            model(tmp_path / "m.onnx"),
            folder,
            tmp_path / "a.h5",
            ["r"],
            batch_size=4,
            preprocess=Preprocess(scale=1),
            progress=lambda *counts: seen.append(counts),
        )
    assert done.n_samples == 5
    assert caplog.text.count("4 different sizes") == 1
    with open_activations(tmp_path / "a.h5") as activations:
        values = activations.layers["r"].read(0, 3).T
    np.testing.assert_allclose(values, means(folder), rtol=1e-5)


def test_images_of_one_size_share_batches(tmp_path):
    source = opened(pictures(tmp_path, [(4, 6)] * 5))
    assert source.largest_batch == 5


@pytest.mark.parametrize(
    "steps", [{"resize": (4, 4)}, {"resize": 4, "crop": (4, 4)}, {"letterbox": (7, 9)}]
)
def test_sizes_that_preprocessing_makes_equal_share_batches(tmp_path, steps):
    source = opened(pictures(tmp_path), **steps)
    assert source.largest_batch == 5
    (batch,) = source.batches(0, 5)
    assert len(batch.rows) == 5


def test_the_size_after_preprocessing_counts(tmp_path):
    assert opened(pictures(tmp_path, [(4, 6), (8, 12)]), resize=4).largest_batch == 2
    assert opened(tmp_path, resize=None).largest_batch == 1


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tiff"])
def test_images_that_lie_on_their_side_are_measured_upright(tmp_path, kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (6, 4)).save(tmp_path / f"turned.{kind}", exif=exif)
    Image.new("RGB", (4, 6)).save(tmp_path / f"upright.{kind}")
    assert opened(tmp_path).largest_batch == 2
    Image.new("RGB", (6, 4)).save(tmp_path / f"upright.{kind}")
    assert opened(tmp_path).largest_batch == 1


def test_a_model_of_one_size_refuses_others_as_before(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    pictures(folder, [(4, 6), (5, 6), (4, 6)])
    with pytest.raises(DataError, match=r"'1\.png' becomes .*--resize"):
        extract(model(tmp_path / "m.onnx", 4, 6), folder, tmp_path / "a.h5", ["r"])
    (folder / "1.png").unlink()
    with pytest.raises(DataError, match=r"has shape \[samples, 3, 9, 9\].*--resize"):
        extract(model(tmp_path / "m.onnx", 9, 9), folder, tmp_path / "a.h5", ["r"])


def test_an_extraction_of_varying_sizes_goes_on_where_it_stopped(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    pictures(folder)
    whole, target = tmp_path / "whole.h5", tmp_path / "a.h5"
    network = model(tmp_path / "m.onnx")
    extract(network, folder, whole, ["r"])
    good = (folder / "3.png").read_bytes()
    (folder / "3.png").write_bytes(good[:60])
    with pytest.raises(InvertError, match=r"3\.png"):
        extract(network, folder, target, ["r"])
    (folder / "3.png").write_bytes(good)
    assert extract(network, folder, target, ["r"]).resumed_from == 3
    with open_activations(whole) as first, open_activations(target) as second:
        assert np.array_equal(first.layers["r"].read(0, 3), second.layers["r"].read(0, 3))


def test_the_number_of_images_measured_is_told(tmp_path):
    seen = []
    source = open_data(pictures(tmp_path), [ANY_SIZE], progress=lambda *counts: seen.append(counts))
    assert source.largest_batch == 1
    assert seen == [(5, 5)]
