"""Images to probe for characters: photographs, and copies on which characters are drawn."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from invert_core.errors import MissingFileError
from invert_core.files.atomic import new_file, storage_errors

FONT = Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc")
SIDE = 224
SIZE = 28
"""Size of the font in pixels."""
N_CHARACTERS = 6
COLOURS = ((255, 255, 255), (0, 0, 0))

SCRIPTS = {
    "marked": [chr(code) for code in range(0x4E00, 0x9FA6)],
    "letters": [chr(code) for code in range(ord("A"), ord("Z") + 1)],
}
"""Folders of copies, and the characters drawn on them: Chinese characters, or letters."""

QUESTIONS = ("marked", "apart", "chinese")
HALVES = tuple(f"half_{number}" for number in range(20))
"""Meaningless concepts: random halves of the photographs, on which nothing is drawn."""

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Watermark:
    """A line of characters; `box` holds the left, upper, right and lower edge of its pixels."""

    text: str
    colour: tuple[int, int, int]
    box: Box


def open_font(path: Path = FONT, size: int = SIZE) -> Font:
    """Open a font."""
    try:
        return ImageFont.truetype(path, size)
    except OSError as error:
        raise MissingFileError(
            f"There is no font in {str(path)!r}.",
            "Get it with: sudo apt-get install --no-install-recommends fonts-wqy-microhei",
        ) from error


def draw_watermark(
    image: Image.Image, characters: Sequence[str], font: Font, rng: np.random.Generator
) -> tuple[Image.Image, Watermark]:
    """Draw random characters in one line at a random place on a copy of an image.

    The image is in RGB and larger than the line; characters are drawn with replacement. The line is
    white or black, at random, so that marked images are not all brighter or all darker.
    """
    text = "".join(characters[i] for i in rng.integers(len(characters), size=N_CHARACTERS))
    copy = image.copy()
    canvas = ImageDraw.Draw(copy)
    left, upper, right, lower = (round(edge) for edge in canvas.textbbox((0, 0), text, font=font))
    x = int(rng.integers(image.width - (right - left) + 1)) - left
    y = int(rng.integers(image.height - (lower - upper) + 1)) - upper
    colour = COLOURS[rng.integers(len(COLOURS))]
    canvas.text((x, y), text, fill=colour, font=font)
    return copy, Watermark(text, colour, (left + x, upper + y, right + x, lower + y))


def write_probing_set(
    folder: Path, photographs: Iterable[tuple[str, Image.Image]], font: Font, seed: int = 0
) -> int:
    """Write photographs and marked copies into `images/`, and labels into `concepts.csv`.

    Each photograph is cut to the square in its middle, 224 pixels wide. The square goes into the
    class folder `original`, and a copy into each folder of `SCRIPTS`. In the table, a concept is
    undefined on images that it must not be compared with:

    - `marked` is true on images with Chinese characters and false on originals;
    - `apart` is the same, but uses each photograph only once: marked if it is in `half_0`, else the
      original;
    - `chinese` is true on images with Chinese characters and false on images with letters;
    - each of `HALVES` is true on one half of the originals and false on the other.

    Existing files are overwritten; the same photographs, font and seed give the same images.

    Returns
    -------
    int
        Number of photographs.
    """
    rng = np.random.default_rng(seed)
    images = folder / "images"
    names = []
    with storage_errors(folder):
        for kind in ("original", *SCRIPTS):
            (images / kind).mkdir(parents=True, exist_ok=True)
    for name, photograph in photographs:
        square = ImageOps.fit(photograph, (SIDE, SIDE), Image.Resampling.BICUBIC)
        copies = {
            script: draw_watermark(square, characters, font, rng)[0]
            for script, characters in SCRIPTS.items()
        }
        with storage_errors(folder):
            for kind, image in {"original": square, **copies}.items():
                image.save(images / kind / f"{name}.png")
        names.append(f"{name}.png")
    _write_concepts(folder / "concepts.csv", names, rng)
    return len(names)


def _write_concepts(path: Path, names: Sequence[str], rng: np.random.Generator) -> None:
    halves = np.array([rng.permutation(len(names)) < len(names) // 2 for _ in HALVES], int)
    blank = [""] * len(HALVES)
    with (
        new_file(path, overwrite=True) as partial,
        partial.open("w", newline="", encoding="utf-8") as file,
    ):
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("sample_id", *QUESTIONS, *HALVES))
        for name, of_halves in zip(names, halves.T.tolist(), strict=True):
            first_half = of_halves[0] == 1
            table.writerow((f"original/{name}", 0, "" if first_half else 0, "", *of_halves))
            table.writerow((f"marked/{name}", 1, 1 if first_half else "", 1, *blank))
            table.writerow((f"letters/{name}", "", "", 0, *blank))
