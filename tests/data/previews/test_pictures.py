"""Small pictures: upright, of the right size, and with nothing in them but pixels."""

import io
import threading

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps, PngImagePlugin

from invert_core.data.previews.absent import UNREADABLE
from invert_core.data.previews.pictures import EDGE, Picture, decoded, in_threads

ORIENTATION = ExifTags.Base.Orientation


def photograph(width=500, height=375):
    """A picture whose four corners differ, so that no turn or flip of it is the same."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    pixels = np.stack([x, y, x * y], axis=2)
    return Image.fromarray(np.rint(255 * pixels).astype(np.uint8))


def saved(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def opened(picture):
    image = Image.open(io.BytesIO(picture.content))
    assert Image.MIME[image.format] == picture.mime
    return image


def assert_looks_like(picture, image):
    """The picture is what shrinking the whole image carefully gives, but for its compression."""
    found = opened(picture).convert("RGB")
    expected = image.convert("RGB").resize(found.size, Image.Resampling.BOX)
    difference = np.asarray(found, float) - np.asarray(expected, float)
    assert np.abs(difference).mean() < 6


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_photographs_are_upright_in_every_format(kind, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    content = saved(photograph(), kind, exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    picture = decoded(content)
    is_turned = orientation >= 5
    assert opened(picture).size == ((48, 64) if is_turned else (64, 48))
    assert picture.mime == "image/webp"
    assert_looks_like(picture, upright)


@pytest.mark.parametrize(
    ("size", "expected", "mime"),
    [
        ((500, 375), (64, 48), "image/webp"),
        ((3000, 40), (64, 1), "image/webp"),
        ((64, 64), (64, 64), "image/webp"),
        ((65, 64), (64, 63), "image/webp"),
        ((33, 10), (33, 10), "image/webp"),
        ((32, 32), (32, 32), "image/png"),
        ((1, 1), (1, 1), "image/png"),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_only_large_images_are_made_smaller(kind, size, expected, mime):
    picture = decoded(saved(photograph(*size), kind))
    assert (opened(picture).size, picture.mime) == (expected, mime)


def test_the_pixels_of_tiny_images_are_kept():
    image = photograph(32, 20)
    picture = decoded(saved(image))
    assert np.array_equal(np.asarray(opened(picture)), np.asarray(image))


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK"])
def test_every_mode_becomes_colour_or_grey(mode):
    image = photograph(200, 100).convert(mode)
    kind = "TIFF" if mode == "CMYK" else "PNG"
    picture = decoded(saved(image, kind))
    assert opened(picture).mode == "RGB"
    assert_looks_like(picture, image)


def test_black_and_white_stay_as_they_are():
    image = photograph(30, 30).convert("1")
    found = np.asarray(opened(decoded(saved(image))))
    assert np.array_equal(found, 255 * np.asarray(image).astype(np.uint8))


def test_what_is_transparent_is_shown_as_models_see_it():
    image = photograph(20, 20)
    image.putalpha(0)
    found = np.asarray(opened(decoded(saved(image))))
    assert np.array_equal(found, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize(
    "values",
    [
        np.linspace(1000, 3000, 64).reshape(8, 8).astype(np.uint16),
        np.linspace(-2, 1.5, 64).reshape(8, 8).astype(np.float32),
        np.append(np.linspace(-2, 1.5, 62), [np.nan, np.inf]).reshape(8, 8).astype(np.float32),
    ],
)
def test_deep_pixels_go_from_black_to_white(values):
    found = np.asarray(opened(decoded(saved(Image.fromarray(values), "TIFF")))).ravel()
    expected = np.rint(255 * np.linspace(0, 1, 64 if np.isfinite(values).all() else 62))
    assert np.abs(found[: len(expected)] - expected).max() <= 1
    if len(expected) == 62:
        assert found[62:].tolist() == [0, 255]


def test_values_none_of_which_is_a_number_are_black():
    values = np.full((4, 4), np.nan, np.float32)
    assert not np.asarray(opened(decoded(saved(Image.fromarray(values), "TIFF")))).any()


@pytest.mark.parametrize("size", [(20, 20), (200, 200)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_nothing_but_pixels_is_kept(kind, size):
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "secret"
    options = {"exif": exif, "icc_profile": b"secret" * 50}
    if kind == "PNG":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_text("Comment", "secret")
    content = saved(photograph(*size), kind, **options)
    assert b"secret" in content or kind == "PNG"
    picture = decoded(content)
    assert b"secret" not in picture.content
    image = opened(picture)
    assert not image.getexif()
    assert "icc_profile" not in image.info
    assert len(picture.content) < 4000


@pytest.mark.parametrize(
    "content", [b"", b"no image", saved(photograph())[:3000], b"\x89PNG\r\n\x1a\n" + bytes(100)]
)
def test_a_broken_image_is_unreadable(content):
    assert decoded(content) == UNREADABLE


def test_an_image_of_too_many_pixels_is_unreadable(monkeypatch):
    content = saved(photograph(100, 100))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 9_999)
    assert decoded(content) == UNREADABLE
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    assert isinstance(decoded(content), Picture)


def test_large_images_are_decoded_one_at_a_time(monkeypatch):
    monkeypatch.setattr("invert_core.data.previews.pictures._LARGE_PIXELS", 100)
    monkeypatch.setattr("invert_core.data.previews.pictures.available_cores", lambda: 4)
    at_once, most, lock = 0, 0, threading.Lock()
    load = Image.Image.convert

    def convert(image, *args):
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        threading.Event().wait(0.01)
        with lock:
            at_once -= 1
        return load(image, *args)

    monkeypatch.setattr(Image.Image, "convert", convert)
    content = saved(photograph(EDGE, EDGE))
    in_threads(((content, 1) for _ in range(12)), decoded, lambda _: None)
    assert most == 1


def test_pictures_come_in_order_and_only_a_few_wait(monkeypatch):
    monkeypatch.setattr("invert_core.data.previews.pictures.available_cores", lambda: 3)
    begun, told = 0, []

    def items(size):
        nonlocal begun
        for number in range(200):
            begun = number
            yield number, size

    waiting = []

    def make(number):
        waiting.append(begun - number)
        return Picture(bytes([number]), "")

    made = in_threads(items(1), make, told.append)
    assert [one.content[0] for one in made] == list(range(200))
    assert max(waiting) <= 2 * 3 + 1
    assert told == sorted(told)
    assert told[-1] == 200
    waiting.clear()
    in_threads(items(2**25), make, told.append)
    assert max(waiting) <= 3


def test_an_interrupt_ends_the_work_soon():
    made = []

    def items():
        for number in range(1000):
            if number == 20:
                raise KeyboardInterrupt
            yield number, 1

    with pytest.raises(KeyboardInterrupt):
        in_threads(items(), lambda number: made.append(number) or UNREADABLE, lambda _: None)
    assert len(made) <= 20
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("picture")]
