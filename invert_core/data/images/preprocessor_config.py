"""Reads Hugging Face style ``preprocessor_config.json`` files."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from invert_core.errors import FileFormatError, SettingError
from invert_core.files.text_files import read_whole

_log = logging.getLogger("invert")

RESAMPLES = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")
"""The filters, in the order of their numbers 0 to 5 in Pillow."""

_GIVE = "Give a preprocessor_config.json."
_DESCRIPTIVE = {
    "_processor_class",
    "_valid_processor_keys",
    "feature_extractor_type",
    "image_processor_type",
    "input_data_format",
    "processor_class",
    "return_tensors",
}
_FOLLOWED = {
    "crop_size",
    "data_format",
    "default_to_square",
    "do_center_crop",
    "do_convert_rgb",
    "do_normalize",
    "do_rescale",
    "do_resize",
    "image_mean",
    "image_std",
    "resample",
    "rescale_factor",
    "size",
}


def read_config(path: Path) -> dict[str, Any]:
    """Read the fields of a `Preprocess` from a file; see `Preprocess.from_config`."""
    return _translate(_load(path))


def _load(path: Path) -> dict[str, Any]:
    text = read_whole(path, _GIVE)
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{str(path)!r} is not a JSON file ({error}).", _GIVE) from error
    if not isinstance(config, dict):
        raise FileFormatError(f"{str(path)!r} is not a JSON object.", _GIVE)
    return config


def _translate(config: Mapping[str, Any]) -> dict[str, Any]:
    unknown = [
        key
        for key, value in config.items()
        if key not in _DESCRIPTIVE | _FOLLOWED and value is not None and value is not False
    ]
    if unknown:
        raise SettingError(
            f"The preprocessing has unsupported fields: {', '.join(unknown)}.",
            "Give the steps as --resize, --crop, --scale, --mean and --std instead.",
        )
    fields: dict[str, Any] = {}
    if _does(config, "do_resize", "size"):
        fields["resize"] = _resize(config)
        fields["resample"] = _resample(config.get("resample"))
    if _does(config, "do_center_crop", "crop_size"):
        fields["crop"] = _square_or_pair("crop_size", config["crop_size"])
    fields["scale"] = _scale(config)
    if _does(config, "do_normalize", "image_mean", "image_std"):
        fields["mean"] = _numbers("image_mean", config["image_mean"])
        fields["std"] = _numbers("image_std", config["image_std"])
        if len(fields["mean"]) == 1 and not config.get("do_convert_rgb"):
            fields["mode"] = "L"
    if config.get("data_format") is not None:
        fields["layout"] = _layout(config["data_format"])
    return fields


def _does(config: Mapping[str, Any], switch: str, *values: str) -> bool:
    given = [config.get(value) is not None for value in values]
    wanted = config.get(switch)
    if wanted is None:
        wanted = any(given)
    if not isinstance(wanted, bool):
        raise SettingError(f"{switch} is {wanted!r}.", "It must be true or false.")
    if wanted and not all(given):
        missing = ", ".join(v for v, there in zip(values, given, strict=True) if not there)
        raise SettingError(f"{switch} is on but {missing} is missing.", "Add it to the file.")
    return wanted


def _resize(config: Mapping[str, Any]) -> int | tuple[int, int]:
    size = config["size"]
    if isinstance(size, Mapping) and set(size) == {"shortest_edge"}:
        return _pixels("size", size["shortest_edge"])
    if isinstance(size, Mapping):
        return _square_or_pair("size", size)
    edge = _pixels("size", size)
    # If a crop follows, a bare number is the shorter edge. Without a crop it must be a square,
    # because nothing else would make all images equally large.
    square = config.get("default_to_square")
    if square is None:
        square = not config.get("do_center_crop")
        _log.warning(
            "A size of %s is taken as %s.", edge, "a square" if square else "the shorter edge"
        )
    return (edge, edge) if square else edge


def _square_or_pair(name: str, size: object) -> tuple[int, int]:
    if isinstance(size, Mapping):
        if set(size) != {"height", "width"}:
            raise SettingError(
                f"{name} has the fields {', '.join(map(str, size)) or 'nothing'}.",
                "It must have height and width.",
            )
        return _pixels(name, size["height"]), _pixels(name, size["width"])
    edge = _pixels(name, size)
    return edge, edge


def _pixels(name: str, value: object) -> int:
    if type(value) is not int or value < 1:
        raise SettingError(f"{name} is {value!r}.", "It must be a number of pixels from 1 up.")
    return value


def _resample(value: object) -> str:
    if value is None:
        return "bilinear"
    if type(value) is not int or not 0 <= value < len(RESAMPLES):
        raise SettingError(f"resample is {value!r}.", "It must be a Pillow number from 0 to 5.")
    return RESAMPLES[value]


def _scale(config: Mapping[str, Any]) -> float:
    wanted = config.get("do_rescale")
    if wanted not in (None, True, False):
        raise SettingError(f"do_rescale is {wanted!r}.", "It must be true or false.")
    factor = config.get("rescale_factor")
    if wanted is False:
        return 1.0
    if factor is None:
        return 1 / 255
    return _numbers("rescale_factor", [factor])[0]


def _layout(value: object) -> str:
    layouts = {"channels_first": "NCHW", "channels_last": "NHWC"}
    if not isinstance(value, str) or value not in layouts:
        raise SettingError(f"data_format is {value!r}.", f"It must be {' or '.join(layouts)}.")
    return layouts[value]


def _numbers(name: str, values: object) -> tuple[float, ...]:
    if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
        raise SettingError(f"{name} is {values!r}.", "It must be a list of numbers.")
    try:
        return tuple(float(value) for value in values)
    except OverflowError as error:
        raise SettingError(f"{name} holds a number above 1e308.", "Correct it.") from error
