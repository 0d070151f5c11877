"""How labels are printed, for people and for programs."""

from collections.abc import Iterable, Set

from invert_core.commands.console import print_rows
from invert_core.commands.options import Table
from invert_core.results.columns import Label
from invert_core.results.labels import COLUMNS, Labels
from invert_core.results.overview import Overview
from invert_core.wording import counted

SHOWN = ("unit", "label", "auc", "p_search", "positive", "status")


def print_labels(labels: Labels, table: Table) -> None:
    """Print the most convincing labels as a table, or all rows for programs."""
    if table.style == "table":
        print_overview(Overview.of(labels, table.top))
    else:
        print_rows((row.row() for row in labels), COLUMNS, table.style)


def print_overview(overview: Overview) -> None:
    """Print the most convincing labels as a table."""
    columns = with_held_out(with_samples(SHOWN, overview.sample_counts), overview.best)
    if any(row.gap is not None for row in overview.best):
        columns = (*columns, "gap")
    print_rows([shown(row) for row in overview.best], columns, "table")


def with_samples(columns: tuple[str, ...], sample_counts: Set[int]) -> tuple[str, ...]:
    """Add "samples" after "positive" if not all formulas were compared on all samples."""
    if len(sample_counts) == 1:
        return columns
    behind = columns.index("positive") + 1
    return (*columns[:behind], "samples", *columns[behind:])


def with_held_out(columns: tuple[str, ...], rows: Iterable[Label]) -> tuple[str, ...]:
    """Add "held_out" after "auc" if any row was tested on held-out samples."""
    if all(row.n_samples_held_out is None for row in rows):
        return columns
    behind = columns.index("auc") + 1
    return (*columns[:behind], "held_out", *columns[behind:])


def summary(overview: Overview) -> str:
    """Say how many units there are, and how many of them are dead."""
    n_dead = overview.n_dead
    constant = f" ({n_dead:,} dead, with a constant activation)" if n_dead else ""
    return f"{counted(overview.n_units, 'unit')}{constant}"


def shown(row: Label) -> dict[str, object]:
    """Write a row for people, with p_search as a power of ten, because it may underflow."""
    return {
        "unit": row.shown_address,
        "label": row.label,
        "auc": f"{row.auc:.4f}",
        "held_out": held_out_auc(row),
        "p_search": power_of_ten(row.log10_p_search),
        "positive": row.n_positive,
        "samples": row.n_samples,
        "status": row.status,
        "gap": row.gap,
    }


def held_out_auc(row: Label) -> str:
    """Write the AUC on held-out samples and its 95 % interval."""
    if row.auc_held_out is None:
        return "-"
    return f"{row.auc_held_out:.3f} ({row.auc_held_out_low:.2f}-{row.auc_held_out_high:.2f})"


def power_of_ten(exponent: float) -> str:
    """Write 10**exponent with two digits.

    >>> power_of_ten(-400.5)
    '3.2e-401'
    """
    if exponent > -2:
        return f"{10**exponent:.2f}"
    whole = int(exponent // 1)
    mantissa = f"{10 ** (exponent - whole):.1f}"
    return f"1.0e{whole + 1}" if mantissa == "10.0" else f"{mantissa}e{whole}"
