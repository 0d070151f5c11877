"""Text files of strangers, in UTF-8: line by line, or whole."""

from collections.abc import Iterator
from pathlib import Path

from invert_core.errors import FileFormatError
from invert_core.files.input_file import check_file, unreadable

LONGEST = 2**28
"""The most bytes of a line, or of a file that is one text."""

_MARK = b"\xef\xbb\xbf"


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file, counted from 1, without their ends and without a byte-order mark.

    Raises
    ------
    MissingFileError
        There is no such file.
    FileFormatError
        It cannot be read, is not UTF-8, or has a line that is too long.
    """
    check_file(path)
    try:
        file = path.open("rb")
    except OSError as error:
        raise unreadable(path, error) from error
    with file:
        for number, line in enumerate(iter(lambda: file.readline(LONGEST + 1), b""), 1):
            where = f"{str(path)!r}, line {number}"
            text = _decoded(where, line.removeprefix(_MARK) if number == 1 else line)
            yield number, without_line_end(text)


def read_whole(path: Path) -> str:
    """All of a file, without a byte-order mark.

    Raises
    ------
    MissingFileError
        There is no such file.
    FileFormatError
        It cannot be read, is not UTF-8, or is too long.
    """
    check_file(path)
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST + 1)
    except OSError as error:
        raise unreadable(path, error) from error
    return _decoded(repr(str(path)), content.removeprefix(_MARK))


def without_line_end(text: str) -> str:
    """The text without the end of its last line, of either kind."""
    return text.removesuffix("\n").removesuffix("\r")


def _decoded(where: str, content: bytes) -> str:
    if len(content) > LONGEST:
        raise FileFormatError(
            f"{where} has more than {LONGEST:,} bytes.", "Divide it into several texts."
        )
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise FileFormatError(
            f"{where} is not encoded in UTF-8 (byte 0x{content[error.start]:02x}).",
            "Save the file in UTF-8.",
        ) from error
