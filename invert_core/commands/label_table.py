"""How labels are printed, for people and for programs."""

from collections.abc import Sequence, Set

from invert_core.commands.label_cells import (
    LESS_NEEDED,
    behind,
    columns_for,
    shown,
    with_samples,
)
from invert_core.commands.options import Table
from invert_core.commands.tables import Fit, print_rows
from invert_core.labelling.overview import Overview
from invert_core.results.columns import Label
from invert_core.results.labels import COLUMNS, Labels

SHOWN = ("unit", "label", "auc", "top_10", "verdict", "p_search", "positive")
"""The columns of a table of labels, but for those that only some labels have."""

PEAK = "phi"
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
        columns = behind("positive", columns, "groups")
    if any(row.gap is not None for row in best):
        columns = (*columns, "gap")
    if len({row.direction for row in best}) > 1:
        columns = (*columns, "direction")
    if best and all(row.direction == "given" for row in best):  # nothing was searched
        columns = tuple("p_value" if name == "p_search" else name for name in columns)
    others = dict.fromkeys(row.objective for _, *beside in answers for row in beside)
    has_verdicts = "verdict" in columns
    named = {objective: _beside_name(objective) for objective in others}
    after = "verdict" if has_verdicts else "auc"
    for name in reversed(named.values()):
        if has_verdicts:
            columns = behind(after, columns, f"{name}_verdict")
        columns = behind(after, columns, name)
    rows = []
    for first, *beside in answers:
        of_others = {row.objective: _beside(row, first) for row in beside}
        rows.append(shown(first))
        for objective, name in named.items():
            label, verdict = of_others.get(objective, ("-", ""))
            rows[-1] |= {name: label, f"{name}_verdict": verdict}
    verdicts = [f"{name}_verdict" for name in reversed(named.values())]
    drop = (*LESS_NEEDED, *verdicts, "held_out", *reversed(named.values()))
    print_rows(rows, columns, "table", Fit(drop))


def _beside_name(objective: str) -> str:
    return "peak" if objective == PEAK else f"by_{objective}"


def _beside(row: Label, first: Label) -> tuple[str, str]:
    """Return how the label of another objective, and its verdict, are written beside the first."""
    return (_THE_SAME if row.formula == first.formula else row.label), row.verdict
