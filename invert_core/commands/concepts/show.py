"""``invert concepts show``."""

from pathlib import Path

import click

from invert_core.commands import options
from invert_core.commands.console import print_rows

COLUMNS = ("id", "name", "n_positive", "fraction", "parents", "definition")


@options.command(epilog="Example: invert concepts show concepts.h5 --format csv")
@click.argument("source", type=options.PATH)
@options.names_option
@options.format_option
def show(source: Path, names: Path | None, style: str) -> None:
    """List the concepts of a file with their sizes, parents and definitions."""
    from invert_core.concepts import read_concepts

    found = read_concepts(source, names, "exclude")
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
