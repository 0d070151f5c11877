"""``invert concepts build``."""

from pathlib import Path
from typing import Any

import click

from invert_core.commands import options
from invert_core.commands.concepts.source_options import reading_options, sources_argument
from invert_core.commands.console import say


@options.command(
    epilog="Example: invert concepts build labels.csv --names names.csv -o concepts.h5"
)
@sources_argument
@reading_options
@options.names_option
@options.missing_option
@click.option(
    "--join",
    type=click.Choice(["strict", "inner", "outer"]),
    default="strict",
    show_default=True,
    help="Samples that some sources lack: refuse, leave out, or keep with labels missing.",
)
@options.hdf5_option("Concept file to write.")
@options.overwrite_option
def build(
    sources: tuple[Path, ...],
    names: Path | None,
    missing: str,
    join: str,
    output: Path,
    overwrite: bool,
    **reading: Any,
) -> None:
    """Put the concepts of one or more sources of the same samples into one file.

    A SOURCE is a table (.csv, .tsv, .jsonl, .parquet): wide, with the sample id and one column of
    0/1 per concept; or long, with a column 'concepts' of ids separated by blanks. Or it is .npz or
    .h5.
    """
    from invert_core.atomic import check_target
    from invert_core.concepts import Reading, build_concepts, write_concepts

    check_target(output, overwrite=overwrite)
    built = build_concepts(sources, names, reading=Reading(**reading), join=join, missing=missing)
    write_concepts(output, built, overwrite=overwrite)
    n_empty = int(sum((built.n_positive == 0) | (built.n_positive == built.n_samples)))
    say(
        f"{len(built.id):,} concepts of {built.n_samples:,} samples in {str(output)!r}, "
        f"{n_empty:,} of them true nowhere or everywhere."
    )
