"""Letterboxes and channels in the order of OpenCV, against the dumbest loops."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from invert_core.data import Preprocess
from invert_core.data.images.geometry import fitted
from invert_core.errors import SettingError

edges = st.integers(1, 40)
sizes = st.tuples(edges, edges)


def picture(height, width):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels), pixels


def naive_fit(size, box):
    """Try both edges as the one that fills the box; take the one with which the other fits."""
    height, width = size
    for factor in (Fraction(box[0], height), Fraction(box[1], width)):
        if height * factor <= box[0] and width * factor <= box[1]:
            return tuple(max(1, round(edge * factor)) for edge in size)
    raise AssertionError("one of the edges always fits")


def naive_letterbox(image, box, pad):
    height, width = naive_fit((image.height, image.width), box)
    inner = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
    above, left = 0, 0
    while above + height + above + 1 < box[0]:
        above += 1
    while left + width + left + 1 < box[1]:
        left += 1
    result = np.empty((*box, 3), np.uint8)
    for y in range(box[0]):
        for x in range(box[1]):
            inside = above <= y < above + height and left <= x < left + width
            result[y, x] = inner[y - above, x - left] if inside else pad
    return result


@given(size=sizes, box=sizes, pad=st.tuples(*[st.integers(0, 255)] * 3))
def test_a_letterbox_is_that_of_the_naive_loops(size, box, pad):
    image, _ = picture(*size)
    steps = Preprocess(letterbox=box, pad=pad, dtype="uint8", layout="NHWC")
    assert np.array_equal(steps.apply(image), naive_letterbox(image, box, pad))
    assert steps.size_of(size) == box


@given(size=st.tuples(*[st.integers(1, 5000)] * 2), box=st.tuples(*[st.integers(1, 2000)] * 2))
def test_the_size_is_the_one_that_detectors_compute_in_floats(size, box):
    # Ultralytics: r = min(H / h, W / w), then round(h * r), round(w * r), all in float64.
    ratio = min(box[0] / size[0], box[1] / size[1])
    exact = min(Fraction(box[0], size[0]), Fraction(box[1], size[1]))
    for edge, found in zip(size, fitted(size, box), strict=True):
        if (edge * exact).denominator != 2:  # floats may fall on either side of a half
            assert found == max(1, round(edge * ratio))


def test_a_letterbox_enlarges_and_keeps_the_shape():
    array = Preprocess(letterbox=(640, 640), scale=1).apply(Image.new("RGB", (100, 50)))
    assert array.shape == (3, 640, 640)
    assert (array[:, 160:480] == 0).all()
    assert (array[:, :160] == 114).all()
    assert (array[:, 480:] == 114).all()


def test_margins_are_scaled_and_normalised_like_pixels():
    steps = Preprocess(letterbox=(4, 8), pad=(51,), mean=(0.5,), std=(0.5,))
    assert np.allclose(steps.apply(Image.new("RGB", (4, 4)))[:, :, 0], (0.2 - 0.5) / 0.5)


@pytest.mark.parametrize(
    "fields",
    [
        {"letterbox": (9, 9), "resize": 9},
        {"letterbox": (9, 9), "crop": (9, 9)},
        {"letterbox": (0, 9)},
        {"letterbox": 9},
        {"pad": (0,)},
        {"letterbox": (9, 9), "pad": (1, 2)},
        {"letterbox": (9, 9), "pad": (256,)},
        {"letterbox": (9, 9), "pad": (-1,)},
        {"letterbox": (9, 9), "pad": (0.5,)},
        {"letterbox": (9, 9), "pad": (float("nan"),)},
    ],
)
def test_letterboxes_that_make_no_sense_are_refused(fields):
    with pytest.raises(SettingError):
        Preprocess(**fields)


@pytest.mark.parametrize(
    ("fields", "flags"),
    [
        ({"pad": (0,)}, "Add --letterbox, or leave out --pad."),
        ({"letterbox": (8, 8), "crop": (8, 8)}, "Leave out --resize and --crop, or --letterbox."),
        ({"letterbox": (8, 8), "pad": (0, 1), "mode": "L"}, "grey images have --mode L"),
    ],
)
def test_the_flags_of_a_letterbox_that_do_not_go_together_are_named(fields, flags):
    with pytest.raises(SettingError) as caught:
        Preprocess(**fields)
    assert flags in caught.value.hint


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_the_channels_of_bgr_are_those_of_rgb_reversed(layout, dtype):
    image, _ = picture(5, 7)
    rgb, bgr = (
        Preprocess(mode=mode, layout=layout, dtype=dtype, scale=1).apply(image)
        for mode in ("RGB", "BGR")
    )
    assert np.array_equal(bgr, rgb[::-1] if layout == "NCHW" else rgb[:, :, ::-1])


def test_mean_std_and_pad_are_in_the_order_of_the_channels():
    red = Image.new("RGB", (2, 2), (255, 0, 0))
    steps = Preprocess(
        mode="BGR", scale=1, mean=(1, 2, 3), std=(1, 1, 4), letterbox=(2, 4), pad=(10, 20, 30)
    )
    array = steps.apply(red)
    assert array[:, 0, 1].tolist() == [-1, -2, (255 - 3) / 4]
    assert array[:, 0, 0].tolist() == [9, 18, 27 / 4]
