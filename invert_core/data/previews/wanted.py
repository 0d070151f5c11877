"""Which samples are to be shown, and what was found of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from invert_core.data.previews.absent import named
from invert_core.wording import counted, first_few


@dataclass(frozen=True)
class Wanted:
    """The samples to show.

    Attributes
    ----------
    shown : mapping of int to str
        The id of each sample, by row of the activation file; "" if samples have no ids.
    source : mapping of str to str
        Where the samples were, as the activation file says; `n_samples` and `manifest` if known.
    root : Path or None
        Where they are now, if they have moved.
    marks : mapping of int to int
        What extraction noted of each sample, by row; {} if it noted nothing.
    edge : int
        The longest side of a picture, in pixels.
    """

    shown: Mapping[int, str]
    source: Mapping[str, str]
    root: Path | None
    marks: Mapping[int, int]
    edge: int


@dataclass(frozen=True)
class Found:
    """What there is to look at.

    Attributes
    ----------
    where : str
        Where it was found, such as ``the folder 'images'``.
    copies : sequence
        A `Picture` or text of each sample, or `Absent`.
    note : str
        A sentence on doubts, or "".
    """

    where: str
    copies: Sequence[Any]
    note: str = ""


def note_of_changed(changed: Collection[int], shown: Mapping[int, str]) -> str:
    """Say which samples, given by row, have changed; "" if none have."""
    if not changed:
        return ""
    names = [named(row, shown[row]) for row in changed]
    one = len(names) == 1
    return (
        f"{counted(len(names), 'sample')} {'has' if one else 'have'} changed since the extraction "
        f"and {'is' if one else 'are'} shown as {'it is' if one else 'they are'} now: "
        f"{first_few(names, called=str)}."
    )
