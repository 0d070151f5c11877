"""The command ``invert check``."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from invert_core.commands import options
from invert_core.commands.command import PATH, command
from invert_core.commands.console import echo_line, print_rows, printable, progress
from invert_core.errors import DataError
from invert_core.wording import counted

if TYPE_CHECKING:
    from invert_core.labelling.held_out_check import HeldOutCheck
    from invert_core.labelling.permuted_labels import PermutedCheck
    from invert_core.labelling.verifying import Verified

HELD_OUT = ("unit", "label", "auc", "held_out", "p_held_out", "optimism", "positive")
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


@command(epilog="Example: invert check run --held-out validation.h5 concepts.h5")
@click.argument("run", type=PATH)
@click.option(
    "--held-out",
    type=PATH,
    nargs=2,
    metavar="ACTIVATIONS CONCEPTS",
    help="Test every label on other samples: activations of the same units, and their labels.",
)
@click.option(
    "--permute-labels",
    type=click.IntRange(min=1),
    metavar="P",
    help="Label again P times with permuted labels, in which nothing is to be found.",
)
@moved_options
@joining_options
@click.option("--seed", default=0, show_default=True, help="Seed of --permute-labels.")
@options.jobs_option
@options.table_options
def check(
    run: Path,
    held_out: tuple[Path, Path] | None,
    permute_labels: int | None,
    moved: dict[str, Any],
    joining: dict[str, Any],
    seed: int,
    table: options.Table,
    **threads: Any,
) -> None:
    """Check what a run says.

    Alone, check that the files that the run was made from are still the same, label again, and
    compare every number. --held-out tests all labels on samples that the search did not see.
    --permute-labels shows what the same search finds where there is nothing to be found.
    """
    _refuse_misplaced(held_out, permute_labels, moved, joining)
    if held_out is not None:
        from invert_core.labelling.held_out_check import check_held_out

        options_of = joining | {"names": moved["names"]} | threads
        with progress("Testing") as report:
            tested = check_held_out(run, *held_out, **options_of, progress=report)
        _print_held_out(tested, table)
    elif permute_labels is not None:
        from invert_core.labelling.permuted_labels import check_permuted_labels

        with progress("Labelling with permuted labels") as report:
            permuted = check_permuted_labels(
                run, permute_labels, **moved, seed=seed, progress=report, **threads
            )
        _print_permuted(permuted, table)
    else:
        from invert_core.labelling.verifying import verify_run

        with progress("Labelling again") as report:
            verified = verify_run(run, **moved, progress=report, **threads)
        _print_verified(run, verified, table)


def _refuse_misplaced(
    held_out: object,
    permute_labels: object,
    moved: dict[str, Path | None],
    joining: dict[str, str | None],
) -> None:
    """Refuse options that would say nothing."""
    if held_out is not None and permute_labels is not None:
        raise click.UsageError("Give --held-out or --permute-labels, one check at a time.")
    unused = {name: moved[name] for name in ("activations", "concepts")} if held_out else joining
    for name, given in unused.items():
        if given is not None:
            use = "needs no" if held_out else "is the only check that uses"
            raise click.UsageError(f"--held-out {use} --{name}. Leave it out.")


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
    from invert_core.commands.label_table import power_of_ten, print_labels, shown

    if table.style != "table":
        print_labels(found.labels, table)
        return
    echo_line(_summary(found))
    print_rows(
        [
            shown(row)
            | {
                "p_held_out": "-"
                if row.log10_p_held_out is None
                else power_of_ten(row.log10_p_held_out),
                "optimism": None if row.optimism is None else f"{row.optimism:+.3f}",
                "positive": row.n_positive_held_out,
            }
            for row in found.labels.best(table.top)
        ],
        HELD_OUT,
        "table",
    )


def _summary(found: "HeldOutCheck") -> str:
    """Say in one line how many labels hold."""
    parts = [f"{found.n_tested:,} of {counted(found.n_labels, 'label')} tested"]
    if found.n_tested:
        parts += [
            f"{found.n_hold:,} hold (p < 0.05)",
            f"{found.n_wrong_side:,} on the wrong side of 0.5",
            f"median optimism {found.median_optimism:+.3f}",
        ]
    return "; ".join(parts)


def _print_permuted(found: "PermutedCheck", table: options.Table) -> None:
    rows = []
    for measure in found.real:
        for which, quantiles in (("real", found.real), ("permuted", found.permuted)):
            share = found.shares.get((which, measure))
            shares = [share and share.share, share and share.low, share and share.high]
            values = [*quantiles[measure].tolist(), *shares]
            rows.append(dict(zip(PERMUTED, (measure, which, *values), strict=True)))
    if table.style == "table":
        shown = ("significant", "low", "high")
        rows = [
            row | {name: "-" if row[name] is None else f"{row[name]:.1%}" for name in shown}
            for row in rows
        ]
    print_rows(rows, PERMUTED, table.style)
