"""What the evidence of a unit looks like in a terminal: hits, histograms, samples, concepts."""

from collections.abc import Iterator, Sequence

from invert_core.commands.console import printable
from invert_core.commands.label_cells import interval_of_auc
from invert_core.commands.progress import rounded
from invert_core.commands.signs import as_written, cut_to, signs, width_of
from invert_core.commands.tables import Fit, Number, left_out, table
from invert_core.commands.unit_headlines import Headline, called, end_of
from invert_core.formula.formula import Formula
from invert_core.formula.syntax import canonical, iter_literals
from invert_core.results.columns import Label
from invert_core.results.unit_evidence import ShownSample, UnitEvidence
from invert_core.wording import power_of_ten, small_number

_CUTS = (1, 10, 100, 1000)
_LINES_OF_SAMPLES, _TEXTS = 4, 8
_CHANCE = "  by chance"
"""The name of a row of hits that chance gives."""
_NAME = 24
"""Places to which the names of rows shrink."""
_BINS_IN_ONE = (1, 2, 4)
"""How many bins of a histogram become one where a terminal is narrow."""
_PIPED = 100
"""Width of paragraphs where stdout is no terminal."""
_INDENT = "  "
"""What begins the further lines of a paragraph."""

Lines = tuple[list[str], list[str]]
"""Lines, and what a terminal has no room for, in words."""


def number_lines(
    answers: Sequence[Headline], evidence: UnitEvidence | None, width: int | None
) -> Lines:
    """Return the numbers of each label, and its hits among the samples at the top."""
    cuts = [] if evidence is None else [cut for cut in _CUTS if cut < evidence.n_samples]
    rows = []
    for answer in answers:
        hits = {_top(cut): Number(_count(found)) for cut, found in _hits(answer, evidence, cuts)}
        rows += [_numbers(row) | hits for row in answer.rows]
        if cuts:
            blank: dict[str, object] = dict.fromkeys(rows[-1], Number(""))
            chance = {_top(cut): Number(rounded(_expected(answer, cut))) for cut in cuts}
            rows.append(blank | {"": _CHANCE} | chance)
    optional = {
        "held_out": any(answer.row.n_samples_held_out is not None for answer in answers),
        "interval": any(interval_of_auc(answer.row) for answer in answers),
        "q": any(answer.row.q_value is not None for answer in answers),
        "samples": len({answer.row.n_samples for answer in answers}) > 1,
    }
    columns = [name for name in rows[0] if optional.get(name, True)]
    tops = [_top(cut) for cut in cuts]
    fit = Fit(("interval", "q", "samples", "p_search", *reversed(tops)), text=_NAME)
    lines, without = table(rows, columns, width, fit)
    if tops and set(tops) <= set(without):
        # What chance gives says nothing without the hits.
        rows = [row for row in rows if row[""] != _CHANCE]
        lines, without = table(rows, [one for one in columns if one not in tops], width, fit)
        without += tops
    return lines, left_out(without, "numbers")


def _numbers(row: Label) -> dict[str, object]:
    return {
        "": called(row),
        "auc": Number(f"{row.auc:.4f}"),
        "held_out": Number("-" if row.auc_held_out is None else f"{row.auc_held_out:.3f}"),
        "interval": Number(interval_of_auc(row)),
        "p_search": Number(power_of_ten(row.log10_p_search)),
        "q": Number("" if row.q_value is None else small_number(row.q_value)),
        "positive": Number(f"{row.n_positive:,}"),
        "samples": Number(f"{row.n_samples:,}"),
    }


def _hits(
    answer: Headline, evidence: UnitEvidence | None, cuts: Sequence[int]
) -> Iterator[tuple[int, float]]:
    if evidence is None or answer.evidence is None:
        return
    places = evidence.cuts.tolist()
    for cut in cuts:
        yield cut, float(answer.evidence.hits[places.index(cut)])


def _expected(answer: Headline, cut: int) -> float:
    """Return how many hits chance gives; only samples on which a formula is defined count."""
    return min(cut, answer.row.n_samples) * answer.row.concept_fraction


def _top(cut: int) -> str:
    return f"top_{cut:,}"


def _count(hits: float) -> str:
    """Write hits, of which tied samples make fractions."""
    return f"{hits:,.1f}".removesuffix(".0")


def histogram_lines(
    answers: Sequence[Headline], evidence: UnitEvidence, width: int | None
) -> Lines:
    """Return a line of bars for the samples inside of each label and outside of the first.

    In a narrow terminal there are fewer bars, then fewer numbers, and no lines without bars.
    """
    for in_one in _BINS_IN_ONE:
        scale, rows = _histogram(answers, evidence, in_one)
        columns = ["", scale, "samples", *(["of these 0"] if evidence.zeros else [])]
        lines, without = table(rows, columns, width, Fit(("of these 0", "samples"), text=_NAME))
        if not without:
            break
    if scale in without:
        return [], left_out(["histogram"])
    return lines, left_out(without, "histogram")


