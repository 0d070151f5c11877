"""Tables of strangers by their format."""

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from invert_core.errors import FileFormatError
from invert_core.tables.csv_table import open_table
from invert_core.tables.parquet_table import open_parquet
from invert_core.tables.table import Table
from invert_core.text_lines import read_lines


def open_by_suffix(path: Path) -> AbstractContextManager[Table]:
    """Open a table whose suffix is one of `SUFFIXES`, in any case.

    Raises
    ------
    MissingFileError
        There is no such file.
    FileFormatError
        It is broken. What comes later in the file is found when it is read, in the block.
    DataError
        Two columns have one title.
    MissingDependencyError
        It is a Parquet file, and pyarrow is not installed.
    """
    return _FORMATS[path.suffix.lower()](path)


def _open_csv(path: Path) -> AbstractContextManager[Table]:
    return _open_delimited(path, ",")


def _open_tsv(path: Path) -> AbstractContextManager[Table]:
    return _open_delimited(path, "\t")


@contextlib.contextmanager
def _open_delimited(path: Path, delimiter: str) -> Iterator[Table]:
    with open_table(path, delimiter) as (titles, rows):

        def cells(chosen: Sequence[str]) -> Iterator[tuple[str, Sequence[object]]]:
            places = [titles.index(title) for title in chosen]
            for line, row in rows:
                yield f"{str(path)!r}, line {line}", [row[place] for place in places]

        yield Table(titles, cells)


@contextlib.contextmanager
def _open_jsonl(path: Path) -> Iterator[Table]:
    def cells(chosen: Sequence[str]) -> Iterator[tuple[str, Sequence[object]]]:
        for where, row in _json_objects(path):
            yield where, [row.get(title) for title in chosen]

    first = next(_json_objects(path), None)
    if first is None:
        raise FileFormatError(f"{str(path)!r} has no rows.", "Check the file.")
    yield Table(list(first[1]), cells)


def _json_objects(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in read_lines(path):
        if not line.strip():
            continue
        where = f"{str(path)!r}, line {number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise FileFormatError(
                f"{where} is not JSON ({error}).", "Write one object per line."
            ) from error
        if not isinstance(row, dict):
            raise FileFormatError(f"{where} is not a JSON object.", "Write one object per line.")
        yield where, row


_FORMATS: dict[str, Callable[[Path], AbstractContextManager[Table]]] = {
    ".csv": _open_csv,
    ".tsv": _open_tsv,
    ".jsonl": _open_jsonl,
    ".ndjson": _open_jsonl,
    ".parquet": open_parquet,
}
SUFFIXES = tuple(_FORMATS)
