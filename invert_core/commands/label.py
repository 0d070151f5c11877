"""The command ``invert label``."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from invert_core.commands import options
from invert_core.commands.command import command
from invert_core.commands.console import say, written
from invert_core.commands.progress import progress
from invert_core.commands.tables import print_rows
from invert_core.settings import (
    ADJUSTMENTS,
    BOTH_ANSWERS,
    DIRECTIONS,
    OBJECTIVES,
    SEARCHES,
    Settings,
)


class Names(click.ParamType):
    """Names with commas between them; what they may be is left to `Settings`."""

    name = "name,..."

    def convert(self, value: Any, param: object, ctx: object) -> tuple[str, ...]:
        """Take the names apart."""
        return tuple(map(str.strip, value.split(","))) if isinstance(value, str) else tuple(value)


search_options = options.together(
    "search",
    click.option(
        "--length", default=Settings.length, show_default=True, help="Most literals in a formula."
    ),
    click.option(
        "--beam",
        default=Settings.beam,
        show_default=True,
        help="Number of formulas kept at each step.",
    ),
    click.option(
        "--min-fraction",
        default=Settings.min_fraction,
        show_default=True,
        help="A formula must be true on at least this share of samples.",
    ),
    click.option(
        "--max-fraction",
        default=Settings.max_fraction,
        show_default=True,
        help="A formula may be true on at most this share of samples.",
    ),
    click.option(
        "--direction",
        type=click.Choice(DIRECTIONS),
        default=Settings.direction,
        show_default=True,
        help="Look for the largest AUC, the smallest, or both.",
    ),
    click.option(
        "--objective",
        type=Names(),
        default=Settings.objective,
        help="What to search for, one or more of " + ", ".join(OBJECTIVES) + ": the largest AUC, "
        "the best overlap with the highest activations (phi, iou, f1), and so on. Only auc is for "
        "exhaustive searches, and for --missing exclude.  [default: "
        + ",".join(BOTH_ANSWERS)
        + "]",
    ),
    click.option(
        "--quantile",
        default=Settings.quantile,
        show_default=True,
        help="Share of samples that count as the highest for phi, iou and f1; at least 20 do.",
    ),
    click.option(
        "--limit-search",
        type=int,
        metavar="K",
        help="From the second literal on, use only the K concepts that separate best alone.",
    ),
    click.option(
        "--min-gain",
        default=Settings.min_gain,
        show_default=True,
        help="What a longer formula must gain over the best shorter one to be reported, in AUC or "
        "in the objective of its search.",
    ),
    click.option(
        "--search",
        type=click.Choice(SEARCHES),
        default=Settings.search,
        show_default=True,
        help="Search with a beam, or find the certified best of all formulas of up to 3 literals.",
    ),
    click.option(
        "--time-limit",
        type=float,
        metavar="SECONDS",
        help="Stop the exhaustive search of a unit and direction after this time, and report the "
        "remaining gap.",
    ),
    click.option(
        "--min-defined",
        default=Settings.min_defined,
        show_default=True,
        help="With --missing exclude, a formula must be defined on at least this share of samples.",
    ),
    click.option(
        "--permutations",
        default=Settings.permutations,
        show_default=True,
        help="Number of searches on permuted samples that correct p for the search; 0 corrects "
        "for the number of possible formulas, which finds less.",
    ),
    click.option(
        "--evidence/--no-evidence",
        default=Settings.evidence,
        show_default=True,
        help="Look at the samples with the highest activations, too, for a verdict on each label.",
    ),
    click.option(
        "--seed",
        default=Settings.seed,
        show_default=True,
        help="Seed of the permutations and of --holdout.",
    ),
    click.option(
        "--adjust",
        type=click.Choice(ADJUSTMENTS),
        default=Settings.adjust,
        show_default=True,
        help="Correct q_value for the units of a layer by Benjamini-Hochberg, "
        "Benjamini-Yekutieli or Holm.",
    ),
)
"""Options of the search: the fields of `Settings`."""

kept_options = options.together(
    "kept",
    options.output_option("Run directory to write."),
    click.option(
        "--samples",
        metavar="ROOT|none",
        help="Where the samples are, if they have moved since the extraction: the folder of images "
        "or texts, or the file. The run keeps small copies of those that it shows, to look at; "
        "'none' keeps none.",
    ),
    options.overwrite_option,
)
"""What a run keeps, and where."""


@command(epilog="Example: invert label activations.h5 concepts.h5 -o run --length 3 --beam 3")
@options.searched_options
@kept_options
@search_options
@options.jobs_option
@options.table_options
@click.option("--dry-run", is_flag=True, help="Say what would be searched, and stop.")
def label(
    inputs: dict[str, Any],
    kept: dict[str, Any],
    search: dict[str, Any],
    jobs: int | None,
    table: options.Table,
    dry_run: bool,
) -> None:
    """Find the formulas of concepts that say what each unit detects.

    Each unit gets a label, which its whole activation separates best, and a peak, which its
    strongest responses share.

    ACTIVATIONS is a file made by 'invert extract', or .npy or .npz. CONCEPTS is a file made by
    'invert concepts build', or any source that it takes. The run directory gets labels.csv,
    labels.jsonl, evidence.h5 and run.json. The table has the label of each unit, its verdict, and
    its peak; 'invert show' has the other formulas. After an interruption, the same
    command goes on where it stopped.
    """
    from invert_core.commands.label_summary import (
        look_at_all,
        summary,
        verdicts,
        where_to_look,
    )
    from invert_core.commands.label_table import print_labels, print_overview
    from invert_core.labelling.label_files import label_files
    from invert_core.labelling.overview import Overview

    settings = Settings(**search)
    if dry_run:
        from invert_core.labelling.inputs import Inputs
        from invert_core.labelling.label import plan

        planned = vars(plan(Inputs(**inputs), settings))
        if table.style == "table":
            rows = [{"what": name.replace("_", " "), "number": planned[name]} for name in planned]
            print_rows(rows, ("what", "number"), table.style)
        else:
            print_rows([planned], list(planned), table.style)
        return
    overview = Overview(table.top if table.style == "table" else 0, settings)
    output: Path = kept["output"]
    with ExitStack() as told:
        with (
            progress("Labelling") as report,
            progress("Copying samples", is_aside=True) as looking,
        ):
            labels = label_files(
                **inputs,
                **kept,
                settings=settings,
                jobs=jobs,
                progress=report,
                samples_progress=looking,
                each=overview.add,
            )
            told.enter_context(written(f"The run was written to {str(output)!r}."))
        if table.style == "table":
            print_overview(overview)
        else:
            print_labels(labels, table)
        say(f"The labels of {summary(overview)} are in {str(output)!r}, marked as headlines.")
        if judged := verdicts(overview.verdicts):
            say(judged)
            say(look_at_all(output))
        for hint in where_to_look(overview, output):
            say(hint)
