"""Untrusted CSV files in UTF-8: a header, and rows of the same length."""

import contextlib
import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from invert_core.errors import DataError, FileFormatError
from invert_core.files.text_files import not_utf8, open_text
from invert_core.tables.cells import MARKS
from invert_core.tables.table import ID_COLUMN

_LONGEST = 2**28
"""The most characters of a line, or of a cell of several lines."""


@contextlib.contextmanager
def open_table(
    path: Path, delimiter: str = ","
) -> Iterator[tuple[list[str], Iterator[tuple[int, list[str]]]]]:
    """Open a CSV file; yield its header and its rows, each with the number of its line."""
    # `read_lines` would drop the line ends inside cells in quotation marks.
    with open_text(path) as file:
        csv.field_size_limit(_LONGEST)
        reader = csv.reader(_lines(path, file), delimiter=delimiter, strict=True)
        try:
            header = next(reader, [])
            _check_header(path, header)
            yield header, _checked_rows(path, len(header), reader)
        except csv.Error as error:
            raise FileFormatError(
                f"{str(path)!r}, line {reader.line_num}: {error}.",
                "Check the quotation marks and the length of the cells there.",
            ) from error
        except UnicodeDecodeError as error:
            place = f", in or after line {reader.line_num + 1},"
            raise not_utf8(path, error, place) from error


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
        raise FileFormatError(
            f"{str(path)!r} holds NUL characters: it is not text, or not encoded in UTF-8.",
            "Save it in UTF-8.",
        )
    if not any(header):
        raise FileFormatError(
            f"{str(path)!r} has no header in its first line.",
            "Put the titles of all columns in the first line.",
        )
    labels = len(header) > 1 and all(title.lower() in MARKS for title in header[1:])
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
                "Give every column a title without blanks around it.",
            )
    repeated = [title for title, count in Counter(header).items() if count > 1]
    if repeated:
        raise DataError(
            f"{str(path)!r} has several columns {repeated[0]!r}.", "Give each its own title."
        )


def _checked_rows(path: Path, width: int, reader: Any) -> Iterator[tuple[int, list[str]]]:
    empty = True
    for row in reader:
        if not row:
            continue
        if len(row) != width:
            raise FileFormatError(
                f"{str(path)!r}, line {reader.line_num}: {len(row)} cells under a header of "
                f"{width}.",
                "Give every row a cell for each column; a cell with commas needs quotation marks.",
            )
        empty = False
        yield reader.line_num, row
    if empty:
        raise FileFormatError(f"{str(path)!r} has no rows below its header.", "Check the file.")
