"""How the columns of a label are written for people."""

from collections.abc import Iterable, Sequence, Set

from invert_core.commands.tables import Address, Number
from invert_core.results.columns import Label
from invert_core.settings import OF_HIGHEST
from invert_core.wording import power_of_ten, small_number

LESS_NEEDED = ("positive", "samples", "groups", "gap", "interval", "q", "p_search")
"""Columns that a narrow terminal does without, the first first."""


def shown(row: Label) -> dict[str, object]:
    """Write a row for people, with p-values as powers of ten, because they may underflow."""
    return {
        "unit": Address(row.shown_address),
        "label": row.label,
        row.objective: Number("" if row.score is None else f"{row.score:.4f}"),
        "auc": Number(f"{row.auc:.4f}" if row.formula else ""),
        "held_out": Number(on_held_out(row)),
        "interval": Number(interval(row)),
        "p_value": Number(power_of_ten(row.log10_p)),
        "p_search": Number(power_of_ten(row.log10_p_search) if row.formula else ""),
        "q": Number("" if row.q_value is None else small_number(row.q_value)),
        "positive": row.n_positive,
        "groups": row.n_groups_positive,
        "samples": row.n_samples,
        "top_10": Number(hits_among_ten(row)),
        "verdict": row.verdict,
        "status": row.status,
        "gap": row.gap,
        "direction": row.direction,
    }


def hits_among_ten(row: Label) -> str:
    """Write on how many of the ten highest samples a formula is true; ties count in part."""
    if row.precision_at_10 is None:
        return ""
    n_top = min(10, row.n_samples)
    return f"{n_top * row.precision_at_10:.2g}/{n_top}"


def on_held_out(row: Label) -> str:
    """Write what was searched for as it is on held-out samples.

    There is none if the formula is true in too few groups.
    """
    found = row.score_held_out if row.objective in OF_HIGHEST else row.auc_held_out
    return "-" if found is None else f"{found:.3f}"


def interval(row: Label) -> str:
    """Write the interval of the AUC on held-out samples; nothing if something else was searched."""
    return "" if row.objective in OF_HIGHEST else interval_of_auc(row)


def interval_of_auc(row: Label) -> str:
    """Write the interval of the AUC on held-out samples."""
    low, high = row.auc_held_out_low, row.auc_held_out_high
    return "" if low is None or high is None else f"{low:.2f}-{high:.2f}"


def columns_for(columns: tuple[str, ...], rows: Sequence[Label]) -> tuple[str, ...]:
    """Add the columns that any of the rows fills, and leave out a verdict that none has."""
    columns = with_q(columns, rows)
    tested = "auc"
    for objective in dict.fromkeys(row.objective for row in rows if row.objective != "auc"):
        columns = behind("label", columns, objective)
        tested = objective if objective in OF_HIGHEST else "auc"
    if any(row.n_samples_held_out is not None for row in rows):
        if any(interval(row) for row in rows):
            columns = behind(tested, columns, "interval")
        columns = behind(tested, columns, "held_out")
    if all(row.verdict in ("none", "dead") for row in rows):
        columns = tuple(name for name in columns if name not in ("verdict", "top_10"))
        columns = (*columns, "status")
    return columns


def with_q(columns: tuple[str, ...], rows: Iterable[Label]) -> tuple[str, ...]:
    """Add "q" after "p_search" if any of the rows has a q-value."""
    if all(row.q_value is None for row in rows):
        return columns
    return behind("p_search", columns, "q")


def with_samples(columns: tuple[str, ...], sample_counts: Set[int]) -> tuple[str, ...]:
    """Add "samples" after "positive" if not all formulas were compared on all samples."""
    return columns if len(sample_counts) == 1 else behind("positive", columns, "samples")


def behind(other: str, columns: tuple[str, ...], column: str) -> tuple[str, ...]:
    """Put a column behind another one."""
    after = columns.index(other) + 1
    return (*columns[:after], column, *columns[after:])
