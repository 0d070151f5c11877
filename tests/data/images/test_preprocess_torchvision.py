import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from invert_core.data.images.preprocess import PRESETS, Preprocess
from tests.needs import need_torchvision

transforms = need_torchvision().transforms
edges = st.integers(1, 90)


def picture(height, width, mode="RGB", seed=0):
    channels = {"RGB": 3, "L": 1}[mode]
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    return Image.fromarray(pixels.squeeze(2) if channels == 1 else pixels)


def theirs(image, resize=None, resample="bilinear", crop=None):
    steps = []
    if resize is not None:
        steps.append(transforms.Resize(resize, transforms.InterpolationMode(resample)))
    if crop is not None:
        steps.append(transforms.CenterCrop(crop))
    return np.array(transforms.Compose(steps)(image))


def ours(image, **steps):
    return Preprocess(dtype="uint8", layout="NHWC", **steps).apply(image)


@settings(max_examples=200)
@given(edges, edges, edges, st.sampled_from(["bilinear", "bicubic", "nearest", "lanczos"]))
def test_the_shorter_edge_is_resized_to_the_same_pixels(height, width, edge, resample):
    image = picture(height, width)
    steps = {"resize": edge, "resample": resample}
    assert np.array_equal(ours(image, **steps), theirs(image, **steps))


@settings(max_examples=100)
@given(edges, edges, edges, edges, st.sampled_from(["bilinear", "bicubic"]))
def test_height_and_width_are_resized_to_the_same_pixels(height, width, high, wide, resample):
    image = picture(height, width)
    steps = {"resize": (high, wide), "resample": resample}
    assert np.array_equal(ours(image, **steps), theirs(image, **steps))


@settings(max_examples=200)
@given(st.data(), edges, edges)
def test_the_same_centre_is_kept_whatever_the_margins(data, height, width):
    crop = (data.draw(st.integers(1, height)), data.draw(st.integers(1, width)))
    image = picture(height, width)
    assert np.array_equal(ours(image, crop=crop), theirs(image, crop=crop))


@pytest.mark.parametrize("size", [(375, 500), (500, 333), (257, 1031), (224, 224), (60, 61)])
@pytest.mark.parametrize("name", ["imagenet", "clip"])
def test_presets_give_the_same_numbers_to_a_millionth(name, size):
    image = picture(*size)
    preset = PRESETS[name]
    pixels = theirs(image, preset["resize"], preset["resample"], preset["crop"])
    numbers = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize(preset["mean"], preset["std"])]
    )
    expected = numbers(Image.fromarray(pixels)).numpy()
    assert np.abs(Preprocess.preset(name).apply(image) - expected).max() < 1e-6
