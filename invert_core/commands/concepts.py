"""``invert concepts build`` and ``invert concepts show``."""

from pathlib import Path

import click

from invert_core.commands import options
from invert_core.commands.console import print_rows, say

COLUMNS = ("id", "name", "n_positive", "fraction", "parents", "definition")


@click.group()
def concepts() -> None:
    """Build and look at concept files."""


@options.command(
    epilog="Example: invert concepts build labels.csv --names names.csv -o concepts.h5"
)
@click.argument("sources", nargs=-1, required=True, type=options.PATH, metavar="SOURCE...")
@options.names_option
@options.hdf5_option("Concept file to write.")
@options.overwrite_option
def build(
    sources: tuple[Path, ...],
    names: Path | None,
    output: Path,
    overwrite: bool,
) -> None:
    """Put the concepts of one or more sources of the same samples into one file.

    A SOURCE is a .csv table (wide: sample id and one column of 0/1 per concept), a .csv, .tsv,
    .jsonl or .parquet table with a column 'concepts' of ids separated by blanks, .npz or .h5.
    """
    from invert_core.atomic import check_target
    from invert_core.concepts import build_concepts, write_concepts

    check_target(output, overwrite=overwrite)
    built = build_concepts(sources, names)
    write_concepts(output, built, overwrite=overwrite)
    n_empty = int(sum((built.n_positive == 0) | (built.n_positive == built.n_samples)))
    say(
        f"{len(built.id):,} concepts of {built.n_samples:,} samples in {str(output)!r}, "
        f"{n_empty:,} of them true nowhere or everywhere."
    )


@options.command(epilog="Example: invert concepts show concepts.h5 --format csv")
@click.argument("source", type=options.PATH)
@options.names_option
@options.format_option
def show(source: Path, names: Path | None, style: str) -> None:
    """List the concepts of a file with their sizes, parents and definitions."""
    from invert_core.concepts import read_concepts

    found = read_concepts(source, names)
    parents: list[list[str]] = [[] for _ in found.id]
    for child, parent in found.parents.tolist():
        parents[child].append(found.id[parent])
    rows = [
        {
            "id": id,
            "name": name,
            "n_positive": n_positive,
            "fraction": fraction,
            "parents": " ".join(of_concept),
            "definition": definition,
        }
        for id, name, n_positive, fraction, of_concept, definition in zip(
            found.id,
            found.name,
            found.n_positive.tolist(),
            found.fraction.tolist(),
            parents,
            found.definition,
            strict=True,
        )
    ]
    print_rows(rows, COLUMNS, style)


concepts.add_command(build, "build")
concepts.add_command(show, "show")
