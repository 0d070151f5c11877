"""The command ``invert export``."""

from pathlib import Path

import click

from invert_core.commands import options
from invert_core.commands.command import PATH, command
from invert_core.commands.console import echo_data, say


@command(epilog="Example: invert export run --format parquet -o labels.parquet")
@click.argument("run", type=PATH)
@click.option(
    "--format",
    "style",
    type=click.Choice(["csv", "jsonl", "parquet"]),
    help="Format of the file. [default: from the output's suffix, else csv]",
)
@options.output_option("File to write; without it, csv and jsonl go to stdout.", required=False)
@options.overwrite_option
def export(run: Path, style: str | None, output: Path | None, overwrite: bool) -> None:
    """Write the labels of a run as csv, jsonl or parquet."""
    from invert_core.results.export import export_labels, to_text
    from invert_core.results.run_directory import read_run

    labels = read_run(run).labels
    if output is None:
        echo_data(to_text(labels, style or "csv"))
    else:
        export_labels(labels, output, style, overwrite=overwrite)
        say(f"{len(labels):,} rows in {str(output)!r}.")
