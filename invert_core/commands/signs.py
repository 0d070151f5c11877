"""The signs of tables and pictures in a terminal, and those that ASCII has in their place."""

import sys
import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True)
class Signs:
    """What stands for a cut text, for samples inside and outside, and for heights.

    Attributes
    ----------
    cut : str
        Ends or interrupts a text that is cut.
    inside, outside, undefined : str
        Whether a formula is true on a sample, false, or not defined.
    heights : str
        Bars from nothing to the highest.
    """

    cut: str
    inside: str
    outside: str
    undefined: str
    heights: str


_ALL = Signs("…", "+", "−", "?", " ▁▂▃▄▅▆▇█")
_ASCII = Signs("...", "+", "-", "?", " .:-=+*#%@")


def signs() -> Signs:
    """Return the signs that stdout can write."""
    return _ALL if can_write("".join(vars(_ALL).values())) else _ASCII


def can_write(text: str) -> bool:
    """Return whether the encoding of stdout has all characters of a text."""
    try:
        text.encode(_encoding())
    except UnicodeEncodeError:
        return False
    return True


def as_written(text: str) -> str:
    """Return a text with escapes for what the encoding of stdout lacks, as stdout will have it."""
    encoding = _encoding()
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _encoding() -> str:
    return getattr(sys.stdout, "encoding", None) or "utf-8"


def width_of(text: str) -> int:
    """Return how many places of a terminal a text takes: two for a wide character.

    >>> width_of("four"), width_of("猫"), width_of("e\N{COMBINING ACUTE ACCENT}")
    (4, 2, 1)
    """
    if text.isascii():
        return len(text)
    return sum(map(_places, text))


def _places(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut_to(text: str, width: int, *, in_middle: bool = False) -> str:
    """Return a text that takes at most so many places, with a sign where it is cut.

    >>> cut_to("slanted right", 8), cut_to("encoder.layer.5:12", 9, in_middle=True)
    ('slanted…', 'enco…5:12')
    """
    if width_of(text) <= width:
        return text
    sign = signs().cut[:width]
    left = max(0, width - len(sign))
    behind = left // 2 if in_middle else 0
    end = _fitting(text[::-1], behind)[::-1]
    return _fitting(text, left - width_of(end)) + sign + end


def _fitting(text: str, width: int) -> str:
    """Return as much of the start of a text as fits."""
    places = 0
    for at, character in enumerate(text):
        places += _places(character)
        if places > width:
            return text[:at]
    return text
