"""Images of more than 8 bits per channel, and the formats that hold them."""

import struct

import numpy as np
import pytest
from PIL import Image

from invert_core.data import Preprocess
from invert_core.data.images.decoding import decode, strict_pillow
from invert_core.errors import DataError, SettingError
from tests.data.images.test_images import raw_png

VALUES = np.array([[0, 1, 255], [256, 40_000, 65_535]], np.uint16)
FLOATS = np.array([[0.5, -2.0, 1e6], [0.25, 3.0, 0.0]], np.float32)


def decoded(content, **fields):
    with strict_pillow():
        found = decode("a", content, Preprocess(**fields))
    if isinstance(found, DataError):
        raise found
    return found


def pgm(values, largest):
    kind = ">u2" if largest > 255 else "u1"
    height, width = values.shape
    return b"P5\n%d %d\n%d\n" % (width, height, largest) + values.astype(kind).tobytes()


def saved(tmp_path, image, kind, **options):
    image.save(tmp_path / f"a.{kind}", **options)
    return (tmp_path / f"a.{kind}").read_bytes()


@pytest.fixture(params=["png", "tiff", "pgm"])
def sixteen(request, tmp_path):
    if request.param == "pgm":
        return pgm(VALUES, 65_535)
    return saved(tmp_path, Image.fromarray(VALUES), request.param)


@pytest.fixture(params=["tiff", "pfm"])
def floats(request, tmp_path):
    if request.param == "pfm":  # rows from the bottom
        return b"Pf\n3 2\n-1.0\n" + FLOATS[::-1].astype("<f4").tobytes()
    return saved(tmp_path, Image.fromarray(FLOATS), request.param)


def test_16_bits_are_read_unchanged_on_request(sixteen):
    array = decoded(sixteen, depth="16", mode="L", scale=1)
    assert np.array_equal(array[0], VALUES)


def test_white_of_16_bits_is_1_by_default_and_grey_has_three_equal_channels(sixteen):
    array = decoded(sixteen, depth="16")
    assert array.shape == (3, 2, 3)
    for channel in array:
        np.testing.assert_allclose(channel, VALUES / 65_535, rtol=1e-6)


def test_floats_are_read_unchanged_on_request(floats):
    assert np.array_equal(decoded(floats, depth="float", mode="L")[0], FLOATS)


def test_deep_images_are_refused_by_default_with_the_option_that_reads_them(sixteen, floats):
    with pytest.raises(DataError, match=r"16 bits per channel, and --depth is 8.*--depth 16"):
        decoded(sixteen)
    with pytest.raises(DataError, match=r"floats as pixels, and --depth is 8.*--depth float"):
        decoded(floats)


def test_images_of_8_bits_are_not_mixed_with_deeper_ones(tmp_path):
    content = saved(tmp_path, Image.new("L", (3, 2)), "png")
    for depth in ("16", "float"):
        with pytest.raises(DataError, match=rf"8 bits per channel, and --depth is {depth}"):
            decoded(content, depth=depth)


@pytest.mark.parametrize("depth", ["8", "16", "float"])
@pytest.mark.parametrize("kind", [b"P6", b"P3"])
def test_16_bits_of_colour_are_refused_because_pillow_cuts_them(kind, depth):
    pixels = np.array([0, 300, 65_535], ">u2")
    body = pixels.tobytes() if kind == b"P6" else b"0 300 65535"
    with pytest.raises(DataError, match=r"16 bits per channel and several.*--skip-bad"):
        decoded(kind + b"\n1 1\n65535\n" + body, depth=depth)


def test_16_bits_of_colour_in_a_png_are_refused_at_any_depth():
    for depth in ("8", "16"):
        with pytest.raises(DataError, match=r"16 bits per channel and several.*--skip-bad"):
            decoded(raw_png(6, 4, 16, (b"\0" + bytes(36)) * 4), depth=depth)


def test_integers_of_32_bits_are_refused(tmp_path):
    content = saved(tmp_path, Image.fromarray(np.full((2, 2), 70_000, np.int32)), "tiff")
    with pytest.raises(DataError, match="32-bit integers"):
        decoded(content, depth="16")


def signed_tiff(values):
    """A TIFF of one strip with signed integers of 16 bits, which Pillow cannot write."""
    height, width = values.shape
    entries = {256: width, 257: height, 258: 16, 259: 1, 262: 1, 273: 8, 277: 1, 278: height}
    entries |= {279: values.nbytes, 339: 2}
    packed = b"".join(struct.pack("<HHII", tag, 4, 1, each) for tag, each in entries.items())
    body = values.astype("<i2").tobytes()
    header = b"II*\0" + struct.pack("<I", 8 + len(body)) + body
    return header + struct.pack("<H", len(entries)) + packed + bytes(4)


def test_signed_integers_of_16_bits_are_refused_if_one_is_negative():
    steps = {"depth": "16", "mode": "L", "scale": 1}
    found = decoded(signed_tiff(np.array([[0, 300]], np.int16)), **steps)
    assert found[0].tolist() == [[0, 300]]
    with pytest.raises(DataError, match="pixels from -5 to 300"):
        decoded(signed_tiff(np.array([[-5, 300]], np.int16)), **steps)


def test_deep_images_whose_white_is_0_are_refused(tmp_path):
    content = saved(tmp_path, Image.fromarray(VALUES), "tiff", tiffinfo={262: 0})
    with pytest.raises(DataError, match="0 for white"):
        decoded(content, depth="16")


def test_deep_images_are_resized_without_rounding():
    image = Image.fromarray(VALUES)
    array = Preprocess(depth="16", mode="L", scale=1, resize=(1, 1), resample="box").apply(image)
    np.testing.assert_allclose(array, VALUES.mean(), rtol=1e-6)


def test_the_margins_of_deep_images_are_as_bright_as_those_of_others():
    for depth, image in (("16", Image.fromarray(VALUES)), ("float", Image.fromarray(FLOATS))):
        array = Preprocess(depth=depth, letterbox=(6, 3), pad=(51,)).apply(image)
        np.testing.assert_allclose(array[:, 0], 0.2, rtol=1e-6)


def test_a_model_of_uint8_takes_no_deep_images():
    with pytest.raises(SettingError, match="deeper"):
        Preprocess(depth="16", dtype="uint8")


def test_an_unknown_depth_is_refused():
    with pytest.raises(SettingError, match="depth"):
        Preprocess(depth="12")


@pytest.mark.parametrize(
    ("content", "pixels"),
    [
        (b"P6\n2 1\n255\n" + bytes([1, 2, 3, 4, 5, 6]), [[1, 2, 3], [4, 5, 6]]),
        (b"P3\n2 1\n255\n1 2 3 4 5 6", [[1, 2, 3], [4, 5, 6]]),
        (b"P5\n2 1\n255\n" + bytes([7, 8]), [[7] * 3, [8] * 3]),
        (b"P2\n2 1\n255\n7 8", [[7] * 3, [8] * 3]),
        (b"P4\n2 1\n" + bytes([0b10000000]), [[0] * 3, [255] * 3]),
        (b"P1\n2 1\n1 0", [[0] * 3, [255] * 3]),
        (b"P6\n1 1\n15\n" + bytes([0, 1, 15]), [[0, 17, 255]]),
    ],
)
def test_netpbm_files_are_read(content, pixels):
    found = decoded(content, scale=1, layout="NHWC")
    assert found[0].tolist() == pixels
