import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from invert_core.data import Preprocess
from invert_core.errors import DataError, FileFormatError, MissingFileError, SettingError


def picture(height, width, mode="RGB"):
    channels = {"RGB": 3, "L": 1, "RGBA": 4}[mode]
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)
    return Image.fromarray(pixels.squeeze()), pixels


def test_pixels_are_scaled_to_one_and_channels_come_first():
    image, pixels = picture(4, 6)
    array = Preprocess().apply(image)
    assert array.dtype == np.float32
    assert array.flags.c_contiguous
    assert np.allclose(array, pixels.transpose(2, 0, 1) / 255, atol=1e-7)


def test_channels_may_come_last():
    image, pixels = picture(4, 6)
    assert np.allclose(Preprocess(layout="NHWC").apply(image), pixels / 255, atol=1e-7)


def test_mean_and_std_apply_per_channel_after_scaling():
    image, pixels = picture(4, 6)
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)
    array = Preprocess(mean=mean, std=std, layout="NHWC").apply(image)
    assert np.allclose(array, (pixels / 255 - mean) / std, atol=1e-6)


def test_grey_images_have_one_channel():
    image, pixels = picture(4, 6, "L")
    assert np.allclose(Preprocess(mode="L").apply(image), pixels[None, :, :, 0] / 255, atol=1e-7)
    assert Preprocess(mode="L", layout="NHWC").apply(image).shape == (4, 6, 1)


def test_grey_images_become_colour_where_colour_is_wanted():
    image, pixels = picture(4, 6, "L")
    assert np.allclose(Preprocess(scale=1).apply(image), np.repeat(pixels[None, :, :, 0], 3, 0))


def test_uint8_models_get_the_pixels_themselves():
    image, pixels = picture(4, 6)
    array = Preprocess(dtype="uint8", layout="NHWC").apply(image)
    assert array.dtype == np.uint8
    assert np.array_equal(array, pixels)


def test_float16_models_get_float16():
    assert Preprocess(dtype="float16").apply(picture(4, 6)[0]).dtype == np.float16


@pytest.mark.parametrize(
    ("size", "resized"), [((20, 30), (10, 15)), ((31, 20), (15, 10)), ((20, 20), (10, 10))]
)
def test_one_number_resizes_the_shorter_edge(size, resized):
    assert Preprocess(resize=10).apply(picture(*size)[0]).shape == (3, *resized)


def test_two_numbers_resize_height_and_width():
    assert Preprocess(resize=(7, 9)).apply(picture(20, 30)[0]).shape == (3, 7, 9)


def test_the_way_of_resampling_is_the_one_asked_for():
    image, _ = picture(20, 30)
    nearest = Preprocess(resize=(10, 15), resample="nearest", scale=1, layout="NHWC").apply(image)
    assert np.array_equal(nearest, np.asarray(image.resize((15, 10), Image.Resampling.NEAREST)))


def test_the_crop_keeps_the_centre():
    image, pixels = picture(8, 10)
    array = Preprocess(crop=(4, 5), scale=1, layout="NHWC").apply(image)
    assert np.array_equal(array, pixels[2:6, 2:7])


def test_an_image_smaller_than_the_crop_is_refused():
    with pytest.raises(DataError, match=r"8 x 10 pixels .* 9 x 9.*Resize"):
        Preprocess(crop=(9, 9)).apply(picture(8, 10)[0])


@pytest.mark.parametrize("mode", ["I", "I;16", "F"])
def test_images_of_more_than_8_bits_are_not_clipped_in_silence(mode):
    with pytest.raises(DataError, match="--depth is 8"):
        Preprocess().apply(Image.new(mode, (4, 4)))


@pytest.mark.parametrize(
    "fields",
    [
        {"mode": "CMYK"},
        {"layout": "CHW"},
        {"resample": "cubic"},
        {"dtype": "int64"},
        {"resize": 0},
        {"resize": (3,)},
        {"resize": (3, 2.5)},
        {"crop": 5},
        {"crop": (0, 5)},
        {"scale": 0},
        {"scale": float("nan")},
        {"mean": (0.5, 0.5)},
        {"mean": (float("inf"),)},
        {"std": (0, 1, 1)},
        {"mode": "L", "mean": (0.5, 0.5, 0.5)},
        {"dtype": "uint8", "mean": (0.5,)},
        {"dtype": "uint8", "scale": 1 / 255},
    ],
)
def test_settings_that_make_no_sense_are_refused(fields):
    with pytest.raises(SettingError) as caught:
        Preprocess(**fields)
    assert caught.value.hint


