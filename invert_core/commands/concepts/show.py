"""The command ``invert concepts show``."""

from pathlib import Path
from typing import Any

import click

from invert_core.commands import options
from invert_core.commands.command import PATH, command
from invert_core.commands.concepts.source_options import reading_options

listing_options = options.together(
    "listing",
    click.option(
        "--search",
        metavar="TEXT",
        help="List only concepts with this text in their id, name, definition or an alias, in any "
        "case.",
    ),
    click.option(
        "--sort",
        type=click.Choice(["file", "count"]),
        default="file",
        show_default=True,
        help="Keep the order of the file, or list the concepts of most samples first.",
    ),
    options.first_option,
    click.option(
        "--overlaps",
        type=click.IntRange(min=1),
        metavar="N",
        help="Add the N most similar concepts, by the share of samples that they have in common.",
    ),
)
"""Options for which concepts are listed, in which order."""


@command(epilog="Example: invert concepts show concepts.h5 --search dog --overlaps 3")
@click.argument("concepts", type=PATH)
@listing_options
@click.option("--definitions", is_flag=True, help="Add the definitions to the table.")
@options.names_option
@reading_options
@options.format_option
def show(
    concepts: Path,
    listing: dict[str, Any],
    definitions: bool,
    names: Path | None,
    reading: dict[str, Any],
    style: str,
) -> None:
    """List concepts with their sizes, parents and aliases.

    CONCEPTS is a file made by 'invert concepts build', or any source that it takes. JSON and CSV
    also hold the definitions, and ids where the table has names.
    """
    from invert_core.commands.concepts.concept_table import print_concepts
    from invert_core.concepts.building import build_concepts
    from invert_core.concepts.catalogue import list_concepts
    from invert_core.concepts.sources.source import Reading

    found = build_concepts(concepts, names, reading=Reading(**reading), missing="exclude")
    by_count = listing.pop("sort") == "count"
    entries = list_concepts(found, by_count=by_count, **listing)
    print_concepts(found, entries, style, definitions=definitions)
