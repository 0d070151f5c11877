"""Reads untrusted JSON files with long lists, entry by entry."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from invert_core.errors import FileFormatError, InvertError
from invert_core.files.input_file import unreadable
from invert_core.files.text_files import not_utf8, open_text

LONGEST = 2**26
"""The most characters of one entry, or of a value that is not a list."""

_PART = 2**20
_NUMBER_TAIL = 2
_BLANKS = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


def read_lists(path: Path, take: Mapping[str, Callable[[Any], None]], hint: str) -> None:
    """Hand the entries of some lists in a JSON object to functions, one by one.

    The file is never held as a whole, so it may be larger than the memory.

    Parameters
    ----------
    path : Path
    take : mapping of key to callable
        The function that takes an entry, for each list that is wanted. The lists come in the order
        of the file. An error that the function raises gets a note that names the entry.
    hint : str
        A description of the right file, for messages.
    """
    with open_text(path) as file:
        found = _read_object(_Text(path, file, hint), take)
    absent = [key for key in take if key not in found]
    if absent:
        raise FileFormatError(f"{str(path)!r} has no {absent[0]!r}.", hint)


def _read_object(
    text: "_Text", take: Mapping[str, Callable[[Any], None]]
) -> dict[str, Callable[[Any], None]]:
    """Read the whole file; return the part of `take` whose keys are there."""
    found: dict[str, Callable[[Any], None]] = {}
    if text.next_character() != "{":
        raise text.error("is not a JSON object")
    for _ in text.members("}"):
        if text.next_character() != '"':
            raise text.error("is not JSON: a key is missing")
        key = text.value()
        text.pass_by(":")
        if key in found:
            raise text.error(f"has {key!r} twice")
        if key in take:
            found[key] = take[key]
        if text.next_character() == "[":
            _read_list(text, key, take.get(key, _ignore))
        elif key in take:
            raise text.error(f"has {key!r}, which is not a list")
        else:
            text.value()
    if text.next_character():
        raise text.error("goes on after the end of its object")
    return found


def _read_list(text: "_Text", key: str, take: Callable[[Any], None]) -> None:
    for number, _ in enumerate(text.members("]")):
        text.within = (key, number)
        entry = text.value()
        try:
            take(entry)
        except InvertError as error:
            error.add_note(f"(In {text.where}.)")
            raise
    text.within = None


def _ignore(entry: Any) -> None:
    pass


class _Text:
    """The text of a file; only the part that is being read is held."""

    def __init__(self, path: Path, file: TextIO, hint: str):
        self.within: tuple[str, int] | None = None
        self._path = path
        self._file = file
        self._hint = hint
        self._held = ""
        self._at = 0

    @property
    def where(self) -> str:
        """The place that is being read, for messages."""
        if self.within is None:
            return repr(str(self._path))
        key, number = self.within
        return f"entry {number} of {key!r} in {str(self._path)!r}"

    def next_character(self) -> str:
        """The next character that is not a blank, without passing it; "" at the end."""
        while True:
            blanks = _BLANKS.match(self._held, self._at)
            self._at = blanks.end() if blanks else self._at
            if self._at < len(self._held):
                return self._held[self._at]
            if not self._hold_more():
                return ""

    def pass_by(self, character: str) -> None:
        """Pass the next character, which must be `character`."""
        found = self.next_character()
        if found != character:
            what = repr(found) if found else "the end"
            raise self.error(f"is not JSON: {what} stands where {character!r} is needed")
        self._at += 1

    def members(self, end: str) -> Iterator[None]:
        """Step through the members of the list or object that begins here, and pass its end."""
        self._at += 1
        if self.next_character() != end:
            yield
            while self.next_character() == ",":
                self._at += 1
                yield
        self.pass_by(end)

    def value(self) -> Any:
        """Pass the next value and return it."""
        self.next_character()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._held, self._at)
            except json.JSONDecodeError as error:
                length = len(self._held) - self._at
                if length <= LONGEST and self._hold_more():
                    continue
                either = f"has more than {LONGEST:,} characters, or " if length > LONGEST else ""
                raise self.error(f"{either}is not JSON: {error.msg}") from error
            except ValueError as error:
                raise self.error("holds a number with too many digits") from error
            except RecursionError as error:
                raise self.error("is nested too deeply") from error
            # A number may be cut off at the end of the part: "1" or "1." of 1.5, "1e-" of 1e-5.
            if len(self._held) - end > _NUMBER_TAIL or not self._hold_more():
                self._at = end
                return value

    def error(self, what: str) -> FileFormatError:
        """The error for the place that is being read."""
        where = self.where
        return FileFormatError(f"{where[0].upper()}{where[1:]} {what}.", self._hint)

    def _hold_more(self) -> bool:
        try:
            part = self._file.read(max(_PART, len(self._held) - self._at))
        except OSError as error:
            raise unreadable(self._path, error) from error
        except UnicodeDecodeError as error:
            raise not_utf8(self._path, error) from error
        if part:
            self._held = self._held[self._at :] + part
            self._at = 0
        return bool(part)
