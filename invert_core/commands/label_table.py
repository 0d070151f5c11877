"""How labels are printed, for people and for programs."""

import math
import sys
from collections.abc import Iterable, Set

from invert_core.commands.console import print_rows
from invert_core.commands.options import Table
from invert_core.labelling.overview import Overview
from invert_core.results.columns import Label
from invert_core.results.labels import COLUMNS, Labels
from invert_core.settings import SIGNIFICANT
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
    best = overview.best
    columns = with_samples(with_q(with_held_out(SHOWN, best), best), overview.sample_counts)
    if any(row.n_groups_positive is not None for row in best):
        columns = _behind_positive(columns, "groups")
    if any(row.gap is not None for row in best):
        columns = (*columns, "gap")
    if best and all(row.direction == "given" for row in best):  # nothing was searched
        columns = tuple("p_value" if name == "p_search" else name for name in columns)
    print_rows([shown(row) for row in best], columns, "table")


def with_q(columns: tuple[str, ...], rows: Iterable[Label]) -> tuple[str, ...]:
    """Add "q" after "p_search" if any of the rows has a q-value."""
    if all(row.q_value is None for row in rows):
        return columns
    behind = columns.index("p_search") + 1
    return (*columns[:behind], "q", *columns[behind:])


def with_samples(columns: tuple[str, ...], sample_counts: Set[int]) -> tuple[str, ...]:
    """Add "samples" after "positive" if not all formulas were compared on all samples."""
    return columns if len(sample_counts) == 1 else _behind_positive(columns, "samples")


def _behind_positive(columns: tuple[str, ...], column: str) -> tuple[str, ...]:
    behind = columns.index("positive") + 1
    return (*columns[:behind], column, *columns[behind:])


def with_held_out(columns: tuple[str, ...], rows: Iterable[Label]) -> tuple[str, ...]:
    """Add "held_out" after "auc" if any row was tested on held-out samples."""
    if all(row.n_samples_held_out is None for row in rows):
        return columns
    behind = columns.index("auc") + 1
    return (*columns[:behind], "held_out", *columns[behind:])


def summary(overview: Overview) -> str:
    """Say how many units there are, and how many of them are significant or dead."""
    some = []
    if overview.n_significant is not None:
        some.append(f"{overview.n_significant:,} significant, with q below {SIGNIFICANT}")
    if overview.n_dead:
        some.append(f"{overview.n_dead:,} dead, with a constant activation")
    of_these = f" ({'; '.join(some)})" if some else ""
    return f"{counted(overview.n_units, 'unit')}{of_these}"


def shown(row: Label) -> dict[str, object]:
    """Write a row for people, with p-values as powers of ten, because they may underflow."""
    return {
        "unit": row.shown_address,
        "label": row.label,
        "auc": f"{row.auc:.4f}",
        "score": "" if row.score is None else f"{row.score:.4f}",
        "held_out": held_out_auc(row),
        "p_value": power_of_ten(row.log10_p),
        "p_search": power_of_ten(row.log10_p_search),
        "q": "" if row.q_value is None else _written_q(row.q_value),
        "positive": row.n_positive,
        "groups": row.n_groups_positive,
        "samples": row.n_samples,
        "status": row.status,
        "gap": row.gap,
    }


def held_out_auc(row: Label) -> str:
    """Write the AUC on held-out samples and its interval, if it is in enough groups for one."""
    if row.auc_held_out is None:
        return "-"
    if row.auc_held_out_low is None:
        return f"{row.auc_held_out:.3f}"
    return f"{row.auc_held_out:.3f} ({row.auc_held_out_low:.2f}-{row.auc_held_out_high:.2f})"


def _written_q(q_value: float) -> str:
    least = sys.float_info.min
    return power_of_ten(math.log10(q_value)) if q_value >= least else f"<{least:.1e}"


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
