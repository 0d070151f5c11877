"""The beginnings of texts: in a file, in a folder, or in a table."""

from collections.abc import Callable, Mapping
from pathlib import Path

from invert_core.data.previews.absent import MISSING, UNREADABLE, Absent
from invert_core.data.previews.place import located
from invert_core.data.previews.sample_files import contents_of, in_folder
from invert_core.data.texts.opening import read_texts
from invert_core.data.texts.text_source import manifest_of
from invert_core.errors import StaleFileError
from invert_core.files.text_files import without_line_end
from invert_core.values import is_text

LONGEST = 160
"""The most characters that are kept of a text."""

_BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"


def beginnings_of_texts(
    shown: Mapping[int, str],
    source: Mapping[str, str],
    root: Path | None,
    tell: Callable[[int], None],
) -> tuple[str, list[str | Absent]]:
    """Return the beginning of each text, and say where the texts are.

    Parameters
    ----------
    shown : mapping of int to str
        Ids of the samples, by row.
    source : mapping of str to str
        Where the texts were, as an activation file says; their `manifest` if it is known.
    root : Path or None
        Where they are now, if they have moved.
    tell : callable
        Called with the number of texts that are read.
    """
    place = located(source, root)
    if place.is_dir():
        found: list[str | Absent] = []
        for content in contents_of(shown, in_folder(place)):
            found.append(_beginning(_decoded(content)))
            tell(len(found))
        return f"the folder {str(place)!r}", found
    texts = read_texts(place, column=source.get("column"), id_column=source.get("id_column"))
    _refuse_changed(place, manifest_of(texts.sample_id, texts.values), source)
    if texts.sample_id is None:
        found = [texts.values[row] if row < len(texts.values) else MISSING for row in shown]
    else:
        of_id = dict(zip(texts.sample_id, texts.values, strict=True))
        found = [of_id.get(id, MISSING) for id in shown.values()]
    tell(len(found))
    return repr(str(place)), [_beginning(text) for text in found]


def _refuse_changed(place: Path, manifest: str, source: Mapping[str, str]) -> None:
    """Refuse other texts than were extracted, if it is known which these were."""
    if source.get("manifest", manifest) != manifest:
        raise StaleFileError(
            f"{str(place)!r} does not hold the texts that activations were extracted from.",
            "Name the file that does with --samples ROOT.",
        )


def _decoded(content: bytes | Absent) -> str | Absent:
    if isinstance(content, Absent):
        return content
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return UNREADABLE
    return without_line_end(text.removeprefix(_BOM)) if is_text(text) else UNREADABLE


def _beginning(text: str | Absent) -> str | Absent:
    if isinstance(text, Absent) or len(text) <= LONGEST:
        return text
    return text[:LONGEST] + "…"
