"""Makes small copies of the samples that a run shows."""

from collections.abc import Callable, Mapping
from os import PathLike
from typing import Any

from invert_core.data.previews.absent import Absent, sentence
from invert_core.data.previews.array_pictures import pictures_of_arrays
from invert_core.data.previews.image_pictures import pictures_of_images
from invert_core.data.previews.pictures import EDGE, SHARP_EDGE
from invert_core.data.previews.place import kind_of
from invert_core.data.previews.shown import ShownSamples
from invert_core.data.previews.text_beginnings import beginnings_of_texts
from invert_core.data.previews.wanted import Found, Wanted
from invert_core.errors import (
    DataError,
    InvertError,
    MissingFileError,
    SettingError,
    StaleFileError,
)
from invert_core.files.input_file import input_path

Progress = Callable[[int, int], None]

NONE_KEPT = "The samples cannot be shown: the run was to keep none (--samples none)."

_MAKERS: Mapping[str, Callable[[Wanted, Callable[[int], None]], Found]] = {
    "images": pictures_of_images,
    "texts": beginnings_of_texts,
    "arrays": pictures_of_arrays,
}
_MOVED = "If they have moved, say where they are with --samples ROOT."
_LONGEST = 1000
"""The most characters of a sentence; an attribute of an HDF5 file holds 64 kB at most."""
_TOLD_AT_ONCE = 64
_EDGES = (SHARP_EDGE, 1024)
"""The least and the most pixels a side that can be asked for."""


def shown_samples(
    shown: Mapping[int, str],
    source: Mapping[str, str],
    root: str | PathLike[str] | None = None,
    progress: Progress | None = None,
    marks: Mapping[int, int] | None = None,
    edge: int = EDGE,
) -> ShownSamples:
    """Make small copies of samples to look at: pictures, or the beginnings of texts.

    Pictures are upright, have at most `edge` pixels a side, and hold nothing but pixels. A sample
    that cannot be read is no error; `ShownSamples.missing` says which ones are missing, and why.

    Parameters
    ----------
    shown : mapping of int to str
        The id of each sample, by row of the activation file, such as `RunEvidence.shown`; "" if
        samples have no ids.
    source : mapping of str to str
        Where the samples were, such as `RunEvidence.source`.
    root : path, optional
        Where they are, if they have moved: the folder or archive of images; the folder, file or
        table of texts; the file of arrays; or the folder that such a file is in.
    progress : callable, optional
        Called with the number of samples that are done and the number of all samples.
    marks : mapping of int to int, optional
        What extraction noted of each sample, such as `RunEvidence.shown_mark`; it tells which
        images and arrays have changed since then.
    edge : int
        The longest side of a picture, in pixels, from 32 to 1,024; larger images are made smaller.

    Returns
    -------
    ShownSamples
        The samples in the order of `shown`.

    Raises
    ------
    DataError
        What should be text or a whole number is something else.
    SettingError
        Pictures cannot have this size.
    MissingFileError
        `root` cannot be looked up.
    """
    if not _EDGES[0] <= edge <= _EDGES[1]:
        raise SettingError(
            f"Pictures cannot have {edge!r} pixels a side.",
            f"Choose from {_EDGES[0]} to {_EDGES[1]:,}.",
        )
    wanted = Wanted(
        _checked("id", shown, int, str),
        _checked("source", source, str, str),
        None if root is None else input_path(root),
        _checked("mark", {} if marks is None else marks, int, int),
        edge,
    )

    def tell(done: int) -> None:
        if progress is not None and (not done % _TOLD_AT_ONCE or done == len(shown)):
            progress(done, len(shown))

    try:
        kind = kind_of(wanted)
        found = _MAKERS[kind](wanted, tell)
    except (InvertError, OSError, MemoryError) as error:
        return ShownSamples(missing=_as_text(_why_none(error)))
    copies = found.copies
    absent = {row: one for row, one in zip(shown, copies, strict=True) if isinstance(one, Absent)}
    what = "text" if kind == "texts" else "picture"
    missing = _as_text(f"{sentence(absent, shown, what, found.where)} {found.note}".strip())
    if len(absent) == len(shown):
        return ShownSamples(missing=missing)
    if kind == "texts":
        return ShownSamples(text=tuple(_or("", one) for one in copies), missing=missing)
    content, mime = zip(*(_or((b"", ""), one) for one in copies), strict=True)
    return ShownSamples(picture=content, mime=mime, missing=missing)


def _checked(what: str, given: Any, key: type, value: type) -> dict[Any, Any]:
    """Return a mapping as a dictionary, which must have keys and values of these types."""
    found = dict(given)
    if not all(isinstance(one, key) and isinstance(found[one], value) for one in found):
        raise DataError(
            f"A {what} of the samples is not of type {value.__name__}, by {key.__name__}.",
            "Give what invert_core.read_evidence(RUN) has as shown, source and shown_mark.",
        )
    return found


def _or(nothing: Any, copy: Any) -> Any:
    return nothing if isinstance(copy, Absent) else copy


def _why_none(error: Exception) -> str:
    """Say why there is nothing to look at of any sample."""
    reason = error.message if isinstance(error, InvertError) else f"{error}."
    moved = f" {_MOVED}" if isinstance(error, MissingFileError | StaleFileError) else ""
    return f"The samples cannot be shown: {reason[:1].lower()}{reason[1:]}{moved}"


def _as_text(text: str) -> str:
    """Return a sentence that a file can hold; names of files may hold bytes that are not UTF-8."""
    text = text.encode(errors="backslashreplace").decode().replace("\0", "\\0")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
