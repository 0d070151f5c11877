"""Computes the sizes and places of images that are resized, cropped or letterboxed.

All sizes are (height, width) in pixels.
"""

from fractions import Fraction

Size = tuple[int, int]


def by_shorter_edge(size: Size, edge: int) -> Size:
    """Scale a size so that its shorter edge is `edge`; the longer one is rounded down."""
    height, width = size
    longer = max(1, edge * max(size) // min(size))
    return (longer, edge) if width <= height else (edge, longer)


def fitted(size: Size, box: Size) -> Size:
    """Scale a size to the largest that fits into a box.

    The edge that does not fill the box is rounded to the nearest whole number, to the even one of
    two equally near, and is at least 1.

    >>> fitted((480, 640), (640, 640)), fitted((3, 2), (9, 5))
    ((480, 640), (8, 5))
    """
    factor = min(Fraction(box[0], size[0]), Fraction(box[1], size[1]))
    height, width = (max(1, round(edge * factor)) for edge in size)
    return height, width


def centred(size: Size, box: Size) -> Size:
    """The top and left margins of a size in the centre of a box; odd ones go to the end."""
    return (box[0] - size[0]) // 2, (box[1] - size[1]) // 2
