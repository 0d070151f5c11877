"""The command ``invert probe``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from invert_core.commands import options
from invert_core.commands.command import PATH, command
from invert_core.commands.console import printable, say, written
from invert_core.commands.progress import progress
from invert_core.commands.tables import Number, print_rows
from invert_core.errors import InvertError
from invert_core.settings import DIRECTIONS
from invert_core.wording import counted

if TYPE_CHECKING:
    from invert_core.labelling.probing import ProbedUnit, ProbeResult

SHOWN = ("rank", "unit", "auc", "p_units", "status")


@command(
    epilog="Example: invert probe activations.h5 concepts.h5 --formula 'even & ~digit_4' "
    "--picture even.svg"
)
@options.inputs_options
@options.formula_option
@click.option(
    "--direction",
    type=click.Choice(DIRECTIONS),
    default="both",
    show_default=True,
    help="Rank first the largest AUC, the smallest, or the one farthest from 0.5.",
)
@options.table_options
@click.option(
    "--picture",
    type=PATH,
    metavar="FILE.svg",
    help="Draw the AUC of all units and the best units, as .svg or .png.",
)
@options.overwrite_option
def probe(
    inputs: dict[str, Any],
    formula: str,
    direction: str,
    table: options.Table,
    picture: Path | None,
    overwrite: bool,
) -> None:
    """Find the units that detect one concept or formula.

    Rank all units by how far their AUC is from 0.5, or as --direction says. p_units is the p-value
    corrected by Holm's procedure for the number of units, dead ones excepted. The table shows the
    first ranks; JSON and CSV hold all units.
    """
    from invert_core.labelling.probing import COLUMNS
    from invert_core.labelling.probing import probe as probe_units
    from invert_core.report.probe_picture import check_picture, write_picture

    if picture is not None:
        check_picture(picture, overwrite=overwrite)
    with progress("Probing") as report:
        found = probe_units(
            **inputs,
            formula=formula,
            direction=direction,
            progress=report,
        )

    def print_result() -> None:
        if table.style == "table":
            print_rows([shown(row) for row in found.rows[: table.top]], SHOWN, table.style)
        else:
            print_rows([row.row() for row in found], COLUMNS, table.style)
        say(printable(summary(found)))

    if picture is not None:
        try:
            write_picture(picture, found, inputs["activations"], overwrite=overwrite)
        except InvertError:
            print_result()
            raise
    with written(f"The picture is in {str(picture)!r}." if picture else ""):
        print_result()
    if picture is not None:
        say(f"The picture is in {str(picture)!r}.")


def shown(row: "ProbedUnit") -> dict[str, object]:
    """Write a unit for people, with p_units as a power of ten, because it may underflow."""
    from invert_core.wording import power_of_ten

    return {
        "rank": row.rank,
        "unit": row.shown_address,
        "auc": Number(f"{row.auc:.4f}"),
        "p_units": Number(power_of_ten(row.log10_p_units)),
        "status": row.status,
    }


def summary(found: "ProbeResult") -> str:
    """Say in one line how many units are significant for the formula."""
    first = found.rows[0]
    parts = [
        f"{first.label}, true on {first.n_positive:,} of {counted(first.n_samples, 'sample')}: "
        f"{found.n_significant:,} of {counted(len(found), 'unit')} "
        f"{'is' if 1 in (found.n_significant, len(found)) else 'are'} significant after "
        f"correction for {counted(found.n_tested, 'test')} (p_units below 0.05)"
    ]
    n_dead = len(found) - found.n_tested
    if n_dead:
        parts.append(f"{n_dead:,} dead")
    return "; ".join(parts) + "."
