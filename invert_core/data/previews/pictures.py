"""Makes small pictures, in threads."""

import io
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import NamedTuple, TypeVar

import numpy as np
from PIL import Image, ImageOps, features

from invert_core.data.images.decoding import BROKEN, FORMATS, refuse_bomb
from invert_core.data.previews.absent import UNREADABLE, Absent
from invert_core.errors import MissingDependencyError
from invert_core.parallel import available_cores

EDGE = 64
"""The longest side of the pictures that a run keeps; larger images are made smaller."""
SHARP_EDGE = 32
"""Images of at most so many pixels a side lose nothing: a page shows their pixels as squares."""

_WEBP = {"quality": 60, "method": 4}
_LARGE_PIXELS = 2**24
"""Images of more pixels are decoded one at a time, because each takes much memory."""
_WAITING_BYTES = 2**26
"""The most bytes of files that wait for a thread, unless a single one has more."""
_one_at_a_time = Lock()

T = TypeVar("T")


class Picture(NamedTuple):
    """An image file, and its kind."""

    content: bytes
    mime: str


def check_webp() -> None:
    """Raise unless this Pillow can write pictures."""
    if not features.check("webp"):
        raise MissingDependencyError(
            "This Pillow cannot write WebP.", "Install its wheel: pip install pillow"
        )


def decoded(content: bytes, edge: int = EDGE) -> Picture | Absent:
    """Return an upright picture of an image file, of at most `edge` pixels a side.

    Call this inside `strict_pillow`.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            refuse_bomb(image)
            longest = max(image.size)
            if longest > edge:
                # A JPEG file can be decoded at a fraction of its size, not below what is asked for.
                width, height = (max(1, side * edge // longest) for side in image.size)
                image.draft(None, (width, height))
            if image.width * image.height <= _LARGE_PIXELS:
                return _upright(image, edge)
            with _one_at_a_time:
                return _upright(image, edge)
    except (*BROKEN, MemoryError):
        return UNREADABLE


def _upright(image: Image.Image, edge: int) -> Picture:
    ImageOps.exif_transpose(image, in_place=True)
    return encoded(_flat(image), edge)


def encoded(image: Image.Image, edge: int = EDGE) -> Picture:
    """Return an image in mode L or RGB as a small file, which holds pixels only."""
    image.info.clear()  # where a photograph was taken, for example
    kept = io.BytesIO()
    if max(image.size) <= SHARP_EDGE:
        image.save(kept, "PNG", optimize=True)
        return Picture(kept.getvalue(), "image/png")
    image.thumbnail((edge, edge), Image.Resampling.BICUBIC, reducing_gap=2.0)
    image.save(kept, "WEBP", **_WEBP)
    return Picture(kept.getvalue(), "image/webp")


def _flat(image: Image.Image) -> Image.Image:
    """Convert an image to mode L or RGB; transparency is dropped, as for models."""
    if image.mode[0] in "IF":
        values = np.asarray(image)
        return Image.fromarray(as_pixels(values, limits(values)))
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def limits(values: np.ndarray) -> tuple[float, float] | None:
    """Return the smallest and the largest finite value, or None if there is none."""
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else None


def as_pixels(values: np.ndarray, black_and_white: tuple[float, float] | None) -> np.ndarray:
    """Scale values to uint8, given which become black and white; what is no number is black."""
    low, high = black_and_white or (0.0, 0.0)
    span = (high - low) or 1.0
    scaled = (np.nan_to_num(values.astype(np.float64), nan=low) - low) / span
    return np.rint(255 * scaled.clip(0, 1)).astype(np.uint8)


def in_threads(
    items: Iterable[tuple[T, int]],
    make: Callable[[T], Picture | Absent],
    tell: Callable[[int], None],
) -> list[Picture | Absent]:
    """Make a picture of each item, which comes with its size in bytes, in order.

    Only a few items wait in memory. An exception, such as an interrupt, ends the work soon.
    """
    made: list[Picture | Absent] = []
    waiting: deque[tuple[Future[Picture | Absent], int]] = deque()
    n_bytes = 0
    n_threads = available_cores()
    threads = ThreadPoolExecutor(n_threads, thread_name_prefix="picture")
    try:
        for item, size in items:
            waiting.append((threads.submit(make, item), size))
            n_bytes += size
            while len(waiting) > 2 * n_threads or (n_bytes > _WAITING_BYTES and waiting):
                future, size_of_done = waiting.popleft()
                made.append(future.result())
                n_bytes -= size_of_done
                tell(len(made))
        made.extend(future.result() for future, _ in waiting)
        tell(len(made))
    finally:
        threads.shutdown(cancel_futures=True)
    return made
