"""The command ``invert concepts export``."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from invert_core.commands import options
from invert_core.commands.command import PATH, command
from invert_core.commands.concepts.source_options import reading_options
from invert_core.commands.console import say, warn, written

if TYPE_CHECKING:
    from invert_core.concepts.sets.concept_set import ConceptSet


@command(epilog="Example: invert concepts export concepts.h5 -o tables")
@click.argument("concepts", type=PATH)
@options.names_option
@reading_options
@options.output_option("An .npz file for arrays, or a folder for CSV tables.")
@options.overwrite_option
def export(
    concepts: Path, names: Path | None, output: Path, overwrite: bool, reading: dict[str, Any]
) -> None:
    """Write concepts as arrays or tables for other programs.

    CONCEPTS is a file made by 'invert concepts build', or any source that it takes. The tables are
    labels.csv, names.csv and, if there are parents or aliases, parents.csv and aliases.csv.
    """
    from invert_core.commands.concepts.check_summary import size_and_place
    from invert_core.concepts.building import build_concepts
    from invert_core.concepts.export import check_export, export_concepts
    from invert_core.concepts.sources.source import Reading
    from invert_core.wording import first_few

    check_export(output, overwrite=overwrite)
    found = build_concepts(concepts, names, reading=Reading(**reading), missing="exclude")
    export_concepts(found, output, overwrite=overwrite)
    with written(f"The concepts were written to {str(output)!r}."):
        say(size_and_place(found, output))
        padded = [id for id in found.id if id != id.strip()]
        if padded and output.is_dir():
            warn(
                f"Tables lose the blanks around ids ({first_few(padded)}); an .npz file keeps them."
            )
        else:
            say(f"Read them back with: {_way_back(found, output)}")
        if found.aliases and output.is_dir():
            warn("Aliases are not read back from tables; an .npz file keeps them.")


def _way_back(concepts: "ConceptSet", output: Path) -> str:
    """The command that makes a concept file from the export."""
    words = ["invert", "concepts", "build"]
    if output.is_dir():
        words += [str(output / "labels.csv"), "--names", str(output / "names.csv")]
        if concepts.parents.size:
            words += ["--hierarchy", str(output / "parents.csv"), "--keep-equal"]
    else:
        words.append(str(output))
    if concepts.defined is not None:
        words += ["--missing", "exclude"]
    return shlex.join([*words, "-o", "concepts.h5"])
