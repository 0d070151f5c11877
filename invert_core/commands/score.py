"""``invert score``."""

from pathlib import Path

import click

from invert_core.commands import options
from invert_core.commands.console import progress


@options.command(
    epilog="Example: invert score activations.h5 concepts.h5 --formula 'even & ~digit_4'"
)
@click.argument("activations", type=options.PATH)
@click.argument("concepts", type=options.PATH)
@click.option("--formula", required=True, help='In concept ids, as in: box & ~(cup | "tea cup")')
@options.layer_option
@options.units_option
@options.names_option
@options.join_option
@options.missing_option
@options.top_option
@options.format_option
def score(
    activations: Path,
    concepts: Path,
    formula: str,
    layers: tuple[str, ...],
    units: tuple[int, ...] | None,
    names: Path | None,
    join: str,
    missing: str,
    top: int,
    style: str,
) -> None:
    """Test one formula of your own on all units.

    Nothing is searched, so p_search equals p_value. The table shows the significant units
    whose AUC is farthest from 0.5 first;
    JSON and CSV hold all of them.
    """
    from invert_core.commands.label_table import print_labels
    from invert_core.labelling.scoring import score as score_formula

    with progress("Scoring") as report:
        labels = score_formula(
            activations,
            concepts,
            formula,
            layers=layers or None,
            units=units,
            names=names,
            join=join,
            missing=missing,
            progress=report,
        )
    print_labels(labels, style, top)
