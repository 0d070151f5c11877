"""Random strings in several fonts, as images for an OCR model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from invert_core import ConceptSet

ALPHABET = "".join(map(chr, range(33, 127)))
"""The printable characters of ASCII, without the space."""
FONTS = (
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono"),
    *("DejaVuSansMono-Bold", "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic"),
)
"""Fonts that come with matplotlib."""
N_STRINGS, N_CHARACTERS, SEED = 1_200, 7, 1
_HEIGHT, _WIDTH = 48, 320
_SIZE, _LEFT, _BASELINE = 32, 8, 35
"""Pixels: the widest string of `N_CHARACTERS` takes some 260."""


@dataclass(frozen=True)
class Strings:
    """Random strings; `font` holds the number of each string's font among `FONTS`."""

    text: Sequence[str]
    font: Sequence[int]

    @classmethod
    def drawn(cls, n_strings: int = N_STRINGS, seed: int = SEED) -> "Strings":
        """Draw characters and fonts, each as likely as any other."""
        rng = np.random.default_rng(seed)
        characters = rng.choice(list(ALPHABET), (n_strings, N_CHARACTERS))
        fonts = rng.integers(len(FONTS), size=n_strings)
        return cls(["".join(row) for row in characters], fonts.tolist())

    def concepts(self) -> ConceptSet:
        """Return a concept for each character, which says where it occurs, and for each font."""
        occurs = [[character in text for character in ALPHABET] for text in self.text]
        is_in = np.eye(len(FONTS), dtype=bool)[list(self.font)]
        return ConceptSet.from_arrays(np.hstack([occurs, is_in]), [*ALPHABET, *FONTS])

    def images(self) -> np.ndarray:
        """Draw the strings in black on white: float32 [N, 3, 48, 320], from -1 to 1."""
        fonts = [_font(name) for name in FONTS]
        drawn = np.stack(
            [_draw(text, fonts[font]) for text, font in zip(self.text, self.font, strict=True)]
        )
        return np.repeat(drawn[:, None], 3, axis=1)


def _font(name: str) -> ImageFont.FreeTypeFont:
    import matplotlib

    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf"
    return ImageFont.truetype(path, _SIZE)


def _draw(text: str, font: ImageFont.FreeTypeFont) -> np.ndarray:
    image = Image.new("L", (_WIDTH, _HEIGHT), "white")
    ImageDraw.Draw(image).text((_LEFT, _BASELINE), text, "black", font, anchor="ls")
    return np.asarray(image, np.float32) / 127.5 - 1
