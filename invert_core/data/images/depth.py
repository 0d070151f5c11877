"""Tells how deep the pixels of an image are, and reads pixels of more than 8 bits."""

from typing import TYPE_CHECKING

import numpy as np

from invert_core.errors import DataError

if TYPE_CHECKING:
    from PIL import Image, ImageFile

WHITE = {"8": 255, "16": 65535, "float": 1}
"""The value of white at each depth; the default scale makes it 1."""

_CALLED = {"8": "8 bits per channel", "16": "16 bits per channel", "float": "floats as pixels"}
_WHITE_IS_ZERO = 0
_PHOTOMETRIC = 262


def refuse_lossy(image: "ImageFile.ImageFile") -> None:
    """Refuse an image that Pillow would decode to other values; it must not be decoded yet."""
    # Pillow silently cuts 16 bits of colour to 8; only its decoder arguments show the depth.
    arguments = " ".join(str(tile[3]) for tile in image.tile)
    is_grey = image.mode[0] in "IF"
    is_cut = ";16" in arguments if image.format in ("PNG", "TIFF") else _largest(image) > 255
    what = ""
    if is_cut and not is_grey:
        what = "16 bits per channel and several channels"
    elif ";32" in arguments and image.mode == "I":
        what = "32-bit integers as pixels"
    elif is_grey and _tag(image, _PHOTOMETRIC) == _WHITE_IS_ZERO:
        what = "more than 8 bits and 0 for white"
    if what:
        raise DataError(
            f"The image has {what}, which cannot be read.",
            "Convert it to 8 bits per channel, or to 16 bits or floats of grey, or leave such "
            "images out with --skip-bad.",
        )


def check_depth(image: "Image.Image", depth: str) -> None:
    """Refuse an image of another depth than `depth`."""
    found = {"I": "16", "F": "float"}.get(image.mode[0], "8")
    if found != depth:
        raise DataError(
            f"The image has {_CALLED[found]}, and --depth is {depth}.",
            f"Read images that are all like this with --depth {found}; otherwise convert it, or "
            "leave such images out with --skip-bad.",
        )


def as_floats(image: "Image.Image") -> "Image.Image":
    """Convert a grey image of 16 bits or floats to Pillow's mode F, which keeps every value."""
    from PIL import Image

    values = np.asarray(image)
    if values.dtype.kind == "i" and not (values.min() >= 0 and values.max() <= WHITE["16"]):
        raise DataError(
            f"The image has pixels from {values.min()} to {values.max()}, not from 0 to "
            f"{WHITE['16']:,}.",
            "Convert it to unsigned integers of 16 bits.",
        )
    return Image.fromarray(values.astype(np.float32))


def _largest(image: "ImageFile.ImageFile") -> int:
    """The largest value of a pixel that a file of the PPM family announces; 255 for others."""
    if image.format != "PPM":
        return WHITE["8"]
    arguments = image.tile[0][3] or ()  # such as "L", ("RGB", 65535) or ("F;32F", 0, -1)
    return max((each for each in arguments if isinstance(each, int)), default=WHITE["8"])


def _tag(image: "ImageFile.ImageFile", number: int) -> object:
    return getattr(image, "tag_v2", {}).get(number)
