"""Writing labels to files for other programs."""

from os import PathLike
from pathlib import Path
from typing import Any

from invert_core.errors import SettingError
from invert_core.files.atomic import new_file
from invert_core.files.outputs import Refuse, check_target, not_replaced
from invert_core.results.column_fields import OPTIONAL_TYPES, columns
from invert_core.results.columns import Label
from invert_core.results.labels import COLUMNS, Labels
from invert_core.wording import choice, missing_extra

KINDS = ("csv", "jsonl", "parquet")


def to_text(labels: Labels, kind: str) -> str:
    """Return all rows as text of a kind, "csv" or "jsonl"."""
    if kind == "csv":
        return labels.to_csv()
    if kind == "jsonl":
        return labels.to_jsonl()
    raise SettingError(
        f"Labels cannot be printed as {kind}, which is not text.",
        f"Name a file with: -o labels.{kind}",
    )


def export_labels(
    labels: Labels, path: str | PathLike[str], kind: str | None = None, *, overwrite: bool = False
) -> None:
    """Write all rows to one file.

    Parameters
    ----------
    labels : Labels
    path : path
        The file to write.
    kind : {"csv", "jsonl", "parquet"}, optional
        The format; None takes it from the suffix of `path`. Parquet has the columns of labels.csv
        and needs the extra ``parquet``.
    overwrite : bool
        Replace the file if it exists and its name ends as the format does.

    Raises
    ------
    SettingError
        `kind`, or without it the suffix, is not one of the formats.
    MissingFileError, ExistingOutputError
        The folder of `path` does not exist, or `path` exists and `overwrite` is false.
    MissingDependencyError
        pyarrow is not installed.
    StorageError
        The file cannot be written.
    """
    if not isinstance(labels, Labels):
        raise TypeError(f"labels are Labels, not {type(labels).__name__}")
    path = Path(path)
    if kind is None:
        kind = path.suffix.lstrip(".").lower()
        if kind not in KINDS:
            raise SettingError(
                f"The suffix of {str(path)!r} is none of {', '.join(KINDS)}.",
                "Choose a format with --format.",
            )
    elif kind not in KINDS:
        raise choice("format", kind, KINDS)
    check_target(path, overwrite=overwrite, refuse=_other_suffix(kind))
    if kind == "parquet":
        _write_parquet(labels, path, overwrite)
        return
    text = to_text(labels, kind)
    with new_file(path, overwrite=overwrite, refuse=_other_suffix(kind)) as partial:
        partial.write_text(text, encoding="utf-8", newline="")


def _other_suffix(kind: str) -> Refuse:
    """Refuse to replace a file whose name says that it is of another kind."""

    def refuse(path: Path) -> None:
        if path.suffix.lower() != f".{kind}":
            raise not_replaced(path, f"does not end in .{kind}")

    return refuse


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
    }
    kinds |= {optional: kinds[of] for optional, of in OPTIONAL_TYPES.items()}
    found = columns(Label)
    schema = pyarrow.schema([(name, kinds[found[name].type]) for name in COLUMNS])
    rows = pyarrow.Table.from_pylist([row.row() for row in labels], schema=schema)
    with new_file(path, overwrite=overwrite, refuse=_other_suffix("parquet")) as partial:
        parquet.write_table(rows, partial)
