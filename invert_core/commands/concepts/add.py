"""The command ``invert concepts add``."""

from pathlib import Path
from typing import Any

import click

from invert_core.commands import options
from invert_core.commands.command import PATH, command
from invert_core.commands.concepts.source_options import (
    reading_options,
    sources_options,
)
from invert_core.commands.console import say, written


@command(
    epilog="Example: invert concepts add concepts.h5 marked.csv --new-negative --missing exclude "
    "-o with_marks.h5"
)
@click.argument("concepts", type=PATH)
@sources_options
@reading_options
@click.option(
    "--new-negative",
    is_flag=True,
    help="Concepts that only SOURCE has are 0 on the samples of CONCEPTS, whatever --missing says.",
)
@options.hdf5_option("Concept file to write; with --overwrite it may be CONCEPTS itself.")
@options.overwrite_option
def add(
    concepts: Path,
    sources: dict[str, Any],
    reading: dict[str, Any],
    new_negative: bool,
    output: Path,
    overwrite: bool,
) -> None:
    """Add new samples and their labels to a concept file.

    A SOURCE is anything that 'invert concepts build' takes, for samples that CONCEPTS lacks;
    several sources are joined first. Its concepts may be old or new. If one side does not know a
    concept of the other, labels are missing: --missing and --new-negative say what becomes of them.
    """
    from invert_core.commands.concepts.check_summary import sentences, size_and_place
    from invert_core.concepts.adding import add_samples
    from invert_core.concepts.hdf5_file import check_output, write_concepts
    from invert_core.concepts.quick_check import check_concepts
    from invert_core.concepts.sources.source import Reading

    check_output(output, overwrite=overwrite)
    both = add_samples(concepts, **sources, reading=Reading(**reading), new_negative=new_negative)
    write_concepts(output, both, overwrite=overwrite)
    with written(f"The concepts were written to {str(output)!r}."):
        say(size_and_place(both, output))
        for sentence in sentences(check_concepts(both), both):
            say(sentence)
