"""Reads concepts from tables with one column per concept."""

from pathlib import Path

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.concepts.sets.missing import Missing
from invert_core.concepts.sources.tables.rows import add_sample, as_concept_set, check_rows
from invert_core.errors import DataError, FileFormatError
from invert_core.kernels.bits import pack_columns
from invert_core.tables.cells import UNDEFINED, CellMarks, as_mark, excerpt, sentinel
from invert_core.tables.table import Table

FORMS = (
    "A wide table has labels in every column except the column of sample ids; a long one has a "
    "column 'concepts' of ids separated by blanks; a tidy one has the columns sample_id and "
    "concept_id. From other tables, such as spreadsheets, 'invert concepts build' takes the "
    "columns that --classes, --tags, --bin and --threshold name, and sample ids from --id-column."
)

_CELLS = 2**25
"""The approximate number of marks to pack at once, in whole words of 64 rows."""


def read_wide(path: Path, table: Table, key: str, missing: Missing) -> ConceptSet:
    """Read a table in wide form: every column but `key` is a concept with its title as the id.

    Cells are 0, 1, true or false; -1 and blank cells are not defined.
    """
    ids = [title for title in table.titles if title != key]
    if not ids:
        raise FileFormatError(
            f"{str(path)!r} has one column only.",
            f"Separate columns of CSV by commas, of TSV by tabs. {FORMS}",
        )
    n_rows = max(1, _CELLS // len(ids) // 64) * 64
    samples: dict[str, int] = {}
    mark_of = CellMarks(missing.mark).__getitem__
    rows = bytearray()
    blocks = []
    for number, (id, *cells) in table.rows((key, *ids), whole=True):
        add_sample(table, number, id, samples)
        try:
            rows += bytes(map(mark_of, cells))
        except (ValueError, TypeError):
            raise _no_label(table.where(number), ids, cells, missing) from None
        if len(samples) % n_rows == 0:
            blocks.append(_packed(rows, len(ids)))
            rows = bytearray()
    check_rows(path, samples)
    if rows:
        blocks.append(_packed(rows, len(ids)))
    bits, defined = (np.concatenate(parts, axis=1) for parts in zip(*blocks, strict=True))
    return as_concept_set(samples, bits, defined, ids)


def _packed(rows: bytearray, n_concepts: int) -> tuple[np.ndarray, np.ndarray]:
    marks = np.frombuffer(rows, np.uint8).reshape(-1, n_concepts)
    return pack_columns(marks == 1), pack_columns(marks != UNDEFINED)


def _no_label(where: str, ids: list[str], cells: list[object], missing: Missing) -> DataError:
    kinds = [sentinel(cell) for cell in cells]
    wrong = next(
        place
        for place, (cell, kind) in enumerate(zip(cells, kinds, strict=True))
        if as_mark(cell) is None or (kind is not None and missing.mark(kind) is None)
    )
    kind = kinds[wrong]
    if kind is not None:
        return missing.refusal(f"{where}, column {ids[wrong]!r}", kind)
    return DataError(
        f"{where}, column {ids[wrong]!r}: {excerpt(cells[wrong])} is not a label.",
        f"Labels are 0, 1, true and false; blank and -1 mean that nobody knows. {FORMS}",
    )
