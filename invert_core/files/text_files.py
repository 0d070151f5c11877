"""Reads untrusted text files in UTF-8: line by line, whole, or in parts."""

import contextlib
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from invert_core.errors import FileFormatError
from invert_core.files.input_file import check_file, unreadable
from invert_core.files.unchanged import unchanged

LONGEST = 2**28
"""The most bytes of a line, or of a file that is read whole."""

_BOM = b"\xef\xbb\xbf"
_BOMS = {b"\xff\xfe\0\0": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
"""The first bytes of other Unicode encodings; the longer ones first."""


def read_lines(path: Path, hint: str = "") -> Iterator[tuple[int, str]]:
    """Yield the lines of a file, numbered from 1, without line ends and byte-order mark.

    `hint` replaces the usual advice for a file that is not such text.
    """
    check_file(path)
    try:
        file = path.open("rb")
    except OSError as error:
        raise unreadable(path, error) from error
    with unchanged(path), file:
        for number, line in enumerate(iter(lambda: file.readline(LONGEST + 1), b""), 1):
            line = line.removeprefix(_BOM) if number == 1 else line
            yield number, without_line_end(_decoded(line, path, f", line {number}", hint))


def read_whole(path: Path, hint: str = "") -> str:
    """Return the text of a file without a byte-order mark; `hint` is that of `read_lines`."""
    check_file(path)
    try:
        with unchanged(path), path.open("rb") as file:
            content = file.read(LONGEST + 1)
    except OSError as error:
        raise unreadable(path, error) from error
    return _decoded(content.removeprefix(_BOM), path, "", hint)


@contextlib.contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Open a file after its byte-order mark, and keep the ends of its lines as they are.

    Use it to read one part at a time. The caller must limit the size of a part, and turn a
    UnicodeDecodeError into `not_utf8`.
    """
    check_file(path)
    try:
        file = path.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise unreadable(path, error) from error
    with unchanged(path), file:
        yield file


def not_utf8(
    path: Path, error: UnicodeDecodeError, place: str = "", hint: str = ""
) -> FileFormatError:
    """Return the error for a file that is not UTF-8; `place` follows its name: ", line 3"."""
    unicode = next((name for bom, name in _BOMS.items() if error.object.startswith(bom)), None)
    found = unicode or f"byte 0x{error.object[error.start]:02x}"
    # In Western Windows 0x80 to 0x9f are letters and quotation marks, in Latin-1 invisible.
    advice = f"Save it in UTF-8, or convert it, for example with: {_iconv(path, unicode)}"
    if unicode is None:
        advice = (
            "Save it in UTF-8. If it is from a Western European or American Windows, convert it "
            f"with the following, and check the accents; others need another name than "
            f"WINDOWS-1252 (CP1252): {_iconv(path, 'WINDOWS-1252')}"
        )
    return FileFormatError(
        f"{str(path)!r}{place} is not encoded in UTF-8 ({found}).", hint or advice
    )


def not_utf16(path: Path, text: str) -> FileFormatError:
    """Return the error for a file with NUL characters that begins with `text`."""
    order = {(False, True): "UTF-16LE", (True, False): "UTF-16BE"}
    found = order.get((text[:1] == "\0", text[1:2] == "\0"))
    return FileFormatError(
        f"{str(path)!r} holds NUL characters: it is not text, or not encoded in UTF-8.",
        f"Save it in UTF-8, or convert it: {_iconv(path, found)}" if found else "Save it in UTF-8.",
    )


def _iconv(path: Path, encoding: str | None) -> str:
    return f"iconv -f {encoding} -t UTF-8 {shlex.quote(str(path))} > utf8{path.suffix}"


def without_line_end(text: str) -> str:
    r"""Return the text without a line end (\n or \r\n)."""
    return text.removesuffix("\n").removesuffix("\r")


def _decoded(content: bytes, path: Path, place: str, hint: str) -> str:
    where = f"{str(path)!r}{place}"
    if len(content) > LONGEST:
        raise FileFormatError(
            f"{where} has more than {LONGEST:,} bytes.", hint or "Divide it into smaller parts."
        )
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise not_utf8(path, error, place, hint) from error
    if "\0" in text:
        raise FileFormatError(
            f"{where} holds a NUL: it is not text, or not encoded in UTF-8.",
            hint or "Remove it, or save the file in UTF-8.",
        )
    return text
