"""One unit of a run, as people read it: what matters comes first."""

from collections.abc import Iterator, Mapping, Sequence, Set

from invert_core.commands.console import echo_line, printable, say
from invert_core.commands.signs import as_written
from invert_core.commands.tables import say_left_out, terminal_width
from invert_core.commands.unit_evidence import (
    alike_lines,
    histogram_lines,
    number_lines,
    sample_lines,
    shared_lines,
)
from invert_core.commands.unit_formulas import formula_lines
from invert_core.commands.unit_headlines import headlines
from invert_core.results.columns import Label
from invert_core.results.unit_evidence import UnitEvidence

Part = tuple[list[str], list[str]]
"""Lines that belong together, and what a terminal has no room for."""


def print_unit(
    rows: Sequence[Label], sample_counts: Set[int], evidence: Mapping[str, UnitEvidence]
) -> None:
    """Print a unit, one direction after the other.

    Parameters
    ----------
    rows : sequence of Label
        All rows of the unit.
    sample_counts : set of int
        All different numbers of samples on which formulas of the run were compared.
    evidence : mapping of str to UnitEvidence
        Evidence by direction; empty if the run has none.
    """
    width = terminal_width()
    directions = list(dict.fromkeys(row.direction for row in rows))
    left_out: list[str] = []
    if rows[0].unit_name and rows[0].formula:
        echo_line(as_written(printable(rows[0].shown_address)))
    for number, direction in enumerate(directions):
        of_direction = [row for row in rows if row.direction == direction]
        if len(directions) > 1:
            echo_line(("\n" if number else "") + printable(f"Direction {direction}:"))
        parts = _parts(of_direction, sample_counts, evidence.get(direction), width)
        for place, (lines, without) in enumerate(parts):
            echo_line("\n" * bool(place) + "\n".join(map(as_written, lines)))
            left_out += without
    say_left_out(left_out)
    if not evidence:
        say(
            "The run holds no evidence, so that hits, histograms and samples are missing; label "
            "again without --no-evidence to see them."
        )


def _parts(
    rows: Sequence[Label],
    sample_counts: Set[int],
    evidence: UnitEvidence | None,
    width: int | None,
) -> Iterator[Part]:
    """Yield what there is to say about a unit in one direction."""
    if not rows[0].formula:
        yield [_dead(rows[0], evidence)], []
        return
    answers = headlines(rows, evidence)
    if answers:
        told = [answer.sentence for answer in answers]
        if evidence is not None:
            told += shared_lines(answers, evidence, width)
        yield told, []
        yield number_lines(answers, evidence, width)
    if answers and evidence is not None:
        yield list(sample_lines(answers, evidence, width)), []
        lines, left_out = histogram_lines(answers, evidence, width)
        yield [*lines, *alike_lines(rows[0].layer, evidence, width)], left_out
    yield from formula_lines(rows, sample_counts, width)


def _dead(row: Label, evidence: UnitEvidence | None) -> str:
    value = "" if evidence is None else f" {evidence.lowest:.4g}"
    name = printable(row.shown_address)
    return f"{name} is dead: its activation is constant{value and ','}{value}, so no formula fits."