def test_settings_hold_what_is_used_and_survive_json():
    settings = Preprocess(resize=(3, 4)).settings
    assert settings["scale"] == 1 / 255
    assert json.loads(json.dumps(settings))["resize"] == [3, 4]


def config(tmp_path, **fields):
    path = tmp_path / "preprocessor_config.json"
    path.write_text(json.dumps(fields))
    return Preprocess.from_config(path)


CLIP = {
    "crop_size": {"height": 224, "width": 224},
    "do_center_crop": True,
    "do_convert_rgb": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.48, 0.46, 0.41],
    "image_processor_type": "CLIPImageProcessor",
    "image_std": [0.27, 0.26, 0.28],
    "resample": 3,
    "rescale_factor": 0.00392156862745098,
    "size": {"shortest_edge": 256},
}


def test_a_configuration_is_followed(tmp_path):
    assert config(tmp_path, **CLIP) == Preprocess(
        resize=256,
        resample="bicubic",
        crop=(224, 224),
        scale=0.00392156862745098,
        mean=(0.48, 0.46, 0.41),
        std=(0.27, 0.26, 0.28),
    )


def test_steps_that_are_switched_off_are_left_out(tmp_path):
    off = {"do_resize": False, "do_center_crop": False, "do_normalize": False, "do_rescale": False}
    assert config(tmp_path, **CLIP | off) == Preprocess(scale=1)


@pytest.mark.parametrize(
    ("fields", "resize"),
    [
        ({"size": 224}, (224, 224)),
        ({"size": 256, "do_center_crop": True, "crop_size": 224}, 256),
        ({"size": 224, "default_to_square": False}, 224),
        ({"size": {"height": 7, "width": 9}}, (7, 9)),
        ({"size": {"shortest_edge": 9}}, 9),
    ],
)
def test_every_way_to_write_the_size_is_read(tmp_path, fields, resize):
    assert config(tmp_path, **fields).resize == resize


def test_one_channel_means_grey(tmp_path):
    assert config(tmp_path, image_mean=[0.5], image_std=[0.5]).mode == "L"


def test_the_data_format_is_the_layout(tmp_path):
    assert config(tmp_path, data_format="channels_last").layout == "NHWC"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"crop_pct": 0.875}, "crop_pct"),
        ({"do_pad": True}, "do_pad"),
        ({"do_resize": True}, "size is missing"),
        ({"do_normalize": True, "image_mean": [0.5]}, "image_std is missing"),
        ({"size": {"longest_edge": 9}}, "longest_edge"),
        ({"size": {}}, "nothing"),
        ({"size": "big"}, "big"),
        ({"size": -1}, "-1"),
        ({"size": True}, "True"),
        ({"size": 9, "resample": 7}, "resample"),
        ({"size": 9, "resample": "bicubic"}, "resample"),
        ({"do_rescale": "yes"}, "do_rescale"),
        ({"do_resize": 1, "size": 9}, "do_resize"),
        ({"rescale_factor": "x"}, "rescale_factor"),
        ({"rescale_factor": 10**400}, "rescale_factor holds"),
        (
            {"image_mean": [1, 10**400, 1], "image_std": [1, 1, 1]},
            "image_mean holds",
        ),
        ({"image_mean": 0.5, "image_std": [1]}, "image_mean"),
        ({"image_mean": [0.5, 0.5], "image_std": [1, 1]}, "2 values"),
        ({"data_format": "chw"}, "data_format"),
        ({"crop_size": {"shortest_edge": 9}}, "crop_size"),
    ],
)
def test_what_cannot_be_followed_is_named(tmp_path, fields, named):
    with pytest.raises(SettingError, match=named) as caught:
        config(tmp_path, **fields)
    assert "preprocessor_config.json" in str(caught.value)
    assert caught.value.hint


