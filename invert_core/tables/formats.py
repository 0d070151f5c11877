"""Opens untrusted tables of any known format."""

import contextlib
import json
import operator
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from invert_core.errors import FileFormatError
from invert_core.files.text_files import read_lines
from invert_core.files.unchanged import unchanged
from invert_core.tables.csv_table import open_table
from invert_core.tables.parquet_table import open_parquet
from invert_core.tables.table import Table


def open_by_suffix(path: Path) -> AbstractContextManager[Table]:
    """Open a table whose suffix is one of `SUFFIXES`, in any case.

    Errors in the rows are raised later, inside the block, when the rows are read.
    """
    return _FORMATS[path.suffix.lower()](path)


def _open_csv(path: Path) -> AbstractContextManager[Table]:
    return _open_delimited(path, ",")


def _open_tsv(path: Path) -> AbstractContextManager[Table]:
    return _open_delimited(path, "\t")


@contextlib.contextmanager
def _open_delimited(path: Path, delimiter: str) -> Iterator[Table]:
    with open_table(path, delimiter) as (titles, lines):

        def rows(
            chosen: Sequence[str], *, whole: bool = False
        ) -> Iterator[tuple[int, Sequence[object]]]:
            place_of = {title: place for place, title in enumerate(titles)}
            places = [place_of[title] for title in chosen]
            if places == list(range(len(titles))):
                return lines
            if len(places) == 1:
                return ((line, [row[places[0]]]) for line, row in lines)
            pick = operator.itemgetter(*places)
            return ((line, pick(row)) for line, row in lines)

        yield Table(titles, rows, _by_line(path))


@contextlib.contextmanager
def _open_jsonl(path: Path) -> Iterator[Table]:
    first = next(_json_objects(path), None)
    if first is None:
        raise FileFormatError(f"{str(path)!r} has no rows.", "Check the file.")
    titles = list(first[1])

    def rows(
        chosen: Sequence[str], *, whole: bool = False
    ) -> Iterator[tuple[int, Sequence[object]]]:
        for line, row in _json_objects(path):
            if whole and not row.keys() <= first[1].keys():
                more = next(key for key in row if key not in first[1])
                raise FileFormatError(
                    f"{where(line)} has a key {more!r}, which is not in the first line.",
                    "Write every key in the first line, with null where nothing is known.",
                )
            yield line, [row.get(title) for title in chosen]

    where = _by_line(path)
    with unchanged(path):  # which is opened once more for the rows
        yield Table(titles, rows, where)


def _json_objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    decode = json.JSONDecoder(object_pairs_hook=_object).decode
    for number, line in read_lines(path):
        if not line.strip():
            continue
        where = f"{str(path)!r}, line {number}"
        try:
            row = decode(line)
        except (ValueError, RecursionError) as error:
            raise FileFormatError(
                f"{where} is not JSON ({_reason(error)}).", "Write one object per line."
            ) from error
        if not isinstance(row, dict):
            raise FileFormatError(f"{where} is not a JSON object.", "Write one object per line.")
        yield number, row


def _reason(error: Exception) -> str:
    """The reason without Python's advice on its own limits."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return "a number has too many digits" if "int_max_str_digits" in str(error) else str(error)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        repeated = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {repeated!r} repeats")
    return row


def _by_line(path: Path) -> Callable[[int], str]:
    return lambda line: f"{str(path)!r}, line {line}"


_FORMATS: dict[str, Callable[[Path], AbstractContextManager[Table]]] = {
    ".csv": _open_csv,
    ".tsv": _open_tsv,
    ".jsonl": _open_jsonl,
    ".ndjson": _open_jsonl,
    ".parquet": open_parquet,
}
SUFFIXES = tuple(_FORMATS)
