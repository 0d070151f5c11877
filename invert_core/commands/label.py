"""``invert label``."""

from pathlib import Path

import click

from invert_core.commands import options
from invert_core.commands.console import print_rows, progress, say, written


@options.command(
    epilog="Example: invert label activations.h5 concepts.h5 -o run --length 3 --beam 3"
)
@click.argument("activations", type=options.PATH)
@click.argument("concepts", type=options.PATH)
@options.output_option("Run directory to write.")
@options.layer_option
@options.units_option
@click.option("--length", default=3, show_default=True, help="The most literals of a formula.")
@click.option("--beam", default=3, show_default=True, help="Formulas kept at each step.")
@click.option(
    "--min-fraction", default=0.002, show_default=True, help="Least share of samples of a formula."
)
@click.option(
    "--max-fraction", default=0.5, show_default=True, help="Largest share of samples of a formula."
)
@click.option(
    "--direction",
    type=click.Choice(["positive", "negative", "both"]),
    default="positive",
    show_default=True,
    help="Seek the largest AUC, the smallest, or each.",
)
@click.option(
    "--limit-search",
    type=int,
    metavar="K",
    help="From the second literal on, use the K concepts that separate best alone.",
)
@click.option(
    "--min-gain",
    default=0.0,
    show_default=True,
    help="AUC that a longer formula must gain over the best shorter one to be reported.",
)
@click.option(
    "--search",
    type=click.Choice(["beam", "exhaustive"]),
    default="beam",
    show_default=True,
    help="Beam search, or the certified best of all formulas of up to 3 literals.",
)
@click.option(
    "--time-limit",
    type=float,
    metavar="SECONDS",
    help="For a unit and direction of an exhaustive search; the remaining gap is reported.",
)
@options.names_option
@options.join_option
@options.missing_option
@click.option(
    "--min-defined",
    default=0.5,
    show_default=True,
    help="Least share of samples on which a formula is defined, with --missing exclude.",
)
@options.jobs_option
@options.top_option
@options.format_option
@options.overwrite_option
@click.option("--dry-run", is_flag=True, help="Say what would be searched, and stop.")
def label(
    activations: Path,
    concepts: Path,
    output: Path,
    layers: tuple[str, ...],
    units: tuple[int, ...] | None,
    length: int,
    beam: int,
    min_fraction: float,
    max_fraction: float,
    direction: str,
    limit_search: int | None,
    min_gain: float,
    search: str,
    time_limit: float | None,
    names: Path | None,
    join: str,
    missing: str,
    min_defined: float,
    jobs: int | None,
    top: int,
    style: str,
    overwrite: bool,
    dry_run: bool,
) -> None:
    """Find the formula of concepts that fits each unit best.

    ACTIVATIONS is a file made by 'invert extract', or .npy or .npz; CONCEPTS is made by 'invert
    concepts build', or any file that it takes. The run directory gets labels.csv, labels.jsonl and
    run.json. Asked again after an interruption, it goes on where it was.
    """
    from invert_core.commands.label_table import print_labels, summary
    from invert_core.labelling.label_files import label_files
    from invert_core.settings import Settings

    settings = Settings(
        length=length,
        beam=beam,
        min_fraction=min_fraction,
        max_fraction=max_fraction,
        direction=direction,
        limit_search=limit_search,
        min_gain=min_gain,
        search=search,
        time_limit=time_limit,
        min_defined=min_defined,
    )
    if dry_run:
        from invert_core.labelling.label import plan

        planned = plan(
            activations,
            concepts,
            names=names,
            layers=layers or None,
            units=units,
            settings=settings,
            join=join,
            missing=missing,
        )
        print_rows([vars(planned)], list(vars(planned)), style)
        return
    with progress("Labelling") as report:
        labels = label_files(
            activations,
            concepts,
            output,
            names=names,
            layers=layers or None,
            units=units,
            settings=settings,
            join=join,
            missing=missing,
            jobs=jobs,
            overwrite=overwrite,
            progress=report,
        )
    with written(f"The run was written to {str(output)!r}."):
        print_labels(labels, style, top)
    say(f"The labels of {summary(labels)} are in {str(output)!r}.")
