"""Shared by all forms of tables: the samples of their rows, and the set that they become."""

import logging
import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.concepts.sets.packing import LARGEST
from invert_core.concepts.sources.source import Reading
from invert_core.errors import DataError, FileFormatError
from invert_core.tables.cells import excerpt
from invert_core.tables.table import ID_COLUMN, Table
from invert_core.values import SAMPLE_LIMIT
from invert_core.wording import first_few

_INDEX = re.compile(r"(Unnamed: 0(\.\d+)*)?")
"""Titles of the index that pandas writes and reads."""

_WHOLE = re.compile(r"[0-9]{1,18}")

_log = logging.getLogger("invert")


def key_column(path: Path, titles: Sequence[str], reading: Reading) -> str:
    """The title of the column of sample ids: the named one, else ``sample_id``, else the first."""
    for title in (reading.id_column, ID_COLUMN):
        if title in titles:
            return str(title)
    if not titles:
        raise FileFormatError(f"{str(path)!r} has no columns.", "Check the file.")
    return titles[0]


def guessed_key(key: str, reading: Reading) -> str | None:
    """The title of the column of sample ids if nothing names it."""
    return None if key in (reading.id_column, ID_COLUMN) else key


def add_sample(
    table: Table, number: int, id: object, samples: dict[str, int], guessed: str | None = None
) -> int:
    """Add a new sample to `samples`, and return its index; `guessed` is a column of ids."""
    if not isinstance(id, str):
        raise DataError(
            f"{table.where(number)}: the sample id is {excerpt(id)}, not a string.",
            "Write sample ids as strings, or name their column with --id-column.",
        )
    if not id:
        raise DataError(f"{table.where(number)}: the sample id is empty.", "Fill it in.")
    sample = len(samples)
    if samples.setdefault(id, sample) != sample:
        column = "" if guessed is None else f", column {guessed!r}"
        other = "" if guessed is None else ", or name the column of sample ids with --id-column"
        raise DataError(
            f"{table.where(number)}{column}: the sample id {id!r} repeats.",
            f"Keep one row for each sample{other}.",
        )
    if sample >= SAMPLE_LIMIT:
        raise DataError(
            f"{table.where(number)}: there are more than {SAMPLE_LIMIT:,} samples.",
            "Give fewer samples.",
        )
    return sample


def check_rows(path: Path, samples: Collection[str]) -> None:
    """Refuse a table without rows, with a FileFormatError."""
    if not samples:
        raise FileFormatError(f"{str(path)!r} has no rows.", "Check the file.")


def is_index(title: str) -> bool:
    """Return whether a title is that of an index of pandas: none, or "Unnamed: 0"."""
    return _INDEX.fullmatch(title) is not None


def check_key(path: Path, key: str, ids: Iterable[str], reading: Reading, others: set[str]) -> None:
    """Say which column holds the sample ids if nothing names it.

    If it is an index without a title, ask for the right one if `others` may hold the ids.
    """
    if guessed_key(key, reading) is None:
        return
    if not is_index(key) or not all(map(_WHOLE.fullmatch, ids)):
        _log.info("%s: the sample ids are in the column %r.", path.name, key)
        return
    if others:
        other = sorted(others)[0]
        raise DataError(
            f"{str(path)!r}: the first column has no title of its own and holds whole numbers, as "
            "pandas writes its index.",
            "Name the column of sample ids, as in: invert concepts build TABLE --id-column "
            f"{shlex.quote(other)}; if the numbers are the ids, give: --id-column "
            f"{shlex.quote(key)}",
        )
    _log.warning(
        "%s: the first column has no title of its own; its whole numbers are the sample ids.",
        path.name,
    )


def no_label_beside_index(where: str, title: str, cell: object) -> DataError:
    """The error for a cell that is no label where an index holds the sample ids."""
    return DataError(
        f"{where}: {excerpt(cell)} is not a label, and the first column has no title of its own.",
        "If it is an index that pandas wrote, name the column of sample ids: "
        f"invert concepts build TABLE --id-column {shlex.quote(title)}",
    )


def without_index(
    path: Path, table: Table, columns: Sequence[str], index: Sequence[str]
) -> Iterator[tuple[int, Sequence[object]]]:
    """Read the rows of a whole table without the columns of `index`, which hold whole numbers."""
    if index:
        _log.warning(
            "%s: ignored the column %s, which holds whole numbers, as pandas writes its index.",
            path.name,
            first_few(index),
        )
    for number, cells in table.rows((*columns, *index), whole=True):
        n_left = len(cells) - len(index)
        for title, cell in zip(index, cells[n_left:], strict=True):
            if not _WHOLE.fullmatch(str(cell)):
                raise DataError(
                    f"{table.where(number)}: the column {title!r} has no title of its own, but "
                    f"content: {excerpt(cell)}.",
                    "Give the column a title, or remove it.",
                )
        yield number, cells[:n_left]


def check_size(title: str, n_samples: int, n_concepts: int) -> None:
    """Refuse, with a DataError, concepts that would fill the memory, such as one per sample."""
    n_bytes = n_samples * n_concepts // 8
    if n_bytes > LARGEST:
        raise DataError(
            f"The column {title!r} gives {n_concepts:,} concepts of {n_samples:,} samples, which "
            f"would take {n_bytes / 2**30:,.0f} GiB.",
            "Name a column with fewer values, or leave out concepts of single samples.",
        )


def as_concept_set(
    samples: Iterable[str],
    bits: np.ndarray,
    defined: np.ndarray | None,
    id: Sequence[str],
    name: Sequence[str] | None = None,
    definition: Sequence[str] | None = None,
) -> ConceptSet:
    """Make a set of the samples and concepts that were read."""
    sample_id = tuple(samples)
    return ConceptSet(
        bits=bits,
        n_samples=len(sample_id),
        id=tuple(id),
        name=tuple(id if name is None else name),
        definition=("",) * len(id) if definition is None else tuple(definition),
        sample_id=sample_id,
        parents=np.zeros((0, 2), np.int64),
        defined=defined,
    )
