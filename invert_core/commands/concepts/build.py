"""The command ``invert concepts build``."""

from pathlib import Path
from typing import Any

import click

from invert_core.commands import options
from invert_core.commands.command import command
from invert_core.commands.concepts.source_options import (
    hierarchy_options,
    reading_options,
    sources_options,
)
from invert_core.commands.console import say, written


@command(epilog="Example: invert concepts build labels.csv --names names.csv -o concepts.h5")
@sources_options
@reading_options
@hierarchy_options
@options.hdf5_option("Concept file to write.")
@options.overwrite_option
@click.option("--dry-run", is_flag=True, help="Read everything, say what is in it, and stop.")
def build(
    sources: dict[str, Any],
    reading: dict[str, Any],
    ancestors: dict[str, Any],
    output: Path,
    overwrite: bool,
    dry_run: bool,
) -> None:
    """Put the concepts of one or more sources into one file.

    All sources describe the same samples.

    A SOURCE is a folder of class folders, a table (.csv, .tsv, .jsonl, .parquet), a COCO file
    (.json), a folder of Pascal VOC's .xml, a list of CelebA (.txt) or Open Images (.csv), .npz, or
    .h5. A table is wide, with a column of 0/1 per concept; long, with a column 'concepts' of ids
    separated by blanks; or tidy, with a column 'concept_id'.
    """
    from invert_core.commands.concepts.check_summary import sentences, size_and_place
    from invert_core.concepts.building import build_concepts
    from invert_core.concepts.hdf5_file import check_output, write_concepts
    from invert_core.concepts.quick_check import check_concepts
    from invert_core.concepts.sources.source import Reading

    check_output(output, overwrite=overwrite)
    built = build_concepts(**sources, reading=Reading(**reading), **ancestors)
    if not dry_run:
        write_concepts(output, built, overwrite=overwrite)
    with written("" if dry_run else f"The concepts were written to {str(output)!r}."):
        say(size_and_place(built, output, dry_run=dry_run))
        for sentence in sentences(check_concepts(built), built):
            say(sentence)
