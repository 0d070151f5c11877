"""The parts of the page's data, packed into elements of HTML that run nothing."""

import base64
import gzip
import json
from collections.abc import Iterator, Sequence
from typing import Any

UNITS_IN_BLOCK, SAMPLES_IN_BLOCK, PICTURES_IN_BLOCK, CONCEPTS_IN_BLOCK = 64, 256, 64, 64
"""How many units, samples, pictures and concepts one part holds, which is read as a whole."""

_LEVEL = 7
"""Of compression: 9 takes four times as long and saves one percent."""


def packed(key: str, value: Any) -> str:
    """Return an element with a value as JSON, compressed.

    The same value gives the same text everywhere, but for other versions of zlib.
    """
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    content = gzip.compress(text.encode(errors="surrogatepass"), _LEVEL, mtime=0)
    return f'<script type="text/plain" id="{key}">{base64.b64encode(content).decode()}</script>\n'


def packed_pictures(key: str, pictures: Sequence[str | None]) -> str:
    """Return an element with pictures as data URLs; they are compressed already."""
    text = json.dumps(pictures, separators=(",", ":"))
    return f'<script type="application/json" id="{key}">{text}</script>\n'


def data_url(picture: bytes, mime: str) -> str:
    """Return a picture as a data URL; "" if it has no bytes."""
    if not picture:
        return ""
    return f"data:{mime};base64,{base64.b64encode(picture).decode()}"


def blocks(values: Sequence[Any], size: int) -> Iterator[tuple[int, Sequence[Any]]]:
    """Yield values in blocks, each with its number."""
    for start in range(0, len(values), size):
        yield start // size, values[start : start + size]
