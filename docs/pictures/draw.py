"""Draw the pictures of the documentation from text: ``python docs/pictures/draw.py``.

Each ``.toml`` in this folder becomes an ``.svg`` beside it. ``dataflow.toml`` holds the steps and
rooms of one picture; ``speed.toml`` says which times of ``docs/performance.md`` the other shows.
"""

import math
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

FOLDER = Path(__file__).resolve().parent
PERFORMANCE = FOLDER.parent / "performance.md"

LIGHT = {
    "panel": ("#ffffff", "#d0d7de"),
    "yours": ("#f6f8fa", "#8c959f"),
    "file": ("#ddf4ff", "#218bff"),
    "step": ("#fff8c5", "#bf8700"),
    "out": ("#dafbe1", "#2da44e"),
    "bar": ("#afb8c1", "none"),
    "best": ("#2da44e", "none"),
    "text": ("#1f2328", "none"),
    "soft": ("#59636e", "none"),
    "line": ("none", "#59636e"),
    "grid": ("none", "#e4e8ec"),
}
DARK = {
    "panel": ("#0d1117", "#3d444d"),
    "yours": ("#1c2128", "#768390"),
    "file": ("#0c2d6b", "#388bfd"),
    "step": ("#3d2e00", "#d29922"),
    "out": ("#0f3d20", "#3fb950"),
    "bar": ("#57606a", "none"),
    "best": ("#3fb950", "none"),
    "text": ("#e6edf3", "none"),
    "soft": ("#9198a1", "none"),
    "line": ("none", "#9198a1"),
    "grid": ("none", "#262c34"),
}
"""Fill and stroke of each kind of shape; `LIGHT` is for light pages, `DARK` for dark ones."""

SANS = "-apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, 'DejaVu Sans', sans-serif"
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"

BOX, GAP, LEFT = 140, 34, 24
TITLE, SAYS, ROOM = 21, 17, 16
BAR_LEFT, TIMES, RATIOS, DECADE, BAR_STEP = 244, 886, 976, 180, 26


def pictures() -> dict[Path, str]:
    """Return every picture as SVG, by the file that holds it."""
    return {
        FOLDER / "dataflow.svg": dataflow(_read("dataflow")),
        FOLDER / "speed.svg": speed(_read("speed"), PERFORMANCE.read_text("utf-8")),
    }


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))


def dataflow(told: dict[str, Any]) -> str:
    """Draw a box for each value that is passed on, arrows between them, and two bars across."""
    width, height = told["size"]
    boxes = {box["name"]: box for box in told["box"]}
    parts = [*_span(told["roof"], width), *_span(told["ground"], width)]
    for source, targets in told["arrows"].items():
        for target in targets:
            ends = [name for name, leads_to in told["arrows"].items() if target in leads_to]
            parts.append(_arrow(boxes[source], boxes[target], ends.index(source), len(ends)))
    for box in boxes.values():
        parts += _box(box)
    parts += _legend(told["kinds"], height - 20)
    return _svg(told["title"], width, height, parts)


def _height(box: dict[str, Any]) -> int:
    return 18 + TITLE + SAYS + ROOM * len(box["rooms"])


def _left(box: dict[str, Any]) -> int:
    return LEFT + box["at"][0] * (BOX + GAP)


def _box(box: dict[str, Any]) -> Iterator[str]:
    left, top = _left(box), box["at"][1] - _height(box) // 2
    middle = left + BOX // 2
    yield _rectangle(left, top, BOX, _height(box), box["kind"], round_by=8)
    yield _text(middle, top + TITLE + 2, box["name"], "text name middle")
    yield _text(middle, top + TITLE + SAYS + 2, box["says"], "soft small middle")
    for number, room in enumerate(box["rooms"]):
        yield _text(middle, top + TITLE + SAYS + 22 + ROOM * number, room, "text room middle")


def _arrow(source: dict[str, Any], target: dict[str, Any], number: int, of: int) -> str:
    """Draw a curve from the right side of a box to another's left side: arrow `number` of `of`."""
    x1, y1 = _left(source) + BOX, source["at"][1]
    x2 = _left(target) - 3
    y2 = target["at"][1] + round((number - (of - 1) / 2) * 28)
    bend = (x1 + x2) // 2
    curve = f"M{x1} {y1}C{bend} {y1} {bend} {y2} {x2} {y2}"
    return f'<path class="line" marker-end="url(#tip)" d="{curve}"/>'


def _span(bar: dict[str, Any], width: int) -> Iterator[str]:
    yield _rectangle(LEFT, bar["at"] - 17, width - 2 * LEFT, 34, "yours", round_by=8)
    yield _text(LEFT + 16, bar["at"] + 5, "   ".join(bar["rooms"]), "text room")
    yield _text(width - LEFT - 16, bar["at"] + 5, bar["says"], "soft small end")


def _legend(kinds: Sequence[Sequence[str]], y: int) -> Iterator[str]:
    for number, (kind, says) in enumerate(kinds):
        left = LEFT + number * 196
        yield _rectangle(left, y - 11, 14, 14, kind, round_by=3)
        yield _text(left + 22, y, says, "soft small")