def _histogram(
    answers: Sequence[Headline], evidence: UnitEvidence, in_one: int
) -> tuple[str, list[dict[str, object]]]:
    """Return the scale above the bars, which is the name of their column, and the rows."""
    n_bars = len(evidence.hist) // in_one
    low, high = (f"{value:.4g}" for value in (evidence.lowest, evidence.highest))
    scale = f"{low} {high.rjust(n_bars - len(low) - 1)}"
    rows: list[dict[str, object]] = []
    for answer in answers:
        found = answer.evidence
        assert found is not None
        n_inside = answer.row.n_positive
        is_defined = answer.row.n_samples == evidence.n_samples
        for side, hist, zeros, number in (
            ("true", found.hist_in, found.zeros_in, n_inside),
            (
                "false" if is_defined else "others",
                evidence.hist - found.hist_in,
                evidence.zeros - found.zeros_in,
                evidence.n_samples - n_inside,
            ),
        ):
            rows.append(
                {
                    "": f"{answer.name} {side}",
                    scale: Number(_bars(hist.reshape(n_bars, in_one).sum(axis=1).tolist())),
                    "samples": Number(f"{number:,}"),
                    "of these 0": Number(f"{zeros:,}"),
                }
            )
    del rows[3::2]
    return scale, rows


def _bars(counts: Sequence[int]) -> str:
    """Draw numbers as bars; a number that is not 0 can be seen."""
    heights = signs().heights
    most = max(counts) or 1
    return "".join(heights[-(-count * (len(heights) - 1) // most)] for count in counts)


def sample_lines(
    answers: Sequence[Headline], evidence: UnitEvidence, width: int | None
) -> Iterator[str]:
    """Yield the samples at the top, with a sign for each label: whether it is true there."""
    signed = signs()
    legend = ", ".join(answer.called for answer in answers)
    true, false = signed.inside, signed.outside
    entries = []
    for at, sample in enumerate(evidence.top):
        marks = "".join(_mark(answer, at) for answer in answers)
        entries.append(f"{marks} {_called(sample)} {sample.value:.4g}")
    texts = [sample.text for sample in evidence.top]
    if any(texts):
        lines = [
            f"{entry}  {as_written(printable(text or ''))}"
            for entry, text in zip(entries[:_TEXTS], texts[:_TEXTS], strict=True)
        ]
        lines = lines if width is None else [cut_to(line, width) for line in lines]
        n_shown = len(lines)
    else:
        lines, n_shown = _in_columns(entries, width)
    end = end_of(answers[0].row)
    which = f"The {n_shown} {end} samples"
    if n_shown > 1 and evidence.top[0].value == evidence.top[n_shown - 1].value:
        which = f"The first {n_shown} of the {end} samples, whose activations are equal"
    yield f"{which} ({true} true, {false} false: {legend}):"
    yield from lines


def _mark(answer: Headline, at: int) -> str:
    assert answer.evidence is not None
    signed = signs()
    return (signed.outside, signed.inside, signed.undefined)[int(answer.evidence.top_in[at])]


def _called(sample: ShownSample) -> str:
    """Return what a sample is called."""
    return as_written(printable(sample.id)) if sample.id else f"row {sample.row:,}"


def _in_columns(entries: Sequence[str], width: int | None) -> tuple[list[str], int]:
    """Set entries side by side; return a few lines and how many entries they hold."""
    room = width or _PIPED
    widest = max(map(width_of, entries))
    if width is not None and widest > width:
        entries = [cut_to(entry, width, in_middle=True) for entry in entries]
        widest = width
    n_columns = max(1, (room + 2) // (widest + 2))
    shown = entries[: n_columns * _LINES_OF_SAMPLES]
    padded = [entry + " " * (widest - width_of(entry)) for entry in shown]
    lines = [
        "  ".join(padded[start : start + n_columns]).rstrip()
        for start in range(0, len(padded), n_columns)
    ]
    return lines, len(shown)


def shared_lines(
    answers: Sequence[Headline], evidence: UnitEvidence, width: int | None
) -> Iterator[str]:
    """Yield what the samples at the top share, and what of it the label does not say."""
    answer = answers[0]
    root = Formula.parse(answer.row.formula).root
    said = {literal.id for literal in iter_literals(canonical(root)) if not literal.negated}
    n_top = len(evidence.top)
    parts = []
    for concept in evidence.share:
        lacking = "" if concept.id in said else f"{signs().inside} "
        name = as_written(printable(concept.name))
        parts.append((f"{lacking}{name}", f" {concept.hits} ({rounded(n_top * concept.share)})"))
    if not parts:
        return
    told = f"The {end_of(answer.row)} {n_top} share (by chance; "
    told += f"{signs().inside} not in the {answer.called}):"
    yield from _paragraph(told, parts, width)


def alike_lines(layer: str, evidence: UnitEvidence, width: int | None) -> Iterator[str]:
    """Yield the units alike, with their rank correlations."""
    parts = [
        (as_written(printable(f"{layer}:{unit}")), f" {correlation:+.2f}")
        for unit, correlation in evidence.alike
    ]
    if parts:
        yield from _paragraph("Units alike (rank correlation):", parts, width, in_middle=True)


def _paragraph(
    told: str, parts: Sequence[tuple[str, str]], width: int | None, *, in_middle: bool = False
) -> Iterator[str]:
    """Yield what is told and parts with commas between them, broken between words and parts.

    A part is a name, which is cut where it is wider than a terminal, and a number.
    """
    pieces = told.split(" ")
    for number, (name, behind) in enumerate(parts):
        end = behind + ("," if number < len(parts) - 1 else "")
        if width is not None:
            room = max(1, width - len(_INDENT) - width_of(end))
            name = cut_to(name, room, in_middle=in_middle)
        pieces.append(name + end)
    line = pieces[0]
    for piece in pieces[1:]:
        if width_of(line) + 1 + width_of(piece) > (width or _PIPED):
            yield line
            line = f"{_INDENT}{piece}"
        else:
            line += f" {piece}"
    yield line
