"""Turns an image into the input of a model: resize, crop, scale, normalise, lay out."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from invert_core.data.images.depth import WHITE, as_floats, check_depth
from invert_core.data.images.geometry import Size, by_shorter_edge, centred, fitted
from invert_core.data.images.preprocessor_config import RESAMPLES, read_config
from invert_core.errors import DataError, SettingError
from invert_core.wording import choice

if TYPE_CHECKING:
    from PIL import Image

LAYOUTS = {"NCHW": 1, "NHWC": 3}
"""The layouts, and the axis of the channels in each."""
MODES = {"RGB": 3, "BGR": 3, "L": 1}
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
    depth : {"8", "16", "float"}
        The pixels of the images: 8 bits per channel, or grey of 16 bits or of floats. Images of
        another depth are refused. Deep images are resized as floats, without rounding or clipping;
        in the modes "RGB" and "BGR" all channels are equal.
    mode : {"RGB", "BGR", "L"}
        Colour, red or blue first, or a single channel of brightness. Transparency is dropped.
    resize : int or (int, int), optional
        The length of the shorter edge in pixels, or the exact size (height, width).
    resample : {"nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"}
        How `resize` and `letterbox` compute pixels.
    letterbox : (int, int), optional
        Height and width of a box, instead of `resize` and `crop`. An image is scaled up or down to
        the largest size that fits, its shape kept, and put in the centre; of an odd margin, the
        larger part is below or on the right. An edge that does not fill the box is rounded to
        the nearest whole number of pixels (to the even one of two equally near).
    pad : tuple of float
        The colour of the margins as whole numbers from 0 to 255, whatever the depth: one value per
        channel in the order of `mode`, or one for all channels.
    crop : (int, int), optional
        Height and width of the centre that is kept. If two opposite margins cannot be equal, the
        upper or left one is half of their sum, rounded to the nearest whole number (to the even
        one of two equally near).
    scale : float, optional
        Factor on the pixel values; by default 1/255 for 8 bits, 1/65535 for 16 bits, and 1 for
        floats or if the dtype is uint8.
    mean, std : tuple of float, optional
        One value per channel in the order of `mode`, or one for all channels:
        (scaled - mean) / std.
    layout : {"NCHW", "NHWC"}
        Whether channels come before or after height and width.
    dtype : {"float32", "float16", "uint8"}
        Type of the array.

    Raises
    ------
    SettingError
        A value is not allowed, or two values contradict each other.
    """

    depth: str = "8"
    mode: str = "RGB"
    resize: int | tuple[int, int] | None = None
    resample: str = "bilinear"
    crop: tuple[int, int] | None = None
    letterbox: tuple[int, int] | None = None
    pad: tuple[float, ...] = (114,)
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
            ("depth", self.depth, tuple(WHITE)),
        ):
            if value not in known:
                raise choice(name, value, known)
        for name in ("resize", "crop", "letterbox"):
            if getattr(self, name) is not None:
                _check_size(name, getattr(self, name))
        self._check_letterbox()
        _check_per_channel("mean", self.mean, MODES[self.mode])
        _check_per_channel("std", self.std, MODES[self.mode])
        if self.std is not None and min(self.std) <= 0:
            raise SettingError(f"std is {self.std}.", "Every value must be above 0.")
        if self.scale is not None and not (math.isfinite(self.scale) and self.scale > 0):
            raise SettingError(f"scale is {self.scale}.", "Give a number above 0, like 0.00392157.")
        if self.dtype != "uint8":
            self._check_range()
        elif self.factor != 1 or self.mean or self.std or self.depth != "8":
            raise SettingError(
                "The model takes uint8 pixels, so they cannot be scaled, normalised or deeper.",
                "Leave out scale, mean, std and depth.",
            )

    @property
    def factor(self) -> float:
        """The factor on the pixel values, with the default filled in."""
        if self.scale is not None:
            return self.scale
        return 1.0 if self.dtype == "uint8" else 1 / WHITE[self.depth]

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
            An upright image of the right depth.

        Returns
        -------
        ndarray [channels, height, width] or [height, width, channels]

        Raises
        ------
        DataError
            The image has another depth, is smaller than the crop, or is resized to more pixels
            than Pillow allows.
        """
        pixels = self._boxed(self._channels(self._resized(self._in_mode(image))))
        if self.dtype == "uint8":
            return np.ascontiguousarray(pixels if self.layout == "NHWC" else _planes(pixels))
        # Computing with whole planes is much faster than with pixels of three values.
        values = self._normalise(_planes(pixels))
        return np.ascontiguousarray(values.transpose(1, 2, 0)) if self.layout == "NHWC" else values

    @property
    def may_vary(self) -> bool:
        """Whether images of different sizes become arrays of different sizes."""
        return not (self.crop or self.letterbox or isinstance(self.resize, tuple))

    def size_of(self, size: Size) -> Size:
        """Return the height and width of the array for an image of this height and width."""
        return self.crop or self.letterbox or self._inner_size(size)

    def _in_mode(self, image: "Image.Image") -> "Image.Image":
        check_depth(image, self.depth)
        if self.depth != "8":
            return as_floats(image)
        wanted = "RGB" if self.mode == "BGR" else self.mode
        return image if image.mode == wanted else image.convert(wanted)

    def _resized(self, image: "Image.Image") -> "Image.Image":
        from PIL import Image

        if self.resize is None and self.letterbox is None:
            return image if self.crop is None else image.crop(self._box(image.size))
        height, width = self._inner_size((image.height, image.width))
        if Image.MAX_IMAGE_PIXELS is not None and width * height > Image.MAX_IMAGE_PIXELS:
            raise DataError(
                f"The image of {image.height} x {image.width} pixels becomes {height} x "
                f"{width} when it is resized, more than {Image.MAX_IMAGE_PIXELS:,} pixels.",
                "Remove it, or resize to less.",
            )
        image = image.resize((width, height), Image.Resampling[self.resample.upper()])
        return image if self.crop is None else image.crop(self._box(image.size))

    def _channels(self, image: "Image.Image") -> np.ndarray:
        """Return the pixels [height, width, channels]."""
        values = np.asarray(image)
        if values.ndim == 2:
            return np.broadcast_to(values[:, :, np.newaxis], (*values.shape, MODES[self.mode]))
        return values[:, :, ::-1] if self.mode == "BGR" else values

    def _boxed(self, pixels: np.ndarray) -> np.ndarray:
        """Put the pixels into the letterbox, if there is one."""
        if self.letterbox is None:
            return pixels
        height, width, n_channels = pixels.shape
        boxed = np.empty((*self.letterbox, n_channels), pixels.dtype)
        boxed[:] = np.array(self.pad) * (WHITE[self.depth] / 255)
        top, left = centred((height, width), self.letterbox)
        boxed[top : top + height, left : left + width] = pixels
        return boxed

    def _inner_size(self, size: Size) -> Size:
        """Return height and width of the image when it is resized."""
        if self.letterbox is not None:
            return fitted(size, self.letterbox)
        if isinstance(self.resize, int):
            return by_shorter_edge(size, self.resize)
        return self.resize or size

    def _check_letterbox(self) -> None:
        if self.letterbox is not None and (self.resize is not None or self.crop is not None):
            raise SettingError(
                "A letterbox was given together with resize or crop.",
                "Leave out --resize and --crop, or --letterbox.",
            )
        if self.letterbox is None and self.pad != (114,):
            raise SettingError(
                "The colour of margins was given without a letterbox.",
                "Add --letterbox, or leave out --pad.",
            )
        _check_per_channel("pad", self.pad, MODES[self.mode])
        if not all(0 <= value <= 255 and value == int(value) for value in self.pad):
            raise SettingError(f"pad is {self.pad}.", "Give whole numbers from 0 to 255.")

    def _check_range(self) -> None:
        white = WHITE[self.depth]
        darkest = np.zeros((MODES[self.mode], 1, 1), np.float32)
        with np.errstate(all="ignore"):
            low, high = self._normalise(darkest), self._normalise(darkest + white)
        for least, most in zip(low.flat, high.flat, strict=True):
            if not (math.isfinite(least) and math.isfinite(most) and least < most):
                raise SettingError(
                    f"Pixels from 0 to {white} would become {self.dtype} numbers from {least:g} to "
                    f"{most:g} by scale, mean and std.",
                    f"Give values of common size, like --scale {1 / white:.6g} --mean 0.5.",
                )

    def _normalise(self, planes: np.ndarray) -> np.ndarray:
        values = planes.astype(np.float32)
        values *= np.float32(self.factor)
        if self.mean is not None:
            values -= np.array(self.mean, np.float32)[:, np.newaxis, np.newaxis]
        if self.std is not None:
            values /= np.array(self.std, np.float32)[:, np.newaxis, np.newaxis]
        return values.astype(self.dtype, copy=False)

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
            "Give one per channel, or one for all; grey images have --mode L.",
        )
    if not all(math.isfinite(value) for value in values):
        raise SettingError(f"{name} is {values}.", "Give finite numbers.")
