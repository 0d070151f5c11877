"""How labels are printed, for people and for programs."""

from invert_core.commands.console import print_rows
from invert_core.commands.options import Table
from invert_core.results.columns import Label
from invert_core.results.labels import COLUMNS, Labels

SHOWN = ("unit", "label", "auc", "p_search", "positive", "status")


def print_labels(labels: Labels, table: Table) -> None:
    """Print the most convincing labels as a table, or all rows for programs."""
    if table.style == "table":
        best = labels.best()[: table.top]
        columns = with_samples(SHOWN, labels)
        if any(row.gap is not None for row in best):
            columns = (*columns, "gap")
        print_rows([shown(row) for row in best], columns, table.style)
    else:
        print_rows([row.row() for row in labels], COLUMNS, table.style)


def with_samples(columns: tuple[str, ...], labels: Labels) -> tuple[str, ...]:
    """Add "samples" after "positive" if not all formulas were compared on all samples."""
    counts = {one.n_samples for row in labels for one in (row, *row.by_length)}
    if labels.concepts is not None:
        counts.add(labels.concepts.n_samples)
    if len(counts) == 1:
        return columns
    behind = columns.index("positive") + 1
    return (*columns[:behind], "samples", *columns[behind:])


def summary(labels: Labels) -> str:
    """Say how many units there are, and how many of them are dead."""
    units = {row.address for row in labels}
    dead = {row.address for row in labels if row.status == "dead"}
    constant = f" ({len(dead):,} dead, with a constant activation)" if dead else ""
    return f"{len(units):,} unit{'s' * (len(units) != 1)}{constant}"


def shown(row: Label) -> dict[str, object]:
    """Write a row for people, with p_search as a power of ten, because it may underflow."""
    return {
        "unit": f"{row.address} ({row.unit_name})" if row.unit_name else row.address,
        "label": row.label,
        "auc": f"{row.auc:.4f}",
        "p_search": power_of_ten(row.log10_p_search),
        "positive": row.n_positive,
        "samples": row.n_samples,
        "status": row.status,
        "gap": row.gap,
    }


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
