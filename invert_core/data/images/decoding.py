"""From the bytes of an image file to the input of a model."""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from invert_core.data.images.preprocess import Preprocess
from invert_core.errors import DataError

FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF")

_UNREADABLE = (
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
"""What Pillow raises for broken files, by format."""


@contextmanager
def strict_pillow() -> Iterator[None]:
    """Let Pillow refuse what it only warns of: images of very many pixels. Other warnings end.

    It sets filters of warnings, which belong to the whole process.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def decode(name: str, content: bytes, preprocess: Preprocess) -> np.ndarray | DataError:
    """Decode an image, turn it upright, and preprocess it; inside `strict_pillow`.

    Parameters
    ----------
    name : str
        What messages call it.
    content : bytes
        Of a file.
    preprocess : Preprocess

    Returns
    -------
    ndarray or DataError
        As `Preprocess.apply` gives it, or why it cannot be made.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _refuse_bomb(image)
            _refuse_deep(image)
            ImageOps.exif_transpose(image, in_place=True)
            return preprocess.apply(image)
    except DataError as error:
        error.add_note(f"(Image {name!r}.)")
        return error
    except UnidentifiedImageError:
        return unreadable(name, ValueError(f"it is none of {', '.join(FORMATS)}"))
    except _UNREADABLE as error:
        return unreadable(name, error)


def unreadable(name: str, reason: Exception) -> DataError:
    """The error for an image that is broken or out of reach."""
    error = DataError(
        f"The image {name!r} cannot be read ({reason}).",
        "Repair or replace it, or leave such images out with --skip-bad.",
    )
    error.__cause__ = reason
    return error


def _refuse_bomb(image: ImageFile.ImageFile) -> None:
    # Pillow warns of it, but a thread beside this one may have set the filters of warnings.
    limit, n_pixels = Image.MAX_IMAGE_PIXELS, image.width * image.height
    if limit is not None and n_pixels > limit:
        raise Image.DecompressionBombError(
            f"it has {n_pixels:,} pixels, more than {limit:,}, and may be a decompression bomb"
        )


def _refuse_deep(image: ImageFile.ImageFile) -> None:
    # Pillow cuts 16 bits of colour to 8 in silence; only how it is about to decode tells.
    decoded = (str(tile[3]) for tile in image.tile) if image.format in ("PNG", "TIFF") else ()
    if image.mode[0] in "IF" or any(";16" in arguments for arguments in decoded):
        raise ValueError("it has more than 8 bits per channel")
