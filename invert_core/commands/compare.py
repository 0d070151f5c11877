"""The command ``invert compare``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from invert_core.commands import options
from invert_core.commands.command import PATH, command
from invert_core.commands.console import echo_line, printable, say
from invert_core.commands.tables import Number, print_rows

if TYPE_CHECKING:
    from invert_core.results.comparison import Comparison

SHOWN = ("unit", "beam", "beam_auc", "exhaustive", "exhaustive_auc", "loss")


@command(epilog="Example: invert compare run certified")
@click.argument("run", type=PATH)
@click.argument("certified", type=PATH, metavar="CERTIFIED_RUN")
@options.top_option
@options.format_option
def compare(run: Path, certified: Path, top: int, style: str) -> None:
    """Count the units for which a beam search found the best formula.

    Make CERTIFIED_RUN with 'invert label --search exhaustive' from the same files, with the same
    length, fractions and direction. The table shows the units that have a better formula, largest
    loss of AUC first; JSON and CSV hold all units.
    """
    from invert_core.results.comparison import COLUMNS, compare_runs

    found = compare_runs(run, certified)
    if found.n_only_beam or found.n_only_exhaustive:
        say(
            f"Units left out: {found.n_only_beam:,} that only the beam search has, "
            f"{found.n_only_exhaustive:,} that only the exhaustive one has."
        )
    if style != "table":
        print_rows([unit.row() for unit in found.units], COLUMNS, style)
        return
    echo_line(printable(summary(found)))
    worst = found.not_optimal[:top]
    if worst:
        columns = [*SHOWN]
        if any(unit.direction != worst[0].direction for unit in worst):
            columns.insert(1, "direction")
        if any(unit.loss_at_most > unit.loss for unit in worst):
            columns.append("loss_at_most")
        print_rows(
            [
                {
                    "unit": unit.shown_address,
                    "direction": unit.direction,
                    "beam": unit.beam.label,
                    "beam_auc": Number(f"{unit.beam.auc:.4f}"),
                    "exhaustive": unit.exhaustive.label,
                    "exhaustive_auc": Number(f"{unit.exhaustive.auc:.4f}"),
                    "loss": unit.loss,
                    "loss_at_most": unit.loss_at_most,
                }
                for unit in worst
            ],
            columns,
            style,
        )


def summary(found: "Comparison") -> str:
    """Say in one line for how many units the beam search was optimal."""
    both = len({unit.direction for unit in found.units}) > 1
    parts = [
        f"optimal in {found.n_optimal:,} of {len(found.units):,} "
        f"{'searches, two for each unit' if both else 'units'}"
    ]
    if found.n_unknown:
        parts.append(f"{found.n_unknown:,} unknown")
    if found.not_optimal:
        worst = found.not_optimal[0]
        parts.append(f"largest loss {worst.loss:.3g} ({worst.shown_address})")
    if found.n_dead:
        parts.append(f"{found.n_dead:,} dead")
    return "; ".join(parts)
