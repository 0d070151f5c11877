"""Reads concepts from tables with one column per concept."""

from pathlib import Path

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.concepts.sets.missing import Missing
from invert_core.concepts.sources.source import Reading
from invert_core.concepts.sources.tables.rows import (
    add_sample,
    as_concept_set,
    check_key,
    check_rows,
    guessed_key,
    is_index,
    no_label_beside_index,
    without_index,
)
from invert_core.errors import DataError, FileFormatError
from invert_core.kernels.bits import pack_columns
from invert_core.tables.cells import (
    LABELS,
    CellMarks,
    OneKind,
    as_mark,
    excerpt,
    sentinel_mark,
    sentinels_in,
)
from invert_core.tables.csv_table import SEPARATOR_HINT
from invert_core.tables.table import Table
from invert_core.values import UNDEFINED

FORMS = (
    "A wide table has labels in every column except the column of sample ids; a long one has a "
    "column 'concepts' of ids separated by blanks; a tidy one has the columns sample_id and "
    "concept_id. From other tables, such as spreadsheets, 'invert concepts build' takes the "
    "columns that --classes, --marks, --tags, --bin and --threshold name, and sample ids from "
    "--id-column."
)

_CELLS = 2**25
"""The approximate number of marks to pack at once, in whole words of 64 rows."""


def read_wide(path: Path, table: Table, key: str, reading: Reading, missing: Missing) -> ConceptSet:
    """Read a table in wide form: every column but `key` is a concept with its title as the id.

    Cells are 0, 1 or one pair of words per column; -1 and blank cells are not defined.
    """
    index = [title for title in table.titles if title != key and is_index(title)]
    ids = [title for title in table.titles if title != key and title not in index]
    if not ids:
        raise FileFormatError(
            f"{str(path)!r} has one column only.",
            f"Separate columns of CSV by commas, of TSV by tabs. {SEPARATOR_HINT} {FORMS}",
        )
    n_rows = max(1, _CELLS // len(ids) // 64) * 64
    samples: dict[str, int] = {}
    guessed = guessed_key(key, reading)
    code_of = CellMarks(missing.mark).__getitem__
    one_kind = OneKind(ids)
    rows = bytearray()
    blocks = []
    if index:
        rows_found = without_index(path, table, (key, *ids), index)
    else:
        rows_found = table.rows((key, *ids), whole=True)
    for number, (id, *cells) in rows_found:
        add_sample(table, number, id, samples, guessed)
        try:
            rows += bytes(map(code_of, cells))
        except (ValueError, TypeError):
            raise _no_label(table.where(number), key, ids, cells, missing) from None
        if len(samples) % n_rows == 0:
            blocks.append(_packed(rows, one_kind, missing))
            rows = bytearray()
    check_rows(path, samples)
    check_key(path, key, samples, reading, set())
    if rows:
        blocks.append(_packed(rows, one_kind, missing))
    bits, defined = (np.concatenate(parts, axis=1) for parts in zip(*blocks, strict=True))
    return as_concept_set(samples, bits, defined, ids)


def _packed(rows: bytearray, one_kind: OneKind, missing: Missing) -> tuple[np.ndarray, np.ndarray]:
    codes = np.frombuffer(rows, np.uint8).reshape(-1, one_kind.n_columns)
    marks = one_kind.marks(codes)
    missing.count_cells(sentinels_in(codes))
    return pack_columns(marks == 1), pack_columns(marks != UNDEFINED)


def _no_label(
    where: str, key: str, ids: list[str], cells: list[object], missing: Missing
) -> DataError:
    kinds = [sentinel_mark(cell) for cell in cells]
    wrong = next(
        place
        for place, (cell, kind) in enumerate(zip(cells, kinds, strict=True))
        if as_mark(cell) is None or (kind is not None and missing.mark(kind) is None)
    )
    kind = kinds[wrong]
    if kind is not None:
        return missing.refusal(f"{where}, column {ids[wrong]!r}", kind)
    if is_index(key):
        return no_label_beside_index(f"{where}, column {ids[wrong]!r}", ids[wrong], cells[wrong])
    return DataError(
        f"{where}, column {ids[wrong]!r}: {excerpt(cells[wrong])} is not a label.",
        f"{LABELS}; blank and -1 mean that nobody knows. {FORMS}",
    )
