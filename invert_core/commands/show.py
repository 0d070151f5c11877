"""The command ``invert show``."""

from pathlib import Path

import click

from invert_core.commands import options
from invert_core.commands.command import PATH, command
from invert_core.commands.console import echo_line, print_rows, printable

LENGTH_COLUMNS = ("length", "label", "auc", "p_value", "positive")


@command(epilog="Example: invert show run layer4.1.relu:296")
@click.argument("run", type=PATH)
@click.argument("unit", metavar="LAYER:UNIT")
@options.format_option
def show(run: Path, unit: str, style: str) -> None:
    """Show what a run found for one unit.

    Print the rows of the unit and the best formula of each length, in names that `invert score`
    takes; JSON and CSV also hold formulas in ids. CSV holds the rows only.
    """
    from invert_core.commands.label_table import (
        SHOWN,
        power_of_ten,
        shown,
        with_held_out,
        with_q,
        with_samples,
    )
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
    counts = labels.sample_counts()
    several = ("objective",) if any(row.objective != "auc" for row in rows) else ()
    first = ("rank", *several, "headline", *SHOWN[1:], "direction")
    columns = with_samples(with_q(first, rows), counts)
    columns = with_held_out(columns, rows)
    print_rows(
        [
            shown(row)
            | {
                "rank": row.rank,
                "objective": row.objective,
                "headline": "*" if row.headline else "",
                "direction": row.direction,
            }
            for row in rows
        ],
        columns,
        style,
    )
    for row in rows:
        if row.by_length:
            by = f" by {row.objective}" if several else ""
            echo_line(f"\nBest found of each length{by}, {printable(row.direction)}:")
            print_rows(
                [
                    vars(found)
                    | {
                        "auc": f"{found.auc:.4f}",
                        "p_value": power_of_ten(found.log10_p),
                        "positive": found.n_positive,
                        "samples": found.n_samples,
                    }
                    for found in row.by_length
                ],
                with_samples(LENGTH_COLUMNS, counts),
                style,
            )
