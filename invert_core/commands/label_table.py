"""How labels are printed, for people and for programs."""

import shlex
from collections.abc import Iterable, Sequence, Set
from pathlib import Path

from invert_core.commands.console import print_rows
from invert_core.commands.options import Table
from invert_core.labelling.overview import Overview
from invert_core.results.columns import VERDICTS, Label
from invert_core.results.labels import COLUMNS, Labels
from invert_core.settings import OF_HIGHEST, SIGNIFICANT
from invert_core.wording import counted, power_of_ten, small_number

SHOWN = ("unit", "label", "auc", "verdict", "p_search", "positive")
"""The columns of a table of labels, but for those that only some labels have."""

_PEAK = "phi"
"""The objective that asks what the highest activations share."""
_THE_SAME = "(same)"


def print_labels(labels: Labels, table: Table) -> None:
    """Print the most convincing labels as a table, or all rows for programs."""
    if table.style == "table":
        print_overview(Overview.of(labels, table.top))
    else:
        print_rows((row.row() for row in labels), COLUMNS, table.style)


def print_overview(overview: Overview) -> None:
    """Print the most convincing labels as a table."""
    print_answers(overview.best, overview.sample_counts)


def print_answers(answers: Sequence[Sequence[Label]], sample_counts: Set[int]) -> None:
    """Print labels as a table, each with those of the other objectives beside it."""
    best = [first for first, *_ in answers]
    columns = with_samples(columns_for(SHOWN, best), sample_counts)
    if any(row.n_groups_positive is not None for row in best):
        columns = _behind("positive", columns, "groups")
    if any(row.gap is not None for row in best):
        columns = (*columns, "gap")
    if len({row.direction for row in best}) > 1:
        columns = (*columns, "direction")
    if best and all(row.direction == "given" for row in best):  # nothing was searched
        columns = tuple("p_value" if name == "p_search" else name for name in columns)
    others = dict.fromkeys(row.objective for _, *beside in answers for row in beside)
    for name in reversed([_beside_name(objective) for objective in others]):
        columns = _behind("verdict", _behind("verdict", columns, f"{name}_verdict"), name)
    rows = []
    for first, *beside in answers:
        of_others = {row.objective: _beside(row, first) for row in beside}
        rows.append(shown(first))
        for objective in others:
            name = _beside_name(objective)
            label, verdict = of_others.get(objective, ("-", ""))
            rows[-1] |= {name: label, f"{name}_verdict": verdict}
    if all(row.verdict == "none" for row in best):
        columns = tuple(name for name in columns if not name.endswith("verdict"))
    print_rows(rows, columns, "table")


def _beside_name(objective: str) -> str:
    return "peak" if objective == _PEAK else f"by_{objective}"


def _beside(row: Label, first: Label) -> tuple[str, str]:
    """Return how the label of another objective, and its verdict, are written beside the first."""
    return (_THE_SAME if row.formula == first.formula else row.label), row.verdict


def columns_for(columns: tuple[str, ...], rows: Sequence[Label]) -> tuple[str, ...]:
    """Add the columns that any of the rows fills, and leave out a verdict that none has."""
    columns = with_q(columns, rows)
    tested = "auc"
    for objective in dict.fromkeys(row.objective for row in rows if row.objective != "auc"):
        columns = _behind("label", columns, objective)
        tested = objective if objective in OF_HIGHEST else "auc"
    if any(row.n_samples_held_out is not None for row in rows):
        columns = _behind(tested, columns, "held_out")
    if all(row.verdict == "none" for row in rows):
        columns = (*columns, "status")
    return columns


def with_q(columns: tuple[str, ...], rows: Iterable[Label]) -> tuple[str, ...]:
    """Add "q" after "p_search" if any of the rows has a q-value."""
    if all(row.q_value is None for row in rows):
        return columns
    return _behind("p_search", columns, "q")


def with_samples(columns: tuple[str, ...], sample_counts: Set[int]) -> tuple[str, ...]:
    """Add "samples" after "positive" if not all formulas were compared on all samples."""
    return columns if len(sample_counts) == 1 else _behind("positive", columns, "samples")


def _behind(other: str, columns: tuple[str, ...], column: str) -> tuple[str, ...]:
    """Put a column behind another one."""
    behind = columns.index(other) + 1
    return (*columns[:behind], column, *columns[behind:])


def summary(overview: Overview) -> str:
    """Say how many units there are, and how many of them are significant or dead."""
    some = []
    if overview.n_significant is not None:
        some.append(f"{overview.n_significant:,} significant, with q below {SIGNIFICANT}")
    if overview.n_dead:
        some.append(f"{overview.n_dead:,} dead, with a constant activation")
    of_these = f" ({'; '.join(some)})" if some else ""
    return f"{counted(overview.n_units, 'unit')}{of_these}"


def verdicts(overview: Overview) -> str:
    """Say how many labels have which verdict; nothing if some have none."""
    parts = []
    for number, (objective, counts) in enumerate(overview.verdicts.items()):
        if counts["none"]:
            return ""
        found = ", ".join(f"{counts[word]:,} {word}" for word in VERDICTS if counts[word])
        of = "peaks" if objective == _PEAK else f"labels by {objective}"
        parts.append(f"{found} (of the {of})" if number else found)
    return f"Verdicts: {'; '.join(parts)}." if parts else ""


def where_to_look(overview: Overview, run: Path) -> list[str]:
    """Say how to look at units: one whose label says most, and one whose label says too little."""
    told = {_show(run, rows[0]): "Look at one unit with" for rows in overview.best[:1]}
    if overview.doubtful is not None:
        told[_show(run, overview.doubtful)] = (
            "Look at one whose label misses its strongest responses with"
        )
    return [f"{what}: {command}" for command, what in told.items()]


def _show(run: Path, row: Label) -> str:
    return shlex.join(["invert", "show", str(run), row.address])


def shown(row: Label) -> dict[str, object]:
    """Write a row for people, with p-values as powers of ten, because they may underflow."""
    return {
        "unit": row.shown_address,
        "label": row.label,
        row.objective: "" if row.score is None else f"{row.score:.4f}",
        "auc": f"{row.auc:.4f}",
        "held_out": on_held_out(row),
        "p_value": power_of_ten(row.log10_p),
        "p_search": power_of_ten(row.log10_p_search),
        "q": "" if row.q_value is None else small_number(row.q_value),
        "positive": row.n_positive,
        "groups": row.n_groups_positive,
        "samples": row.n_samples,
        "top_10": _hits(row),
        "verdict": row.verdict,
        "status": row.status,
        "gap": row.gap,
        "direction": row.direction,
    }


def _hits(row: Label) -> str:
    """Write on how many of the ten highest samples a formula is true; ties count in part."""
    if row.precision_at_10 is None:
        return ""
    n_top = min(10, row.n_samples)
    return f"{n_top * row.precision_at_10:.2g}/{n_top}"


def on_held_out(row: Label) -> str:
    """Write what was searched for as it is on held-out samples, an AUC with its interval.

    There is none if the formula is true in too few groups.
    """
    if row.objective in OF_HIGHEST:
        return "-" if row.score_held_out is None else f"{row.score_held_out:.3f}"
    if row.auc_held_out is None:
        return "-"
    if row.auc_held_out_low is None:
        return f"{row.auc_held_out:.3f}"
    return f"{row.auc_held_out:.3f} ({row.auc_held_out_low:.2f}-{row.auc_held_out_high:.2f})"
