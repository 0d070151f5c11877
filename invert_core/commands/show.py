"""The command ``invert show``."""

from collections.abc import Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from invert_core.commands import options
from invert_core.commands.command import PATH, command
from invert_core.commands.console import echo_line, print_rows, printable

if TYPE_CHECKING:
    from invert_core.results.columns import Explanation, Label

LENGTH_COLUMNS = ("label", "auc", "p_value", "positive")
WHY = "the smallest p of the best of each length, corrected for the length"
WHY_HELD_OUT = "the smallest p of the best of each length that held-out samples bear out"


@command(epilog="Example: invert show run layer4.1.relu:296")
@click.argument("run", type=PATH)
@click.argument("unit", metavar="LAYER:UNIT")
@options.format_option
def show(run: Path, unit: str, style: str) -> None:
    """Show what a run found for one unit.

    Print the headline, the rows of the unit and the best formula of each length, in names that
    `invert score` takes; JSON and CSV also hold formulas in ids. CSV holds the rows only.

    The headline, marked with *, is the label to show if only one is shown: of the best formulas of
    each length, the one with the smallest p, corrected for all formulas that are not longer.
    """
    from invert_core.results.labels import COLUMNS
    from invert_core.results.run_directory import read_run

    labels = read_run(run).labels
    rows = labels.at(unit)
    if style != "table":
        lengths = [[vars(found) for found in row.by_length] for row in rows]
        print_rows(
            [row.row() | {"by_length": of_row} for row, of_row in zip(rows, lengths, strict=True)],
            COLUMNS,
            style,
        )
        return
    _print_unit(rows, labels.sample_counts())


def _print_unit(rows: Sequence["Label"], counts: Set[int]) -> None:
    from invert_core.commands.label_table import SHOWN, shown, with_held_out, with_q, with_samples

    headlines = {
        (row.objective, row.direction): row for row in rows if row.headline and row.formula
    }
    directions = {row.direction for row in rows}
    by_others = any(row.objective != "auc" for row in rows)
    alike: dict[tuple[str, str], list[Label]] = {}
    for row in headlines.values():
        alike.setdefault((row.direction, row.label), []).append(row)
    for (direction, label), same in alike.items():
        of = f" by {', '.join(row.objective for row in same)}" if by_others else ""
        of += f", {direction}" if len(directions) > 1 else ""
        is_told = any(row.objective == "auc" and row.n_samples_held_out is not None for row in same)
        why = WHY_HELD_OUT if is_told else WHY
        echo_line(printable(f"Headline{of}: {label} ({why})"))
    columns = with_held_out(with_q(with_samples(SHOWN[1:], counts), rows), rows)
    columns = ("rank", *_marked(columns, headlines))
    if by_others:
        columns = ("objective", *columns, "score")
    if len(directions) > 1:
        columns = (*columns, "direction")
    print_rows(
        [
            shown(row)
            | {"rank": row.rank, "headline": _mark(row.headline), "direction": row.direction}
            | {"objective": row.objective}
            for row in rows
        ],
        columns,
        "table",
    )
    for row in rows:
        if row.by_length:
            by = f" by {printable(row.objective)}" if by_others else ""
            echo_line(f"\nBest found of each length{by}, {printable(row.direction)}:")
            columns = ("length", *_marked(with_samples(LENGTH_COLUMNS, counts), headlines))
            headline = headlines.get((row.objective, row.direction))
            print_rows([_of_length(found, headline) for found in row.by_length], columns, "table")


def _marked(columns: tuple[str, ...], headlines: object) -> tuple[str, ...]:
    """Put "headline" before the other columns, unless an earlier version chose none."""
    return ("headline", *columns) if headlines else columns


def _mark(is_headline: object) -> str:
    return "*" if is_headline else ""


def _of_length(found: "Explanation", headline: "Label | None") -> dict[str, Any]:
    from invert_core.commands.label_table import power_of_ten

    return vars(found) | {
        "headline": _mark(headline is not None and found.formula == headline.formula),
        "auc": f"{found.auc:.4f}",
        "p_value": power_of_ten(found.log10_p),
        "positive": found.n_positive,
        "samples": found.n_samples,
    }
