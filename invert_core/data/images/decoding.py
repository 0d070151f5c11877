"""Decodes the bytes of an image file into the input of a model."""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import ExifTags, Image, ImageFile, ImageOps, TiffImagePlugin, UnidentifiedImageError

from invert_core.data.images.depth import refuse_lossy
from invert_core.data.images.preprocess import Preprocess
from invert_core.errors import DataError

FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "PPM")

_WIDTH, _HEIGHT = ExifTags.Base.ImageWidth, ExifTags.Base.ImageLength
_ON_THE_SIDE = (5, 6, 7, 8)
"""The orientations in Exif that exchange height and width."""

BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    TypeError,
    LookupError,
    EOFError,
    OverflowError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
"""The exceptions that Pillow raises for broken files of the various formats."""


@contextmanager
def strict_pillow() -> Iterator[None]:
    """Make Pillow refuse images of very many pixels, and silence its other warnings.

    The warning filters that this sets apply to the whole process.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def decode(name: str, content: bytes, preprocess: Preprocess) -> np.ndarray | DataError:
    """Decode an image, turn it upright, and preprocess it; call this inside `strict_pillow`.

    Parameters
    ----------
    name : str
        Name of the image, for messages.
    content : bytes
        The image file.
    preprocess : Preprocess

    Returns
    -------
    ndarray or DataError
        The array that `Preprocess.apply` returns, or the reason why there is none.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            refuse_bomb(image)
            refuse_lossy(image)
            ImageOps.exif_transpose(image, in_place=True)
            return preprocess.apply(image)
    except DataError as error:
        error.add_note(f"(Image {name!r}.)")
        return error
    except UnidentifiedImageError:
        return unreadable(name, ValueError(f"it is none of {', '.join(FORMATS)}"))
    except BROKEN as error:
        return unreadable(name, error)


def upright_size(content: bytes) -> tuple[int, int] | None:
    """Read height and width of an upright image without decoding it; None if it is broken."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            width, height = image.size
            if isinstance(image, TiffImagePlugin.TiffImageFile):
                # Some versions of Pillow exchange the edges here already.
                width, height = image.tag_v2[_WIDTH], image.tag_v2[_HEIGHT]
            # To look for a later entry, Pillow would decode the whole PNG.
            has_entry = image.format != "PNG" or b"eXIf" in content
            turned = has_entry and image.getexif().get(ExifTags.Base.Orientation) in _ON_THE_SIDE
            return (width, height) if turned else (height, width)
    except BROKEN:
        return None


def unreadable(name: str, reason: Exception) -> DataError:
    """Return the error for an image that is broken or cannot be reached."""
    error = DataError(
        f"The image {name!r} cannot be read ({reason}).",
        "Repair or replace it, or leave such images out with --skip-bad.",
    )
    error.__cause__ = reason
    return error


def refuse_bomb(image: ImageFile.ImageFile) -> None:
    """Refuse an image with more pixels than Pillow's limit; it must not be decoded yet."""
    # Pillow only warns, and another thread may have changed the warning filters meanwhile.
    limit, n_pixels = Image.MAX_IMAGE_PIXELS, image.width * image.height
    if limit is not None and n_pixels > limit:
        raise Image.DecompressionBombError(
            f"it has {n_pixels:,} pixels, more than {limit:,}, and may be a decompression bomb"
        )
