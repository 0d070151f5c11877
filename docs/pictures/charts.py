"""Charts of docs/statistics.md, from the numbers in ``validity/``, which the studies recorded."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.validity import record
from bench.validity.record import Row
from docs.pictures.svg import document, words

WAYS = {
    "normal": ("poor", "by the normal tail"),
    "conditional": ("good", "given the ties"),
    "space": ("other", "formula space"),
    "permutation": ("good", "permutation"),
    "hold-out": ("third", "hold-out"),
    "rank 1": ("poor", "rank 1 by permutation"),
    "samples": ("poor", "permuting samples"),
    "groups": ("good", "permuting groups"),
}
"""The colour of a way to decide, and what a picture calls it."""


_LETTER = 7
"""The mean width of a small letter, in pixels."""


@dataclass(frozen=True)
class Axis:
    """A scale from `low` to `high`, drawn from pixel `start` to pixel `end`, with named marks."""

    low: float
    high: float
    start: float
    end: float
    marks: dict[float, str]

    def at(self, value: float) -> float:
        """Return the pixel of a value; beyond the scale, that of its end."""
        inside = min(max(value, min(self.low, self.high)), max(self.low, self.high))
        along = (inside - self.low) / (self.high - self.low)
        return round(self.start + along * (self.end - self.start), 1)


def shares(of: Sequence[float]) -> dict[float, str]:
    """Return marks at shares, in percent."""
    return {share: f"{100 * share:g} %" for share in of}


def frame(across: Axis, up: Axis, says: tuple[str, str]) -> Iterator[str]:
    """Draw a grid with its marks, and say what the two axes are."""
    for value, mark in across.marks.items():
        x = across.at(value)
        yield f'<path class="grid" d="M{x} {up.end}V{up.start}"/>'
        yield words(x, up.start + 18, mark, "soft small middle")
    for value, mark in up.marks.items():
        y = up.at(value)
        yield f'<path class="grid" d="M{across.start} {y}H{across.end}"/>'
        yield words(across.start - 8, y + 4, mark, "soft small end")
    yield words((across.start + across.end) / 2, up.start + 40, says[0], "soft small middle")
    yield words(across.start, up.end - 12, says[1], "soft small")


def curve(kind: str, points: Sequence[tuple[float, float]]) -> str:
    """Draw straight lines between pixels."""
    path = "L".join(f"{x} {y}" for x, y in points)
    return f'<path class="{kind} stroke" d="M{path}"/>'


def dot(kind: str, x: float, y: float, radius: float = 4) -> str:
    """Draw a dot."""
    return f'<circle class="{kind}" cx="{x}" cy="{y}" r="{radius}"/>'


def legend(ways: Sequence[str], x: float, y: float) -> Iterator[str]:
    """Name the colours of ways in a line."""
    for way in ways:
        kind, says = WAYS[way]
        yield dot(kind, x, y - 4, 5)
        yield words(x + 11, y, says, "text small")
        x += 11 + _LETTER * len(says) + 28


def lanes(number: int, step: float) -> list[float]:
    """Return how far below the middle of a row each of some ways is drawn."""
    return [(lane - (number - 1) / 2) * step for lane in range(number)]


def ties(rows: Sequence[Row]) -> str:
    """Draw computed p-values over exact ones, a panel for each share of zeros."""
    parts = list(legend(("normal", "conditional"), 75, 66))
    for number, zeros in enumerate(sorted({row["zeros"] for row in rows})):
        left = 70 + 400 * number
        powers = {-10.0 * of: f"1e-{10 * of}" if of else "1" for of in range(4)}
        across = Axis(0, -30, left, left + 330, powers)
        up = Axis(-90, 0, 400, 110, {-15.0 * of: f"1e-{15 * of}" if of else "1" for of in range(7)})
        told = f"computed p-value, {100 * zeros:g} % zeros"
        parts += frame(across, up, ("exact p-value", told))
        parts.append(curve("line", [(across.at(0), up.at(0)), (across.at(-30), up.at(-30))]))
        for row in rows:
            if row["zeros"] == zeros:
                for way in ("normal", "conditional"):
                    place = across.at(row["exact"]), up.at(row[way])
                    parts.append(dot(WAYS[way][0], *place, 2.5))
    title = "P-values of a unit that is mostly zero, next to exact ones"
    return _titled(title, 850, 460, parts)


def level(rows: Sequence[Row]) -> str:
    """Draw the share of noise that is called significant: a line per structure and kind of unit."""
    ways = {"significant": "permutation", "by_space": "space"}
    cells: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        cells.setdefault((row["structure"], row["kind"]), []).append(row)
    across = Axis(0, 0.2, 300, 820, shares((0, 0.05, 0.1, 0.15, 0.2)))
    parts = list(legend(list(ways.values()), 305, 66))
    parts += [_tick(565, 62), words(574, 66, "chance exceeds it once in 1,000", "text small")]
    y = 106.0
    lines, told = [], ""
    for (structure, kind), group in cells.items():
        if structure != told:
            y += 10 if told else 0
            lines.append(words(24, y + 4, structure, "text small name"))
            told = structure
        lines.append(words(across.start - 14, y + 4, kind, "text small end"))
        for (share, way), lane in zip(ways.items(), lanes(len(ways), 7), strict=True):
            at, kind = [across.at(row[share]) for row in group], WAYS[way][0]
            lines.append(f'<path class="{kind} band" d="M{min(at)} {y + lane}H{max(at)}"/>')
            lines += [dot(kind, x, y + lane, 3) for x in at]
        lines.append(_tick(across.at(group[0]["bound"]), y))
        y += 21
    parts += frame(across, Axis(0, 1, y, 82, {}), ("share of noise called significant", ""))
    parts += _five_percent(across, 82, y)
    return _titled("Noise that is called significant", 850, y + 56, [*parts, *lines])


def _tick(x: float, y: float) -> str:
    return f'<path class="line" d="M{x} {y - 6}V{y + 6}"/>'


def power(rows: Sequence[Row]) -> str:
    """Draw the share of planted concepts that each way finds, over their effect."""
    across = Axis(0.2, 1.0, 70, 640, {of / 10: f"{of / 10:.1f}" for of in range(2, 11)})
    up = Axis(0, 1, 400, 110, shares((0, 0.25, 0.5, 0.75, 1)))
    says = ("shift inside the concept, in standard deviations", "concepts found")
    parts = list(frame(across, up, says))
    ways = ("permutation", "hold-out", "space", "rank 1")
    for way in reversed(ways):
        of_way = [row for row in rows if row["way"] == way]
        kind = WAYS[way][0]
        points = [(across.at(row["effect"]), up.at(row["found"])) for row in of_way]
        parts.append(curve(kind, points))
        parts += [dot(kind, *point) for point in points]
    parts += legend(ways, 75, 66)
    return _titled("Planted concepts that are found, by their effect", 680, 460, parts)


def groups(rows: Sequence[Row]) -> str:
    """Draw the share of grouped noise that each way calls significant."""
    across = Axis(0, 1, 470, 800, shares((0, 0.25, 0.5, 0.75, 1)))
    colours = {"space": "space", "permutation": "samples", "groups": "groups"}
    y, lines = 116.0, [words(across.start - 14, 92, "correlation within", "soft small end")]
    cells: dict[str, dict[float, list[Row]]] = {}
    for row in rows:
        cells.setdefault(row["case"], {}).setdefault(row["correlation"], []).append(row)
    for case, by_correlation in cells.items():
        lines.append(words(24, y + 4, case, "text small"))
        for correlation, group in by_correlation.items():
            says = f"{correlation:.1f}" if correlation >= 0 else "as recorded"
            lines.append(words(across.start - 14, y + 4, says, "soft small end"))
            for row, lane in zip(group, lanes(len(group), 8), strict=True):
                kind = WAYS[colours[row["way"]]][0]
                lines.append(dot(kind, across.at(row["significant"]), y + lane))
            y += 30
        y += 10
    y -= 10
    parts = list(frame(across, Axis(0, 1, y, 86, {}), ("share of noise called significant", "")))
    parts += _five_percent(across, 86, y)
    parts += legend(list(colours.values()), 400, 66)
    return _titled("Noise in groups that is called significant", 850, y + 56, [*parts, *lines])


def _five_percent(across: Axis, top: float, bottom: float) -> Iterator[str]:
    x = across.at(0.05)
    yield f'<path class="line dashed" d="M{x} {top}V{bottom}"/>'
    yield words(x + 5, top + 6, "5 %", "soft small")


def _titled(title: str, width: int, height: float, parts: Sequence[str]) -> str:
    return document(title, width, round(height), [words(24, 34, title, "text name"), *parts])


CHARTS: dict[str, Callable[[Sequence[Row]], str]] = {
    "ties": ties,
    "level": level,
    "curves": power,
    "groups": groups,
}
"""How the numbers of a study are drawn."""


def charts(folder: Path) -> dict[Path, str]:
    """Return each chart as SVG, by the file that holds it."""
    return {
        folder / f"{name}.svg": draw(record.read(record.FOLDER / f"{name}.toml").rows)
        for name, draw in CHARTS.items()
    }
