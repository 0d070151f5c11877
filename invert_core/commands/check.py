"""The command ``invert check``."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from invert_core.commands import options
from invert_core.commands.command import PATH, command
from invert_core.commands.console import echo_line, printable
from invert_core.commands.progress import progress
from invert_core.commands.tables import Fit, Number, print_rows
from invert_core.errors import DataError
from invert_core.settings import OF_HIGHEST, SIGNIFICANT
from invert_core.wording import counted

if TYPE_CHECKING:
    from invert_core.labelling.held_out_check import HeldOutCheck, HeldOutCounts
    from invert_core.labelling.permuted_labels import PermutedCheck
    from invert_core.labelling.verifying import Verified
    from invert_core.results.columns import Label

DIFFERENCES = ("column", "n_rows", "unit", "rank", "recorded", "computed")
PERMUTED = ("measure", "labels", "q05", "q25", "q50", "q75", "q95", "significant", "low", "high")

Check = Callable[..., None]

moved_options = options.together(
    "moved",
    click.option(
        "--activations", type=PATH, metavar="FILE", help="The run's activations, if they moved."
    ),
    click.option(
        "--concepts", type=PATH, metavar="FILE", help="The run's concepts, if they moved."
    ),
    options.names_option,
)
"""Where inputs are now."""

joining_options = options.together(
    "joining",
    click.option(
        "--join",
        type=options.JOIN,
        help="--held-out: as for 'invert label'. [default: as for the run]",
    ),
    click.option(
        "--match",
        type=options.MATCH,
        help="--held-out: as for 'invert label'. [default: as for the run]",
    ),
    click.option(
        "--missing",
        type=options.MissingText(),
        metavar="error|negative|exclude",
        help="--held-out: as for 'invert label'. [default: as for the run]",
    ),
)
"""How held-out samples are joined to their concepts."""


permuting_options = options.together(
    "permuting",
    click.option(
        "--permute-labels",
        "n_permutations",
        type=click.IntRange(min=1),
        metavar="P",
        help="Label again P times with permuted labels, in which nothing is to be found.",
    ),
    click.option(
        "--seed", type=int, help="--permute-labels: seed of the permutations.  [default: 0]"
    ),
)
"""How labels are permuted."""


@command(epilog="Example: invert check run --held-out validation.h5 concepts.h5")
@click.argument("run", type=PATH)
@click.option(
    "--held-out",
    type=PATH,
    nargs=2,
    metavar="ACTIVATIONS CONCEPTS",
    help="Test every label on other samples: activations of the same units, and their labels.",
)
@permuting_options
@click.option(
    "--groups",
    metavar="TABLE:COLUMN|id:REGEX",
    help="Which samples belong together, of the run for --permute-labels, which exchanges the "
    "labels of groups as one, and of the held-out ones for --held-out, which takes groups as "
    "independent, not samples. [default: those of the run]",
)
@moved_options
@joining_options
@options.jobs_option
@options.table_options
def check(
    run: Path,
    held_out: tuple[Path, Path] | None,
    permuting: dict[str, Any],
    groups: str | None,
    moved: dict[str, Any],
    joining: dict[str, Any],
    table: options.Table,
    **threads: Any,
) -> None:
    """Check what a run says.

    Alone, check that the files that the run was made from are still the same, label again, and
    compare every number of the rows. --held-out tests all labels on samples that the search did
    not see. --permute-labels shows what the same search finds where there is nothing to be found.
    """
    is_permuted = permuting["n_permutations"] is not None
    if held_out is not None and is_permuted:
        raise click.UsageError("Give --held-out or --permute-labels, one check at a time.")
    of_files = {name: moved[name] for name in ("activations", "concepts")}
    is_plain = held_out is None and not is_permuted
    _refuse_unused("--permute-labels uses", {} if is_permuted else {"seed": permuting["seed"]})
    _refuse_unused("--held-out and --permute-labels use", {"groups": groups} if is_plain else {})
    _refuse_unused("--held-out uses", {} if held_out is not None else joining)
    _refuse_unused("checks without --held-out use", {} if held_out is None else of_files)
    if held_out is not None:
        from invert_core.labelling.held_out_check import check_held_out

        told = joining | {"names": moved["names"], "groups": groups} | threads
        with progress("Testing") as report:
            tested = check_held_out(run, *held_out, **told, progress=report)
        _print_held_out(tested, table)
    elif is_permuted:
        from invert_core.labelling.permuted_labels import check_permuted_labels

        told = permuting | {"seed": permuting["seed"] or 0, "groups": groups} | moved | threads
        with progress("Labelling with permuted labels") as report:
            permuted = check_permuted_labels(run, **told, progress=report)
        _print_permuted(permuted, table)
    else:
        from invert_core.labelling.verifying import verify_run

        with progress("Labelling again") as report:
            verified = verify_run(run, **moved, progress=report, **threads)
        _print_verified(run, verified, table)


def _refuse_unused(only: str, given: dict[str, Any]) -> None:
    """Refuse options that would say nothing."""
    for name, value in given.items():
        if value is not None:
            raise click.UsageError(f"Only {only} --{name}. Leave it out.")


def _print_verified(run: Path, verified: "Verified", table: options.Table) -> None:
    differences = verified.differences
    if table.style != "table" or differences:
        print_rows(map(vars, differences), DIFFERENCES, table.style)
    if differences:
        raise DataError(
            f"The run {str(run)!r} differs from what its inputs give, in "
            f"{counted(len(differences), 'column')}.",
            "Label again, or check it with the versions in its run.json.",
        )
    if table.style == "table":
        rows, units = counted(verified.n_rows, "row"), counted(verified.n_units, "unit")
        files = ", ".join(repr(str(path)) for path in verified.inputs.values())
        echo_line(f"All numbers in {rows} of {units} were computed again and are the same.")
        echo_line(printable(f"Unchanged since: {files}."))


def _print_held_out(found: "HeldOutCheck", table: options.Table) -> None:
    from invert_core.commands.label_table import print_labels

    if table.style != "table":
        print_labels(found.labels, table)
        return
    answers = found.labels.answers()
    for number, (objective, counts) in enumerate(found.counts.items()):
        by = "" if list(found.counts) == ["auc"] else f"By {objective}: "
        echo_line(("\n" if number else "") + printable(f"{by}{_summary(objective, counts)}"))
        rows = [row for rows in answers for row in rows if row.objective == objective]
        _print_tested(objective, rows[: table.top], has_p=counts.n_significant is not None)


def _print_tested(objective: str, rows: Sequence["Label"], *, has_p: bool) -> None:
    """Print labels by one objective, with its value on held-out samples, or the AUC."""
    from invert_core.commands.label_cells import shown
    from invert_core.wording import power_of_ten

    tested = []
    for row in rows:
        cells = shown(row)
        p_value = None if row.log10_p_held_out is None else power_of_ten(row.log10_p_held_out)
        optimism = None if row.optimism is None else Number(f"{row.optimism:+.3f}")
        cells |= {"p_held_out": p_value and Number(p_value), "optimism": optimism}
        tested.append(cells | {"positive_held_out": row.n_positive_held_out})
    compared = objective if objective in OF_HIGHEST else "auc"
    p_held_out = ("p_held_out",) if has_p else ()
    interval = ("interval",) if any(cells["interval"] for cells in tested) else ()
    columns = ("unit", "label", compared, "held_out", *interval, *p_held_out, "optimism")
    drop = ("positive_held_out", "interval", "optimism")
    print_rows(tested, (*columns, "positive_held_out"), "table", Fit(drop))


def _summary(objective: str, found: "HeldOutCounts") -> str:
    """Say in one line how many labels are significant on held-out samples."""
    parts = [f"{found.n_tested:,} of {counted(found.n_labels, 'label')} tested"]
    if found.n_tested:
        if found.n_significant is not None:
            parts.append(f"{found.n_significant:,} significant (p < {SIGNIFICANT})")
        if found.n_wrong_side is not None:
            zero = "below 0" if objective == "phi" else "on the wrong side of 0.5"
            parts.append(f"{found.n_wrong_side:,} {zero}")
    if found.median_optimism is not None:
        parts.append(f"median optimism {found.median_optimism:+.3f}")
    return "; ".join(parts)


def _print_permuted(found: "PermutedCheck", table: options.Table) -> None:
    rows = []
    for measure in found.real:
        for which, quantiles in (("real", found.real), ("permuted", found.permuted)):
            share = found.shares.get((which, measure))
            shares = [getattr(share, name, None) for name in ("share", "low", "high")]
            values = [*quantiles[measure].tolist(), *shares]
            rows.append(dict(zip(PERMUTED, (measure, which, *values), strict=True)))
    if table.style == "table":
        rows = [{name: _short(name, value) for name, value in row.items()} for row in rows]
    print_rows(rows, PERMUTED, table.style, Fit(drop=("q05", "q95", "q25", "q75")))


def _short(column: str, value: str | float | None) -> str | None:
    """Write a share as a percentage, and a quantile with a few digits."""
    if value is None or isinstance(value, str):
        return value
    if column in ("significant", "low", "high"):
        return Number(f"{value:.1%}")
    return Number(f"{value:.3f}" if value >= 0.001 else f"{value:.1e}")
