"""Read the photographs of Debian's package `gcompris-qt-data`."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from invert_core.errors import FileFormatError, MissingFileError

BUNDLES = Path("/usr/share/gcompris-qt/rcc")
NAMES = (
    "categorization",
    "erase",
    "explore_farm_animals",
    "explore_monuments",
    "explore_world_animals",
    "explore_world_music",
)
"""The files of the package that hold photographs; the others hold drawings."""

SMALLEST = 200
"""Least number of pixels on the shorter side; smaller images are buttons and icons."""

_WEBP = re.compile(rb"RIFF(....)WEBP", re.DOTALL)


def photographs(folder: Path = BUNDLES) -> Iterator[tuple[str, Image.Image]]:
    """Yield all photographs in RGB, each with a name such as ``categorization-017``.

    The folder holds Qt resources, files `NAME.rcc`, in which uncompressed images follow one
    another; a WebP image begins with a signature and its own length. Images with transparent parts
    are drawings, so they are left out.
    """
    for name in NAMES:
        path = folder / f"{name}.rcc"
        if not path.is_file():
            raise MissingFileError(
                f"There is no file {str(path)!r}.",
                "Get it with: sudo apt-get install --no-install-recommends gcompris-qt-data",
            )
        found = list(_images(path))
        if not found:
            raise FileFormatError(
                f"{str(path)!r} holds no photograph.",
                "It was tried with version 3.1-2 of gcompris-qt-data.",
            )
        for number, image in enumerate(found):
            yield f"{name}-{number:03d}", image


def _images(path: Path) -> Iterator[Image.Image]:
    content = path.read_bytes()
    for found in _WEBP.finditer(content):
        n_bytes = int.from_bytes(found[1], "little") + 8
        encoded = io.BytesIO(content[found.start() : found.start() + n_bytes])
        try:
            with Image.open(encoded, formats=["WEBP"]) as image:
                if image.mode == "RGB" and min(image.size) >= SMALLEST:
                    image.load()
                    yield image
        except (OSError, Image.DecompressionBombError) as error:
            raise FileFormatError(
                f"The image at byte {found.start():,} of {str(path)!r} is broken ({error}).",
                "Install the package again.",
            ) from error
