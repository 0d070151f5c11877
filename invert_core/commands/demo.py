"""The command ``invert demo``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from invert_core.commands import options
from invert_core.commands.command import PATH, command
from invert_core.commands.console import echo_line, say, written
from invert_core.commands.progress import progress

if TYPE_CHECKING:
    from invert_core.results.labels import Labels


@command(epilog="Example: invert demo -o invert-demo")
@click.option(
    "-o",
    "--output",
    type=PATH,
    default=Path("invert-demo"),
    show_default=True,
    help="Run directory to write.",
)
@options.jobs_option
@options.table_options
@options.overwrite_option
def demo(output: Path, jobs: int | None, table: options.Table, overwrite: bool) -> None:
    """Label a small network for digits that comes with the package.

    Extract two layers with ONNX Runtime, find for each unit its label and its peak, what its
    strongest responses share, test both on images that neither training nor search has seen, and
    write a run directory with its report.
    """
    from invert_core.commands.label_summary import verdicts, where_to_look
    from invert_core.demo import run_demo
    from invert_core.labelling.overview import Overview
    from invert_core.results.run_directory import REPORT_FILE

    with progress("Labelling") as report:
        labels = run_demo(output, jobs=jobs, overwrite=overwrite, progress=report)
    with written(f"The run was written to {str(output)!r}."):
        _print_labels(labels, table)
    if table.style != "table":
        return
    say("held out: the AUC on images that neither training nor search has seen, and its interval.")
    overview = Overview.of(labels, top=1)
    say(verdicts(overview.verdicts))
    say(f"The run is in {str(output)!r}.")
    for hint in where_to_look(overview, output):
        say(hint)
    page = (output / REPORT_FILE).resolve()
    say(f"The report opens with a double click: {page}")


def _print_labels(labels: "Labels", table: options.Table) -> None:
    from invert_core.commands.label_table import print_answers, print_labels

    if table.style != "table":
        print_labels(labels, table)
        return
    answers = labels.answers()
    for title, longer in (("single concepts", False), ("formulas", True)):
        chosen = [rows for rows in answers if (rows[0].length > 1) == longer][: table.top]
        echo_line(f"\nThe most convincing units labelled with {title}:")
        print_answers(chosen, labels.sample_counts())
