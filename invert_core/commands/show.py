"""The command ``invert show``."""

from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from invert_core.commands import options
from invert_core.commands.command import PATH, command
from invert_core.commands.console import echo_line, print_rows, printable

if TYPE_CHECKING:
    from invert_core.results.columns import Explanation, Label

LENGTH_COLUMNS = ("label", "auc", "p_value", "positive")
ROW_COLUMNS = ("label", "auc", "top_10", "verdict", "p_search", "positive")
CALLED = {"auc": "headline", "phi": "peak"}
"""What the label by an objective is called."""
ASKED = {
    "auc": "what the whole activation separates",
    "phi": "what the strongest responses share",
}
"""What an objective asks for."""


@command(epilog="Example: invert show run layer4.1.relu:296")
@click.argument("run", type=PATH)
@click.argument("unit", metavar="LAYER:UNIT")
@options.format_option
def show(run: Path, unit: str, style: str) -> None:
    """Show what a run found for one unit.

    Print its label and its peak, each with what it is worth, then the rows and the best formula of
    each length, in names that `invert score` takes; JSON and CSV also hold formulas in ids. CSV
    holds the rows only.

    The headline, marked with *, is the label to show if only one is shown: of the best formulas of
    each length, the one with the smallest p, corrected for all formulas that are not longer. Where
    there are held-out samples, they must bear a longer one out. The peak is the headline by phi,
    what the strongest responses share.
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
    from invert_core.commands.label_table import with_samples

    headlines = {
        (row.objective, row.direction): row for row in rows if row.headline and row.formula
    }
    _print_headlines(headlines.values())
    objectives = dict.fromkeys(row.objective for row in rows)
    for objective in objectives:
        of_objective = [row for row in rows if row.objective == objective]
        by = ""
        if len(objectives) > 1 or objective != "auc":
            asked = f", {ASKED[objective]}" if objective in ASKED else ""
            echo_line("\n" + printable(f"By {objective}{asked}:"))
            by = f" by {objective}"
        _print_rows(of_objective, headlines, counts)
        for row in of_objective:
            if row.by_length:
                echo_line("\n" + printable(f"Best found of each length{by}, {row.direction}:"))
                columns = ("length", *_marked(with_samples(LENGTH_COLUMNS, counts), headlines))
                if objective != "auc" and any(one.score is not None for one in row.by_length):
                    at = columns.index("auc")
                    columns = (*columns[:at], objective, *columns[at:])
                headline = headlines.get((row.objective, row.direction))
                found = [_of_length(one, objective, headline) for one in row.by_length]
                print_rows(found, columns, "table")


def _print_headlines(headlines: Iterable["Label"]) -> None:
    """Say what the labels by each objective are; what several say alike is said once."""
    alike: dict[tuple[str, str], list[Label]] = {}
    for row in headlines:
        alike.setdefault((row.direction, row.label), []).append(row)
    has_directions = len({direction for direction, _ in alike}) > 1
    for (direction, label), same in alike.items():
        of = " and ".join(CALLED.get(row.objective, f"headline by {row.objective}") for row in same)
        of = f"{of[0].upper()}{of[1:]}" + (f", {direction}" if has_directions else "")
        words = dict.fromkeys(_worth(row) for row in same if row.verdict != "none")
        worth = f" ({'; '.join(words)})" if words else ""
        echo_line(printable(f"{of}: {label}{worth}"))


def _worth(row: "Label") -> str:
    """Say what a label is worth, and of how many of the highest samples it is true."""
    if row.precision_at_10 is None:
        return row.verdict
    end = "lowest" if row.direction == "negative" else "highest"
    n_top = min(10, row.n_samples)
    hits = f"{n_top * row.precision_at_10:.2g}"
    return f"{row.verdict}: true on {hits} of the {n_top} {end} samples"


def _print_rows(
    rows: Sequence["Label"], headlines: Mapping[tuple[str, str], "Label"], counts: Set[int]
) -> None:
    """Print the rows by one objective as a table."""
    from invert_core.commands.label_table import columns_for, shown, with_samples

    columns = with_samples(columns_for(ROW_COLUMNS, rows), counts)
    if all(row.verdict == "none" for row in rows):
        columns = tuple(name for name in columns if name not in ("top_10", "verdict"))
    columns = ("rank", *_marked(columns, headlines))
    if len({row.direction for row in rows}) > 1:
        columns = (*columns, "direction")
    print_rows(
        [
            shown(row)
            | {"rank": row.rank, "headline": _mark(row.headline), "direction": row.direction}
            for row in rows
        ],
        columns,
        "table",
    )


def _marked(columns: tuple[str, ...], headlines: object) -> tuple[str, ...]:
    """Put "headline" before the other columns, unless an earlier version chose none."""
    return ("headline", *columns) if headlines else columns


def _mark(is_headline: object) -> str:
    return "*" if is_headline else ""


def _of_length(found: "Explanation", objective: str, headline: "Label | None") -> dict[str, Any]:
    from invert_core.wording import power_of_ten

    return vars(found) | {
        objective: "" if found.score is None else f"{found.score:.4f}",
        "headline": _mark(headline is not None and found.formula == headline.formula),
        "auc": f"{found.auc:.4f}",
        "p_value": power_of_ten(found.log10_p),
        "positive": found.n_positive,
        "samples": found.n_samples,
    }