def test_steps_that_are_unknown_but_off_do_not_matter(tmp_path):
    assert config(tmp_path, do_pad=False, pad_size=None, processor_class="X") == Preprocess(
        scale=1 / 255
    )


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "\x00"])
def test_a_file_that_is_no_json_object_is_refused(tmp_path, text):
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=r"config\.json"):
        Preprocess.from_config(path)


def test_a_byte_order_mark_is_no_part_of_a_configuration(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"rescale_factor": 0.5}', encoding="utf-8-sig")
    assert Preprocess.from_config(path).scale == 0.5


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(MissingFileError, match="no file"):
        Preprocess.from_config(tmp_path / "config.json")


def test_a_folder_is_no_configuration(tmp_path):
    with pytest.raises(MissingFileError, match="is a folder"):
        Preprocess.from_config(tmp_path)


@pytest.mark.parametrize(
    "steps",
    [
        {"scale": 1e300},
        {"scale": 1e37},
        {"scale": 1e-320},
        {"std": (1e-320,)},
        {"std": (1e-40, 1.0, 1.0)},
        {"mean": (1e300,)},
        {"scale": 1000.0, "dtype": "float16"},
    ],
)
def test_steps_that_leave_no_finite_numbers_or_no_differences_are_refused(steps):
    with pytest.raises(SettingError, match="Pixels from 0 to 255 would become"):
        Preprocess(**steps)


@pytest.mark.parametrize("margin", [0, 1, 2, 3, 4, 5])
def test_an_odd_margin_is_halved_to_the_nearest_even_number(margin):
    image, pixels = picture(2 + margin, 2)
    top = {0: 0, 1: 0, 2: 1, 3: 2, 4: 2, 5: 2}[margin]
    array = Preprocess(crop=(2, 2), scale=1, layout="NHWC").apply(image)
    assert np.array_equal(array, pixels[top : top + 2])


@pytest.mark.parametrize("size", [(4, 5), (5, 4)])
def test_an_image_that_is_one_pixel_too_small_for_the_crop_is_refused(size):
    with pytest.raises(DataError, match="crop less"):
        Preprocess(crop=(5, 5)).apply(picture(*size)[0])


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_every_value_is_computed_in_float32_step_by_step(layout, dtype, mode):
    channels = {"RGB": 3, "L": 1}[mode]
    image, pixels = picture(7, 11, mode)
    mean, std = (0.1, 0.2, 0.3)[:channels], (0.7, 0.5, 0.3)[:channels]
    scaled = pixels.astype(np.float32) * np.float32(1 / 255)
    expected = ((scaled - np.float32(mean)) / np.float32(std)).astype(dtype)
    array = Preprocess(mode=mode, mean=mean, std=std, layout=layout, dtype=dtype).apply(image)
    assert array.flags.c_contiguous
    assert array.dtype == dtype
    assert np.array_equal(array, expected if layout == "NHWC" else expected.transpose(2, 0, 1))


@pytest.mark.parametrize(("name", "edge"), [("imagenet", 256), ("clip", 224)])
def test_presets_are_what_their_models_take(name, edge):
    preset = Preprocess.preset(name)
    assert (preset.resize, preset.crop, preset.factor) == (edge, (224, 224), 1 / 255)
    array = preset.apply(picture(300, 400)[0])
    assert array.shape == (3, 224, 224)
    assert abs(array.mean()) < 0.5  # noise of half brightness is in the middle of all pixels


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
def test_the_preset_none_keeps_the_pixels(dtype):
    image, pixels = picture(5, 7)
    array = replace(Preprocess.preset("none"), dtype=dtype, layout="NHWC").apply(image)
    assert array.dtype == dtype
    assert np.array_equal(array, pixels)


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(SettingError, match=r"'imagnet'\. Did you mean 'imagenet'\? Choose from"):
        Preprocess.preset("imagnet")


@pytest.mark.parametrize(
    "steps",
    [
        Preprocess(dtype="uint8"),
        Preprocess.preset("clip"),
        Preprocess(resize=(3, 4)),
        Preprocess(mode="BGR", letterbox=(3, 4), pad=(1, 2, 3)),
        Preprocess(depth="16"),
    ],
)
def test_settings_that_went_through_json_do_the_same(steps):
    again = Preprocess.from_settings(json.loads(json.dumps(steps.settings)))
    assert again == replace(steps, scale=steps.factor)
