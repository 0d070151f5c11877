"""Untrusted CSV files in UTF-8: a header, and rows of the same length."""

import contextlib
import csv
import itertools
import logging
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from invert_core.errors import DataError, FileFormatError
from invert_core.files.text_files import not_utf8, not_utf16, open_text
from invert_core.tables.cells import looks_like_mark
from invert_core.tables.table import ID_COLUMN
from invert_core.wording import counted

_LONGEST = 2**28
"""The most characters of a line, or of a cell of several lines."""


_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_SEPARATOR_LINE = re.compile(r'"?sep=([;,\t])"?\s*')
"""The line that Excel writes and reads above the header."""

SEPARATOR_HINT = (
    "If the columns are separated by semicolons, write the line sep=; above the titles."
)

_INVISIBLE = re.compile(r"[\x80-\x9f]")

_log = logging.getLogger("invert")


@contextlib.contextmanager
def open_table(
    path: Path, delimiter: str = ","
) -> Iterator[tuple[list[str], Iterator[tuple[int, list[str]]]]]:
    """Open a CSV file; yield its header and its rows, each with the number of its line.

    If the first line has no delimiter, but semicolons, commas or tabs, and the second line has as
    many of them, they separate the columns, and a warning says so. If two or more semicolons or
    tabs outnumber the commas of line 1, that is a FileFormatError. Empty columns without a title
    behind all others, and empty rows below all others, are left out, and a log message counts them.
    """
    # `read_lines` would drop the line ends inside cells in quotation marks.
    with open_text(path) as file:
        csv.field_size_limit(_LONGEST)
        lines = _lines(path, file)
        try:
            first = list(itertools.islice(lines, 2))
        except UnicodeDecodeError as error:
            raise not_utf8(path, error, ", in or after line 1,") from error
        told = _SEPARATOR_LINE.fullmatch(first[0]) if first else None
        used = told[1] if told else _delimiter(path, first, delimiter)
        reader = csv.reader(itertools.chain(first, lines), delimiter=used, strict=True)
        try:
            header = next(reader, [])
            if told:
                header = next(reader, [])
            width = len(header)
            while header and not header[-1].strip():
                header.pop()
            _check_header(path, header)
            warn = used != delimiter and not told
            yield header, _checked_rows(path, (len(header), width), reader, used if warn else "")
        except csv.Error as error:
            raise FileFormatError(
                f"{str(path)!r}, line {reader.line_num}: {error}.",
                "Check the quotation marks and the length of the cells there.",
            ) from error
        except UnicodeDecodeError as error:
            place = f", in or after line {reader.line_num + 1},"
            raise not_utf8(path, error, place) from error


def _delimiter(path: Path, first: Sequence[str], usual: str) -> str:
    """The separator of a table with these first two lines."""
    # What stands in quotation marks separates nothing.
    bare = [re.sub(r'"[^"]*"?', "", line) for line in first]
    if not bare:
        return usual
    if usual in bare[0]:
        for rival in ";\t" if usual == "," else "":
            if _outnumbers(rival, usual, bare):
                raise _in_doubt(path, rival, usual)
        return usual
    others = [each for each in _SEPARATORS if each in bare[0]]
    same = all(line.count(each) == bare[0].count(each) for line in bare for each in others)
    return others[0] if len(others) == 1 and same else usual


def _outnumbers(rival: str, usual: str, bare: Sequence[str]) -> bool:
    """Whether a separator is in both lines at least twice, equally often, and the usual less."""
    n_titles = bare[0].count(rival)
    return len(bare) == 2 and n_titles == bare[1].count(rival) > max(1, bare[0].count(usual))


def _in_doubt(path: Path, rival: str, usual: str) -> FileFormatError:
    how = {
        ";": "If semicolons do, write the line sep=; above the titles",
        "\t": "If tabs do, end the name of the file in .tsv",
    }
    return FileFormatError(
        f"{str(path)!r} has more {_SEPARATORS[rival]} than {_SEPARATORS[usual]} in line 1, and as "
        "many of them in line 2, so it is in doubt which separate the columns.",
        f"{how[rival]}; if {_SEPARATORS[usual]} do, write the line sep={usual} above the titles.",
    )


