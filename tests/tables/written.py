"""Tables of any format, written by the packages that are usual for it."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from tests.needs import need

pyarrow = need("pyarrow")
parquet = need("pyarrow.parquet")

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")


def saved(folder: Path, content: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def write(folder: Path, suffix: str, titles: Sequence[str], rows: Sequence[Sequence]) -> Path:
    """Write rows of cells; where a format has no None and no lists, blanks stand for them."""
    path = folder / f"table{suffix}"
    if suffix == ".parquet":
        columns = {title: [row[place] for row in rows] for place, title in enumerate(titles)}
        parquet.write_table(pyarrow.table(columns), path)
    elif suffix in (".jsonl", ".ndjson"):
        lines = (json.dumps(dict(zip(titles, row, strict=True))) + "\n" for row in rows)
        path.write_text("".join(lines), "utf-8")
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, delimiter="\t" if suffix == ".tsv" else ",")
            table.writerow(titles)
            table.writerows(
                [" ".join(c) if isinstance(c, list) else c for c in row] for row in rows
            )
    return path
