"""The command ``invert show``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from invert_core.commands import options
from invert_core.commands.command import PATH, command
from invert_core.commands.completion import addresses, complete, concepts, words
from invert_core.commands.console import say
from invert_core.commands.tables import print_rows

if TYPE_CHECKING:
    from invert_core.results.columns import Label
    from invert_core.results.run_directory import Run
    from invert_core.results.unit_evidence import UnitEvidence
    from invert_core.results.unit_list import Answers


def _verdicts() -> tuple[str, ...]:
    from invert_core.results.columns import VERDICTS

    return VERDICTS


def _sorts() -> tuple[str, ...]:
    from invert_core.results.unit_list import SORTS

    return SORTS


listing_options = options.together(
    "listing",
    click.option(
        "--concept",
        metavar="ID|NAME",
        shell_complete=complete(run=concepts),
        help="List only units of which the label or the peak uses this concept, or one that fits "
        "a pattern, as in 'slanted*'.",
    ),
    click.option(
        "--verdict",
        "verdicts",
        multiple=True,
        metavar="WORD",
        shell_complete=words(_verdicts),
        help="List only units of which the label or the peak has this verdict, such as bulk; may "
        "be repeated.",
    ),
    click.option(
        "--sort",
        metavar="KEY",
        shell_complete=words(_sorts),
        help="List the best first, by the label's auc, held-out, top10, p, q, positive, verdict "
        "or label.  [default: unit]",
    ),
    click.option("--reverse", is_flag=True, help="List the worst first."),
    options.first_option,
)
"""Options for which units are listed, in which order."""


@command(
    epilog="Examples: invert show run layer4.1.relu:296; invert show run --verdict bulk --sort auc"
)
@click.argument("run", type=PATH)
@click.argument(
    "unit", required=False, metavar="[LAYER:UNIT]", shell_complete=complete(run=addresses)
)
@listing_options
@options.format_option
def show(run: Path, unit: str | None, listing: dict[str, Any], style: str) -> None:
    """Show what a run found: for all units, or for one.

    Without LAYER:UNIT, list the units with their labels and peaks. JSON and CSV hold the rows of
    these.

    With it, say what the label and the peak of that unit are worth, how many of the highest samples
    they are true on, how the activations are spread, which samples are the highest and what they
    share, and list the formulas found. A row without a rank is the best found of its length. JSON
    and CSV hold all rows of the unit; JSON also holds the best formula of each length.

    The label, marked with *, is the headline: of the best formulas of each length, the one with the
    smallest p, corrected for all formulas that are not longer. Where there are held-out samples,
    they must bear a longer one out. The peak is the same by phi: what the strongest responses
    share.
    """
    from invert_core.results.run_directory import read_run

    if unit is None:
        _print_list(read_run(run), style, **listing)
        return
    usual = {"concept": None, "verdicts": (), "sort": None, "reverse": False, "top": None}
    for name, value in listing.items():
        if value != usual[name]:
            option = "verdict" if name == "verdicts" else name
            raise click.UsageError(f"--{option} is for the list of all units. Leave out {unit!r}.")
    _print_unit(run, unit, style)


def _print_list(run: "Run", style: str, *, top: int | None, **listing: Any) -> None:
    from invert_core.results.labels import COLUMNS
    from invert_core.results.unit_list import list_units

    listing["sort"] = listing["sort"] or "unit"
    units = list_units(run.labels, **listing)
    listed = units[:top]
    if style != "table":
        rows = (row for unit in listed for row in unit)
        print_rows((_for_programs(row) for row in rows), COLUMNS, style)
    elif listed:
        from invert_core.commands.label_table import print_answers

        print_answers(listed, run.labels.sample_counts())
    if style == "table":
        say(_told(units))


def _told(units: "list[Answers]") -> str:
    """Say how many units fit, and what their labels are worth."""
    from collections import Counter

    from invert_core.commands.label_summary import verdicts
    from invert_core.wording import counted

    if not units:
        return "No unit fits all that was asked for."
    counts: dict[str, Counter[str]] = {}
    for unit in units:
        for row in unit:
            counts.setdefault(row.objective, Counter())[row.verdict] += 1
    addresses = {row.address for unit in units for row in unit}
    return f"{counted(len(addresses), 'unit')}. {verdicts(counts)}".rstrip()


def _print_unit(run: Path, unit: str, style: str) -> None:
    from invert_core.results.labels import COLUMNS
    from invert_core.results.run_directory import read_run

    found = read_run(run)
    rows = found.labels.at(unit)
    if style != "table":
        print_rows(map(_for_programs, rows), COLUMNS, style)
        return
    from invert_core.commands.unit_view import print_unit

    print_unit(rows, found.labels.sample_counts(), _evidence(found, run, rows))


def _evidence(run: "Run", place: Path, rows: "tuple[Label, ...]") -> "dict[str, UnitEvidence]":
    """Read the evidence of a unit, if the run holds any."""
    from invert_core.results.run_directory import EVIDENCE_FILE

    if not (place / EVIDENCE_FILE).is_file():
        return {}
    # Imported here, because runs without evidence need no HDF5.
    from invert_core.results.evidence_file import evidence_of
    from invert_core.results.unit_evidence import unit_evidence

    return unit_evidence(evidence_of(place, run), rows)


def _for_programs(row: "Label") -> dict[str, Any]:
    return row.row() | {"by_length": [vars(found) for found in row.by_length]}
