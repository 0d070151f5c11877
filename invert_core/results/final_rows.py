"""The final labels.jsonl and labels.csv: the rows of an unfinished run, with their q-values.

A q-value needs all rows of a layer, so it is put into the text of the rows, which is not parsed.
"""

import hashlib
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from invert_core.results.columns import Label
from invert_core.results.unfinished_record import FILES, Saved

_KEY = b'"q_value": '
_BEHIND = len(Label.ORDER) - Label.ORDER.index("q_value")
"""The number of columns from q_value to the last one. They hold numbers or certain words, so they
need no quotes."""
_ROWS_AT_ONCE = 1024


def write_final(folder: Path, saved: Mapping[str, Saved], q_values: np.ndarray) -> dict[str, Saved]:
    """Write labels.jsonl and labels.csv beside the rows of an unfinished run.

    Parameters
    ----------
    folder : Path
        The folder of the unfinished run.
    saved : mapping of str to Saved
        The saved part of each of `FILES`, of which the evidence is not used.
    q_values : float64 [R]
        The q-value of each row, or NaN for rows without one.

    Returns
    -------
    mapping of str to Saved
        What was written to each file, keyed by name.
    """
    lines, table = (saved[name].lines_of(folder / name) for name in FILES[:2])
    return {
        "labels.jsonl": _written(_jsonl(lines, q_values), folder / "labels.jsonl"),
        "labels.csv": _written(_csv(table, q_values), folder / "labels.csv"),
    }


def _jsonl(lines: Iterator[bytes], q_values: np.ndarray) -> Iterator[bytes]:
    for line, q_value in zip(lines, _texts(q_values), strict=True):
        # A quote in a string has a backslash before it, so the first match is the key of the row.
        yield line.replace(_KEY + b"null", _KEY + q_value, 1) if q_value else line


def _csv(lines: Iterator[bytes], q_values: np.ndarray) -> Iterator[bytes]:
    yield next(lines)
    for row, q_value in zip(_csv_rows(lines), _texts(q_values), strict=True):
        if q_value:
            before, _, *behind = row.rsplit(b",", _BEHIND)
            row = b",".join((before, q_value, *behind))
        yield row


def _csv_rows(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Join the lines of each row; while the number of quotes is odd, a cell is not at its end."""
    for row in lines:
        while row.count(b'"') % 2:
            row += next(lines)
        yield row


def _texts(q_values: np.ndarray) -> Iterator[bytes]:
    for value in q_values.tolist():
        yield b"" if value != value else repr(value).encode()


def _written(rows: Iterator[bytes], path: Path) -> Saved:
    n_bytes, digest = 0, hashlib.sha256()
    with path.open("wb") as file:
        while block := b"".join(itertools.islice(rows, _ROWS_AT_ONCE)):
            file.write(block)
            digest.update(block)
            n_bytes += len(block)
    return Saved(n_bytes, digest.hexdigest())
