"""The beginnings of texts: in a file, in a folder, or in a table."""

from collections.abc import Callable
from pathlib import Path

from invert_core.data.previews.absent import MISSING, UNREADABLE, Absent
from invert_core.data.previews.place import located
from invert_core.data.previews.sample_files import contents_of, in_folder
from invert_core.data.previews.wanted import Found, Wanted
from invert_core.data.texts.opening import read_texts
from invert_core.data.texts.text_source import manifest_of
from invert_core.errors import InvertError, StaleFileError
from invert_core.files.text_files import without_line_end
from invert_core.values import is_text

LONGEST = 160
"""The most characters that are kept of a text."""

_BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"


def beginnings_of_texts(wanted: Wanted, tell: Callable[[int], None]) -> Found:
    """Return the beginning of each text, and say where the texts are.

    Parameters
    ----------
    wanted : Wanted
    tell : callable
        Called with the number of texts that are read.
    """
    shown, source = wanted.shown, wanted.source
    place = located(source, wanted.root)
    if place.is_dir():
        found: list[str | Absent] = []
        for content in contents_of(shown, in_folder(place)):
            found.append(_beginning(_decoded(content)))
            tell(len(found))
        where = f"the folder {str(place)!r}"
        has_changed = "manifest" in source and source["manifest"] != _manifest(place)
        return Found(where, found, _note(where) * has_changed)
    texts = read_texts(place, column=source.get("column"), id_column=source.get("id_column"))
    tell(len(shown))
    manifest = manifest_of(texts.sample_id, texts.values)
    has_changed = source.get("manifest", manifest) != manifest
    where = repr(str(place))
    if texts.sample_id is not None:
        of_id = dict(zip(texts.sample_id, texts.values, strict=True))
        found = [_beginning(of_id.get(id, MISSING)) for id in shown.values()]
        return Found(where, found, _note(where) * has_changed)
    if has_changed:
        raise StaleFileError(
            f"{where} has changed since the extraction, so nothing tells which text was which."
        )
    at = dict(enumerate(texts.values))
    return Found(where, [_beginning(at.get(row, MISSING)) for row in shown])


def _manifest(folder: Path) -> str | None:
    """Return what identifies all texts in a folder, or None if they cannot all be read."""
    try:
        texts = read_texts(folder, column=None, id_column=None)
    except InvertError:
        return None
    return manifest_of(texts.sample_id, texts.values)


def _note(where: str) -> str:
    return f"{where[0].upper()}{where[1:]} has changed since the extraction, and texts may have."


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
