"""Values of HDF5 attributes and strings as other programs write them.

C, Julia, R and MATLAB store text in fixed length, and numbers as doubles or as arrays of one value.
"""

import contextlib

import numpy as np

_MOST = 2**53
"""Beyond this, a double does not tell which integer was meant."""


def as_text(value: object) -> str | None:
    """Return the text of an attribute of fixed or variable length; None if it is no text.

    >>> as_text(np.bytes_(b"invert-concepts ")), as_text(np.array(["b"], object)), as_text(1)
    ('invert-concepts', 'b', None)
    """
    value = _single(value)
    if isinstance(value, bytes):
        try:
            return value.decode().rstrip(" ")
        except UnicodeDecodeError:
            return None
    return value if isinstance(value, str) else None


def as_real(value: object) -> float | None:
    """Return the number in an attribute; None if it is no real number.

    >>> as_real(np.array([[2]], np.int8)), as_real(np.array([1, 2])), as_real(True)
    (2.0, None, None)
    """
    value = _single(value)
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return None
    return float(value)


def as_whole(value: object) -> int | None:
    """Return the integer in an attribute, which may be stored as a float; None if it is none.

    >>> as_whole(np.array([40.0])), as_whole(np.uint8(1)), as_whole(1.5), as_whole(float("inf"))
    (40, 1, None, None)
    """
    value = _single(value)
    if isinstance(value, np.integer) or type(value) is int:
        return int(value)
    number = as_real(value)
    return int(number) if number is not None and abs(number) <= _MOST and number % 1 == 0 else None


def decoded(stored: list[bytes]) -> list[str]:
    """Decode strings in UTF-8, which includes ASCII; a UnicodeDecodeError if one is not UTF-8."""
    # One decoding of all is several times faster than one of each. Only strings of fixed length
    # can hold the NUL that separates them here.
    with contextlib.suppress(UnicodeDecodeError):
        values = b"\0".join(stored).decode().split("\0")
        if len(values) == len(stored):
            return values
    return [each.decode() for each in stored]


def is_padded(stored: list[bytes], width: int) -> bool:
    """Return whether blanks fill strings of a fixed length up, as in a matrix of characters.

    Strings that end before the full length show that blanks at an end are meant.
    """
    full = all(len(each) == width for each in stored)
    return full and any(each.endswith(b" ") for each in stored)


def _single(value: object) -> object:
    """Return the only value of an array, or the value itself."""
    return value.reshape(-1)[0] if isinstance(value, np.ndarray) and value.size == 1 else value
