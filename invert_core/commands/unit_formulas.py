"""The formulas found for a unit by each objective, with the best of each length among them."""

from collections.abc import Iterator, Sequence, Set

from invert_core.commands.console import printable
from invert_core.commands.label_cells import LESS_NEEDED, columns_for, shown, with_samples
from invert_core.commands.tables import Fit, Number, left_out, table
from invert_core.results.columns import Explanation, Label
from invert_core.wording import power_of_ten

COLUMNS = ("label", "auc", "top_10", "verdict", "p_value", "p_search", "positive")
ASKED = {
    "auc": "what the whole activation separates",
    "phi": "what the strongest responses share",
}
"""What an objective asks for."""
_MARK = ""
"""The column that marks the headline."""
_TEXT = 36
"""Places that formulas keep in a narrow terminal."""


def formula_lines(
    rows: Sequence[Label], sample_counts: Set[int], width: int | None
) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the lines on the rows of a unit in one direction, by one objective after the other.

    Beside the lines is what a terminal has no room for.
    """
    objectives = list(dict.fromkeys(row.objective for row in rows))
    for objective in objectives:
        of_objective = [row for row in rows if row.objective == objective]
        asked = f", {ASKED[objective]}" if objective in ASKED else ""
        lines, without = _formula_table(of_objective, sample_counts, width)
        told = left_out(without, f"formulas by {objective}")
        yield [printable(f"By {objective}{asked}:"), *lines], told


def _formula_table(
    rows: Sequence[Label], sample_counts: Set[int], width: int | None
) -> tuple[list[str], list[str]]:
    columns = with_samples(columns_for(COLUMNS, rows), sample_counts)
    cells = [_ranked(row) for row in rows]
    known = {row.formula for row in rows}
    for found in rows[0].by_length:
        if found.formula not in known:
            cells.append(_of_length(found, rows[0].objective))
    if any(row.headline and row.formula for row in rows):
        columns = (_MARK, *columns)
    # An objective of its own says more about its formulas than the AUC.
    other = () if rows[0].objective == "auc" else ("auc",)
    fit = Fit(("p_value", *LESS_NEEDED, *other, "held_out", "rank"), text=_TEXT)
    return table(cells, ("rank", *columns), width, fit)


def _ranked(row: Label) -> dict[str, object]:
    mark = "*" if row.headline and row.formula else ""
    return shown(row) | {"rank": row.rank, _MARK: mark}


def _of_length(found: Explanation, objective: str) -> dict[str, object]:
    """Write a formula that is no row, but the best found of its length."""
    blank = dict.fromkeys(("held_out", "interval", "top_10", "p_search", "q"), Number(""))
    return blank | {
        objective: Number("" if found.score is None else f"{found.score:.4f}"),
        "rank": None,
        _MARK: "",
        "label": found.label,
        "auc": Number(f"{found.auc:.4f}"),
        "verdict": "",
        "status": "",
        "p_value": Number(power_of_ten(found.log10_p)),
        "positive": found.n_positive,
        "samples": found.n_samples,
    }