def speed(told: dict[str, Any], page: str) -> str:
    """Draw bars of times on a scale on which each line is ten times the line before."""
    start = math.log10(seconds(told["axis"][0]))

    def along(time: str) -> float:
        return round(BAR_LEFT + DECADE * (math.log10(seconds(time)) - start), 1)

    lines = [along(time) for time in told["axis"]]
    y = 40
    parts = [
        _text(TIMES, y, "processor time", "soft small end"),
        _text(RATIOS, y, "times as long", "soft small end"),
    ]
    for group in told["group"]:
        parts.append(_text(LEFT, y, group["says"], "text name"))
        y += 12
        bottom = y + BAR_STEP * len(group["ways"])
        parts += [f'<path class="grid" d="M{x} {y}V{bottom}"/>' for x in lines]
        for way in group["ways"]:
            time, ratio = measured(page, group["workload"], way)
            parts += _bar(y, way, time, ratio, along(time))
            y += BAR_STEP
        y += 32
    y -= 15
    parts.append(_text(BAR_LEFT - 32, y, told["note"], "soft small end"))
    parts += [
        _text(x, y, time, "soft small middle") for x, time in zip(lines, told["axis"], strict=True)
    ]
    return _svg(told["title"], RATIOS + LEFT, y + 18, parts)


def _bar(y: int, way: str, time: str, ratio: str, end: float) -> Iterator[str]:
    ours = way == "invert"
    width = round(end - BAR_LEFT, 1)
    yield _text(BAR_LEFT - 10, y + 16, way, "text small end")
    yield _rectangle(BAR_LEFT, y + 3, width, 17, "best" if ours else "bar", round_by=2)
    yield _text(TIMES, y + 16, time, "text small end")
    if not ours:
        yield _text(RATIOS, y + 16, two_digits(ratio), "text small end")


def measured(page: str, workload: str, way: str) -> tuple[str, str]:
    """Return the processor time and the ratio of a way in a table of docs/performance.md."""
    for line in page.splitlines():
        if line.startswith(f"| {workload} | {way} |"):
            time, _, _, ratio = (cell.strip() for cell in line.split("|")[3:7])
            return time, ratio
    raise LookupError(f"docs/performance.md has no time of {way!r} for {workload!r}.")


def seconds(time: str) -> float:
    """Return the seconds of a time as the tables write it, such as 1.5 ms.

    >>> seconds("397 ms"), seconds("7,386 s")
    (0.397, 7386.0)
    """
    number, unit = re.fullmatch(r"([\d.,]+) (s|ms)", time).groups()
    return float(number.replace(",", "")) / (1000 if unit == "ms" else 1)


def two_digits(ratio: str) -> str:
    """Return a ratio of the tables to two digits, or without decimals if it is large.

    >>> two_digits("0.907"), two_digits("9.22"), two_digits("9.96"), two_digits("5,531")
    ('0.91', '9.2', '10', '5,531')
    """
    value = float(ratio.replace(",", ""))
    return f"{value:,.0f}" if float(f"{value:.2g}") >= 10 else f"{value:#.2g}"


def _rectangle(
    left: float, top: float, width: float, height: float, kind: str, *, round_by: int
) -> str:
    return (
        f'<rect class="{kind}" x="{left}" y="{top}" width="{width}" height="{height}" '
        f'rx="{round_by}"/>'
    )


def _text(x: float, y: float, text: str, kinds: str) -> str:
    safe = text.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text class="{kinds}" x="{x}" y="{y}" xml:space="preserve">{safe}</text>'


def _svg(title: str, width: int, height: int, parts: Sequence[str]) -> str:
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">',
        f"<title>{title}</title>",
        "<style>",
        f"text {{ font: 14px {SANS}; }}",
        ".name { font-weight: 600; }",
        ".small { font-size: 12px; }",
        f".room {{ font: 12px {MONO}; }}",
        ".middle { text-anchor: middle; }",
        ".end { text-anchor: end; }",
        ".line { stroke-width: 1.5; }",
        *_colours(LIGHT),
        "@media (prefers-color-scheme: dark) {",
        *_colours(DARK),
        "}",
        "</style>",
        '<marker id="tip" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="6" markerHeight="6" '
        'orient="auto"><path class="line" d="M1 1L6.5 4L1 7"/></marker>',
        _rectangle(0.5, 0.5, width - 1, height - 1, "panel", round_by=10),
        *parts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _colours(of_kinds: dict[str, tuple[str, str]]) -> Iterator[str]:
    for kind, (fill, stroke) in of_kinds.items():
        yield f".{kind} {{ fill: {fill}; stroke: {stroke}; }}"


@click.command(help="Draw every picture of this folder again from its text.")
def main() -> None:
    """Write the pictures, and print their paths."""
    for path, svg in pictures().items():
        path.write_text(svg, "utf-8", newline="\n")
        click.echo(path)


if __name__ == "__main__":
    main()
