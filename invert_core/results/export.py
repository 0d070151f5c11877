"""Labels as files for other programs."""

from os import PathLike
from pathlib import Path
from typing import Any

from invert_core.errors import SettingError
from invert_core.files.atomic import check_target, new_file
from invert_core.results.columns import Label, columns
from invert_core.results.labels import COLUMNS, Labels
from invert_core.wording import choice, missing_extra

KINDS = ("csv", "jsonl", "parquet")


def to_text(labels: Labels, kind: str) -> str:
    """All rows as text of a kind, "csv" or "jsonl".

    Raises
    ------
    SettingError
        The kind is not text.
    """
    if kind == "csv":
        return labels.to_csv()
    if kind == "jsonl":
        return labels.to_jsonl()
    raise SettingError(
        f"Labels as {kind} are no text to print.", f"Name a file with: -o labels.{kind}"
    )


def export_labels(
    labels: Labels, path: str | PathLike[str], kind: str | None = None, *, overwrite: bool = False
) -> None:
    """Write all rows to one file.

    Parameters
    ----------
    labels : Labels
    path : Path
    kind : {"csv", "jsonl", "parquet"}, optional
        None takes the suffix of `path`. Parquet has the columns of labels.csv and needs the extra
        ``parquet``.
    overwrite : bool
        Replace the file if it exists.

    Raises
    ------
    SettingError
        The suffix says nothing about the kind.
    MissingDependencyError
        pyarrow is not installed.
    """
    path = Path(path)
    if kind is None:
        kind = path.suffix.lstrip(".").lower()
        if kind not in KINDS:
            raise SettingError(
                f"The suffix of {str(path)!r} is none of {', '.join(KINDS)}.",
                "Say which with --format.",
            )
    elif kind not in KINDS:
        raise choice("format", kind, KINDS)
    check_target(path, overwrite=overwrite)
    if kind == "parquet":
        _write_parquet(labels, path, overwrite)
        return
    text = to_text(labels, kind)
    with new_file(path, overwrite=overwrite) as partial:
        partial.write_text(text, encoding="utf-8", newline="")


def _write_parquet(labels: Labels, path: Path, overwrite: bool) -> None:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise missing_extra("Writing Parquet", "parquet", error) from error
    kinds: dict[Any, Any] = {
        str: pyarrow.string(),
        int: pyarrow.int64(),
        float: pyarrow.float64(),
        float | None: pyarrow.float64(),
    }
    found = columns(Label)
    schema = pyarrow.schema([(name, kinds[found[name].type]) for name in COLUMNS])
    rows = pyarrow.Table.from_pylist([row.row() for row in labels], schema=schema)
    with new_file(path, overwrite=overwrite) as partial:
        parquet.write_table(rows, partial)