def _lines(path: Path, file: TextIO) -> Iterator[str]:
    for number, line in enumerate(iter(lambda: file.readline(_LONGEST + 1), ""), 1):
        if len(line) > _LONGEST:
            raise FileFormatError(
                f"{str(path)!r}, line {number} has more than {_LONGEST:,} characters.",
                "Give a table with a row on each line.",
            )
        yield line


def _check_header(path: Path, header: list[str]) -> None:
    if any("\0" in title for title in header):
        raise not_utf16(path, header[0])
    if not any(header):
        raise FileFormatError(
            f"{str(path)!r} has no header in its first line.",
            "Put the titles of all columns in the first line.",
        )
    labels = len(header) > 1 and all(map(looks_like_mark, header[1:]))
    if labels and header[0] not in ("", ID_COLUMN):
        raise FileFormatError(
            f"{str(path)!r} has no header: its first line holds labels.",
            "Put the titles of all columns, such as concept ids, in the first line; if the titles "
            f"are concept ids, call the first column {ID_COLUMN}.",
        )
    for place, title in enumerate(header):
        if (place and not title) or title != title.strip():
            raise FileFormatError(
                f"{str(path)!r}: the title of column {place + 1} is {title!r}.",
                "Give every column a title without blanks around it."
                + (f" {SEPARATOR_HINT}" if ";" in title or "\t" in title else ""),
            )
        if _INVISIBLE.search(title):
            raise FileFormatError(
                f"{str(path)!r}: the title {title!r} holds an invisible character, as where a file "
                "in WINDOWS-1252 is converted as if it were in LATIN1.",
                "Convert the original again, or remove the character.",
            )
    repeated = [title for title, count in Counter(header).items() if count > 1]
    if repeated:
        raise DataError(
            f"{str(path)!r} has several columns {repeated[0]!r}.", "Give each its own title."
        )


def _checked_rows(
    path: Path, widths: tuple[int, int], reader: Any, guessed: str
) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells under titles of each row; `guessed` is a separator to warn about."""
    if guessed:
        _log.warning(
            "%s: read with %s between the columns, as in its first line.",
            path.name,
            _SEPARATORS[guessed],
        )
    n_titles, width = widths
    widest = width
    empty = True
    blank = array("q")
    for row in reader:
        if not row:
            continue
        if len(row) != width or width > n_titles:
            widest = max(widest, len(row))
            row = _titled(f"{str(path)!r}, line {reader.line_num}", row, n_titles, width)
        if width > 1 and not any(row):
            blank.append(reader.line_num)
            continue
        for line in blank:
            yield line, [""] * n_titles
        del blank[:]
        empty = False
        yield reader.line_num, row
    if empty:
        raise FileFormatError(f"{str(path)!r} has no rows below its header.", "Check the file.")
    _log_empty(path, widest - n_titles, blank)


def _titled(where: str, row: list[str], n_titles: int, width: int) -> list[str]:
    """Return the cells under titles; the others must be empty."""
    if len(row) < n_titles or any(cell.strip() for cell in row[width:]):
        raise FileFormatError(
            f"{where}: {len(row)} cells under a header of {n_titles}.",
            "Give every row a cell for each column; a cell with commas needs quotation marks. "
            + SEPARATOR_HINT,
        )
    for place in range(n_titles, min(width, len(row))):
        if row[place].strip():
            raise FileFormatError(
                f"{where}: column {place + 1} has content, but no title.",
                "Give the column a title in the first line, or empty it.",
            )
    return row[:n_titles]


def _log_empty(path: Path, n_columns: int, rows: Sequence[int]) -> None:
    parts = [counted(n_columns, "empty column")] if n_columns else []
    if rows:
        last = f" to {rows[-1]}" if len(rows) > 1 else ""
        parts.append(f"{counted(len(rows), 'empty row')} (line {rows[0]}{last})")
    if parts:
        _log.info("%s: left out %s at the end.", path.name, " and ".join(parts))
