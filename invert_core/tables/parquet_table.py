"""Untrusted Parquet files."""

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from invert_core.errors import DataError, FileFormatError, InvertError
from invert_core.files.input_file import check_file
from invert_core.files.unchanged import unchanged
from invert_core.parallel import memory_bytes
from invert_core.tables.table import Table
from invert_core.wording import first_line, missing_extra

_ROWS = 1024


@contextlib.contextmanager
def open_parquet(path: Path) -> Iterator[Table]:
    """Open a Parquet file; only the chosen columns are read."""
    check_file(path)
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise missing_extra(f"Reading {str(path)!r}", "parquet", error) from error
    with unchanged(path), contextlib.ExitStack() as stack:
        with _format_errors(path):
            file = stack.enter_context(parquet.ParquetFile(path))
        _refuse_too_large(path, file.metadata)

        def rows(
            chosen: Sequence[str], *, whole: bool = False
        ) -> Iterator[tuple[int, Sequence[object]]]:
            return _rows(path, file, chosen)

        yield Table(file.schema_arrow.names, rows, lambda row: f"{str(path)!r}, row {row}")


def _refuse_too_large(path: Path, metadata: Any) -> None:
    """Refuse a group of rows that by its own account does not fit into memory."""
    most = memory_bytes()
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    sizes = (
        sum(group.column(place).total_uncompressed_size for place in range(group.num_columns))
        for group in groups
    )
    largest = max(sizes, default=0)
    if most is not None and largest > most:
        raise FileFormatError(
            f"{str(path)!r} has a group of rows of {largest:,} bytes, and this machine has "
            f"{most:,} bytes of memory.",
            "Write it again with smaller row groups.",
        )


@contextlib.contextmanager
def _format_errors(path: Path) -> Iterator[None]:
    import pyarrow

    try:
        yield
    except InvertError:
        raise
    except (pyarrow.ArrowException, OSError, ValueError, MemoryError) as error:
        raise FileFormatError(
            f"{str(path)!r} is not a whole Parquet file ({first_line(error)}).",
            "It may be cut off or of another kind; make it again.",
        ) from error


def _rows(path: Path, file: Any, chosen: Sequence[str]) -> Iterator[tuple[int, Sequence[object]]]:
    _check_columns(path, file.schema_arrow, chosen)
    row = 0
    with _format_errors(path):
        for batch in file.iter_batches(batch_size=_ROWS, columns=list(dict.fromkeys(chosen))):
            columns = [batch.column(title).to_pylist() for title in chosen]
            for cells in zip(*columns, strict=True):
                yield row, cells
                row += 1


def _check_columns(path: Path, schema: Any, chosen: Sequence[str]) -> None:
    count_of = Counter(schema.names)
    kind_of = dict(zip(schema.names, schema.types, strict=True))
    for title in chosen:
        if count_of[title] > 1:
            raise DataError(
                f"{str(path)!r} has several columns {title!r}.", "Give each its own title."
            )
        if not _is_read(kind_of[title]):
            raise DataError(
                f"{str(path)!r}: the column {title!r} has type {kind_of[title]}, which cannot be "
                "read.",
                "Store strings, numbers, true and false, or lists of strings, or name another "
                "column.",
            )


def _is_read(kind: Any) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    value = kind.value_type if types.is_list(kind) or types.is_large_list(kind) else kind
    return any(
        test(value)
        for test in (
            types.is_string,
            types.is_large_string,
            types.is_boolean,
            types.is_integer,
            types.is_floating,
            types.is_null,
        )
    )
