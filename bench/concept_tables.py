"""Time and peak memory of `invert concepts build` on tables of a million rows.

    python -m bench.concept_tables FOLDER                    # all tables
    python -m bench.concept_tables FOLDER imagenet.csv

The script makes each table in FOLDER unless it exists, and builds it in a process of its own. The
data come from a seed; `imagenet` has the classes and hypernyms of ImageNet if they are at hand.
"""

import csv
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from bench import machine
from bench.peak import run_command
from bench.results import Peak
from bench.structures import N_CLASSES, hierarchy
from bench.tables import memory

N_ROWS = 1_000_000
N_IMAGENET = 1_281_167
_N_CONCEPTS = 40
_BLOCK = 10_000

Row = dict[str, object]


def imagenet(n_samples: int) -> Iterator[Row]:
    """Yield the long form: a class and all above it as one text, which other samples repeat."""
    for id, members in _imagenet(n_samples):
        yield {"sample_id": id, "concepts": " ".join(members)}


def imagenet_tidy(n_samples: int) -> Iterator[Row]:
    """Yield the tidy form of `imagenet`: about ten rows for a sample."""
    for id, members in _imagenet(n_samples):
        for member in members:
            yield {"sample_id": id, "concept_id": member}


def lists(n_samples: int) -> Iterator[Row]:
    """Yield the long form with ten of 1,473 tags, as lists if the format has lists."""
    rng = np.random.default_rng(0)
    for sample in range(n_samples):
        yield {
            "sample_id": f"s{sample:07}",
            "concepts": [f"t{k}" for k in rng.integers(0, 1473, 10)],
        }


def wide(n_samples: int) -> Iterator[Row]:
    """Yield the wide form: 40 concepts, 1 % of the labels missing."""
    titles = [f"concept{number}" for number in range(_N_CONCEPTS)]
    cells = np.array([0, 1, None], dtype=object)
    rng = np.random.default_rng(0)
    for first in range(0, n_samples, _BLOCK):
        drawn = rng.choice(3, (min(_BLOCK, n_samples - first), _N_CONCEPTS), p=[0.79, 0.2, 0.01])
        for row, labels in enumerate(cells[drawn].tolist()):
            yield {"sample_id": f"s{first + row:07}", **dict(zip(titles, labels, strict=True))}


def tidy(n_rows: int) -> Iterator[Row]:
    """Yield the tidy form with values: ten rows for a sample."""
    rng = np.random.default_rng(0)
    for sample in range(n_rows // 10):
        values = rng.integers(0, 2, 10).tolist()
        for concept, value in enumerate(values):
            yield {"sample_id": f"s{sample:07}", "concept_id": f"c{concept}", "value": value}


def columns(n_samples: int) -> Iterator[Row]:
    """Yield tags, classes and a number, for the options of `invert concepts build`."""
    rng = np.random.default_rng(0)
    for sample in range(n_samples):
        tags = " ".join(f"t{k}" for k in rng.integers(0, 200, 3))
        age = round(float(rng.gamma(2, 20)), 1)
        yield {"sample_id": f"s{sample:07}", "tags": tags, "age": age, "breed": f"b{sample % 120}"}


@dataclass(frozen=True)
class Workload:
    """A table to build: its rows, their number, and the options of the command."""

    rows: Callable[[int], Iterator[Row]]
    n_rows: int = N_ROWS
    options: tuple[str, ...] = ()


_COLUMNS = ("--tags", "tags", "--classes", "breed", "--bin", "age:10", "--threshold", "age:18")
_FORMS = {
    "lists": Workload(lists),
    "wide": Workload(wide, options=("--missing", "exclude")),
    "tidy": Workload(tidy),
    "columns": Workload(columns, options=_COLUMNS),
}
_SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
WORKLOADS = {
    "imagenet.csv": Workload(imagenet, N_IMAGENET),
    "imagenet.parquet": Workload(imagenet, N_IMAGENET),
    "imagenet_tidy.csv": Workload(imagenet_tidy, N_IMAGENET),
    **{form + suffix: workload for form, workload in _FORMS.items() for suffix in _SUFFIXES},
}


@click.command(
    help="Build concepts from large tables in FOLDER; report time and peak memory. "
    f"The tables, all by default: {', '.join(WORKLOADS)}."
)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.argument("names", metavar="[TABLE]...", type=click.Choice(list(WORKLOADS)), nargs=-1)
def main(folder: Path, names: tuple[str, ...]) -> None:
    """Make the tables, build them, print a table."""
    folder.mkdir(parents=True, exist_ok=True)
    peaks = []
    for name in names or WORKLOADS:
        path, workload = folder / name, WORKLOADS[name]
        if not path.exists():
            click.echo(f"Writing {path}", err=True)
            write(path, workload.rows(workload.n_rows))
        click.echo(f"Building {name}, {path.stat().st_size / 1e6:,.0f} MB", err=True)
        output = ("-o", folder / "built.h5", "--overwrite")
        peaks.append(
            Peak(name, *run_command("concepts", "build", path, *output, *workload.options))
        )
    click.echo("\n".join([machine.here(), "", *memory(peaks, "invert concepts build")]))


def write(path: Path, rows: Iterator[Row]) -> None:
    """Write a table in the format of its suffix; CSV and TSV join lists with blanks."""
    partial = path.with_name(path.name + ".partial")
    if path.suffix == ".parquet":
        _write_parquet(partial, rows)
    elif path.suffix == ".jsonl":
        with partial.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    else:
        first = next(rows)
        with partial.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
            table.writerow(first)
            table.writerows(map(_text, row.values()) for row in itertools.chain([first], rows))
    partial.rename(path)


def _text(cell: object) -> object:
    return " ".join(cell) if isinstance(cell, list) else cell


def _write_parquet(path: Path, rows: Iterator[Row]) -> None:
    import pyarrow
    from pyarrow import parquet

    writer = None
    while block := list(itertools.islice(rows, 100_000)):
        table = pyarrow.Table.from_pylist(block)
        writer = writer or parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _imagenet(n_samples: int) -> Iterator[tuple[str, list[str]]]:
    classes = hierarchy()
    members = [[classes.id[k] for k in np.flatnonzero(row)] for row in classes.labels]
    of_sample = np.random.default_rng(0).permutation(np.arange(n_samples) % N_CLASSES)
    for number, k in enumerate(of_sample.tolist()):
        yield f"{classes.id[k]}/{classes.id[k]}_{number}.JPEG", members[k]


if __name__ == "__main__":
    main()
