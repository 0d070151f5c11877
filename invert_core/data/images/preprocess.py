"""Turns an image into the input of a model: resize, crop, scale, normalise, lay out."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from invert_core.data.images.preprocessor_config import RESAMPLES, read_config
from invert_core.errors import DataError, SettingError
from invert_core.wording import choice

if TYPE_CHECKING:
    from PIL import Image

LAYOUTS = {"NCHW": 1, "NHWC": 3}
"""The layouts, and the axis of the channels in each."""
MODES = {"RGB": 3, "L": 1}
DTYPES = ("float32", "float16", "uint8")

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "imagenet": {
        "resize": 256,
        "resample": "bilinear",
        "crop": (224, 224),
        "mean": (0.485, 0.456, 0.406),
        "std": (0.229, 0.224, 0.225),
    },
    "clip": {
        "resize": 224,
        "resample": "bicubic",
        "crop": (224, 224),
        "mean": (0.48145466, 0.4578275, 0.40821073),
        "std": (0.26862954, 0.26130258, 0.27577711),
    },
    "none": {"scale": 1.0},
}
"""Preprocessing for networks trained on ImageNet, for CLIP models, and for unscaled pixels."""


@dataclass(frozen=True)
class Preprocess:
    """How an image becomes an array. The steps follow the order of the parameters.

    The results equal those of torchvision's transforms of the same names for Pillow images: the
    pixels are the same, and the numbers are the same up to rounding.

    Parameters
    ----------
    mode : {"RGB", "L"}
        Colour, or a single channel of brightness. Transparency is dropped.
    resize : int or (int, int), optional
        The length of the shorter edge in pixels, or the exact size (height, width).
    resample : {"nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"}
        How `resize` computes pixels.
    crop : (int, int), optional
        Height and width of the centre that is kept. If two opposite margins cannot be equal, the
        upper or left one is half of their sum, rounded to the nearest whole number (to the even
        one of two equally near).
    scale : float, optional
        Factor on the pixel values, which are 0 to 255; by default 1/255, and 1 for uint8.
    mean, std : tuple of float, optional
        One value per channel, or one for all channels: (scaled - mean) / std.
    layout : {"NCHW", "NHWC"}
        Whether channels come before or after height and width.
    dtype : {"float32", "float16", "uint8"}
        Type of the array.

    Raises
    ------
    SettingError
        A value is not allowed, or two values contradict each other.
    """

    mode: str = "RGB"
    resize: int | tuple[int, int] | None = None
    resample: str = "bilinear"
    crop: tuple[int, int] | None = None
    scale: float | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    layout: str = "NCHW"
    dtype: str = "float32"

    def __post_init__(self) -> None:
        for name, value, known in (
            ("mode", self.mode, tuple(MODES)),
            ("resample", self.resample, RESAMPLES),
            ("layout", self.layout, tuple(LAYOUTS)),
            ("dtype", self.dtype, DTYPES),
        ):
            if value not in known:
                raise choice(name, value, known)
        for name, size in (("resize", self.resize), ("crop", self.crop)):
            if size is not None:
                _check_size(name, size)
        _check_per_channel("mean", self.mean, MODES[self.mode])
        _check_per_channel("std", self.std, MODES[self.mode])
        if self.std is not None and min(self.std) <= 0:
            raise SettingError(f"std is {self.std}.", "Every value must be above 0.")
        if self.scale is not None and not (math.isfinite(self.scale) and self.scale > 0):
            raise SettingError(f"scale is {self.scale}.", "Give a number above 0, like 0.00392157.")
        if self.dtype != "uint8":
            self._check_range()
        elif self.factor != 1 or self.mean or self.std:
            raise SettingError(
                "The model takes uint8 pixels, so they cannot be scaled or normalised.",
                "Leave out scale, mean and std.",
            )

    @property
    def factor(self) -> float:
        """The factor on the pixel values, with the default filled in."""
        if self.scale is not None:
            return self.scale
        return 1.0 if self.dtype == "uint8" else 1 / 255

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that determines the result, as JSON."""
        return asdict(self) | {"scale": self.factor}

    @classmethod
    def preset(cls, name: str) -> Self:
        """Return the preprocessing of a well-known family of models.

        Parameters
        ----------
        name : {"imagenet", "clip", "none"}
            "imagenet": shorter edge 256, centre of 224, mean and deviation of ImageNet. "clip":
            shorter edge 224, bicubic, centre of 224, mean and deviation of CLIP. "none":
            unchanged pixels from 0 to 255, in the type that the model takes.

        Raises
        ------
        SettingError
            There is no such preset; the hint holds the nearest names.
        """
        if name not in PRESETS:
            raise choice("preset", name, PRESETS)
        return cls(**PRESETS[name])

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """Return the preprocessing with these `settings`, which may have gone through JSON."""
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in settings.items()
        }
        return cls(**fields)

    @classmethod
    def from_config(cls, path: str | Path) -> "Preprocess":
        """Read a Hugging Face style ``preprocessor_config.json``.

        Raises
        ------
        MissingFileError
            The file does not exist.
        FileFormatError
            The file is not a JSON object.
        SettingError
            A field is unknown, contradicts another field, or has an unsupported value.
        """
        path = Path(path)
        try:
            return cls(**read_config(path))
        except SettingError as error:
            error.add_note(f"(In {str(path)!r}.)")
            raise

    def apply(self, image: "Image.Image") -> np.ndarray:
        """Turn one image into an array.

        Parameters
        ----------
        image : PIL.Image.Image
            An upright image in any 8-bit mode.

        Returns
        -------
        ndarray [channels, height, width] or [height, width, channels]

        Raises
        ------
        DataError
            The image has more than 8 bits per channel, is smaller than the crop, or is resized to
            more pixels than Pillow allows.
        """
        from PIL import Image

        if image.mode[0] in "IF":
            raise DataError(
                f"The image has more than 8 bits per channel (mode {image.mode}).",
                "Convert it to 8 bits.",
            )
        if image.mode != self.mode:
            image = image.convert(self.mode)
        if self.resize is not None:
            resample = Image.Resampling[self.resample.upper()]
            width, height = self._resized(image.size)
            if Image.MAX_IMAGE_PIXELS is not None and width * height > Image.MAX_IMAGE_PIXELS:
                raise DataError(
                    f"The image of {image.height} x {image.width} pixels becomes {height} x "
                    f"{width} when it is resized, more than {Image.MAX_IMAGE_PIXELS:,} pixels.",
                    "Remove it, or resize to less.",
                )
            image = image.resize((width, height), resample)
        if self.crop is not None:
            image = image.crop(self._box(image.size))
        pixels = np.asarray(image).reshape(image.height, image.width, MODES[self.mode])
        if self.dtype == "uint8":
            return np.ascontiguousarray(pixels if self.layout == "NHWC" else _planes(pixels))
        # Computing with whole planes is much faster than with pixels of three values.
        values = self._normalise(_planes(pixels))
        return np.ascontiguousarray(values.transpose(1, 2, 0)) if self.layout == "NHWC" else values

    def _check_range(self) -> None:
        darkest, brightest = np.zeros((2, MODES[self.mode], 1, 1), np.uint8)
        brightest += 255
        with np.errstate(all="ignore"):
            low, high = self._normalise(darkest), self._normalise(brightest)
        for least, most in zip(low.flat, high.flat, strict=True):
            if not (math.isfinite(least) and math.isfinite(most) and least < most):
                raise SettingError(
                    f"Pixels from 0 to 255 would become {self.dtype} numbers from {least:g} to "
                    f"{most:g} by scale, mean and std.",
                    "Give values of common size, like --scale 0.00392157 --mean 0.5 --std 0.5.",
                )

    def _normalise(self, planes: np.ndarray) -> np.ndarray:
        values = planes.astype(np.float32)
        values *= np.float32(self.factor)
        if self.mean is not None:
            values -= np.array(self.mean, np.float32)[:, np.newaxis, np.newaxis]
        if self.std is not None:
            values /= np.array(self.std, np.float32)[:, np.newaxis, np.newaxis]
        return values.astype(self.dtype, copy=False)

    def _resized(self, size: tuple[int, int]) -> tuple[int, int]:
        if isinstance(self.resize, tuple):
            return self.resize[1], self.resize[0]
        assert self.resize is not None
        width, height = size
        short, long = sorted(size)
        longer = max(1, self.resize * long // short)
        return (self.resize, longer) if width <= height else (longer, self.resize)

    def _box(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        assert self.crop is not None
        width, height = size
        top, left = round((height - self.crop[0]) / 2), round((width - self.crop[1]) / 2)
        if height < self.crop[0] or width < self.crop[1]:
            raise DataError(
                f"The image is {height} x {width} pixels when it is cropped to "
                f"{self.crop[0]} x {self.crop[1]}.",
                "Resize before cropping, or crop less.",
            )
        return left, top, left + self.crop[1], top + self.crop[0]


def _planes(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _check_size(name: str, size: object) -> None:
    edges = size if isinstance(size, tuple) else (size,)
    right_count = len(edges) == 2 or (name == "resize" and not isinstance(size, tuple))
    if not right_count or not all(type(edge) is int and edge > 0 for edge in edges):
        raise SettingError(f"{name} is {size!r}.", "Give pixels: height and width, from 1 up.")


def _check_per_channel(name: str, values: tuple[float, ...] | None, channels: int) -> None:
    if values is None:
        return
    if len(values) not in (1, channels):
        raise SettingError(
            f"{name} has {len(values)} values, but images have {channels} channels.",
            "Give one per channel, or one for all; grey images have mode L.",
        )
    if not all(math.isfinite(value) for value in values):
        raise SettingError(f"{name} is {values}.", "Give finite numbers.")
