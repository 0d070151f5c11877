"""Draw the pictures of the documentation from text: ``python -m docs.pictures.draw``.

Each ``.toml`` in this folder becomes an ``.svg`` beside it: ``dataflow.toml`` holds the steps and
rooms of one picture; ``speed.toml`` says which times of ``docs/performance.md`` another shows. The
charts of ``docs/statistics.md`` show what ``python -m bench.validity`` recorded in ``validity/``.
"""

import math
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from docs.pictures.charts import charts
from docs.pictures.svg import document, rectangle, words

FOLDER = Path(__file__).resolve().parent
PERFORMANCE = FOLDER.parent / "performance.md"

BOX, GAP, LEFT = 140, 34, 24
TITLE, SAYS, ROOM = 21, 17, 16
BAR_LEFT, TIMES, RATIOS, DECADE, BAR_STEP = 244, 886, 976, 180, 26


def pictures() -> dict[Path, str]:
    """Return every picture as SVG, by the file that holds it."""
    return {
        FOLDER / "dataflow.svg": dataflow(_read("dataflow")),
        FOLDER / "speed.svg": speed(_read("speed"), PERFORMANCE.read_text("utf-8")),
        **charts(FOLDER),
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
    return document(told["title"], width, height, parts)


def _height(box: dict[str, Any]) -> int:
    return 18 + TITLE + SAYS + ROOM * len(box["rooms"])


def _left(box: dict[str, Any]) -> int:
    return LEFT + box["at"][0] * (BOX + GAP)


def _box(box: dict[str, Any]) -> Iterator[str]:
    left, top = _left(box), box["at"][1] - _height(box) // 2
    middle = left + BOX // 2
    yield rectangle(left, top, BOX, _height(box), box["kind"], round_by=8)
    yield words(middle, top + TITLE + 2, box["name"], "text name middle")
    yield words(middle, top + TITLE + SAYS + 2, box["says"], "soft small middle")
    for number, room in enumerate(box["rooms"]):
        yield words(middle, top + TITLE + SAYS + 22 + ROOM * number, room, "text room middle")


def _arrow(source: dict[str, Any], target: dict[str, Any], number: int, of: int) -> str:
    """Draw a curve from the right side of a box to another's left side: arrow `number` of `of`."""
    x1, y1 = _left(source) + BOX, source["at"][1]
    x2 = _left(target) - 3
    y2 = target["at"][1] + round((number - (of - 1) / 2) * 28)
    bend = (x1 + x2) // 2
    curve = f"M{x1} {y1}C{bend} {y1} {bend} {y2} {x2} {y2}"
    return f'<path class="line" marker-end="url(#tip)" d="{curve}"/>'


def _span(bar: dict[str, Any], width: int) -> Iterator[str]:
    yield rectangle(LEFT, bar["at"] - 17, width - 2 * LEFT, 34, "yours", round_by=8)
    yield words(LEFT + 16, bar["at"] + 5, "   ".join(bar["rooms"]), "text room")
    yield words(width - LEFT - 16, bar["at"] + 5, bar["says"], "soft small end")


def _legend(kinds: Sequence[Sequence[str]], y: int) -> Iterator[str]:
    for number, (kind, says) in enumerate(kinds):
        left = LEFT + number * 196
        yield rectangle(left, y - 11, 14, 14, kind, round_by=3)
        yield words(left + 22, y, says, "soft small")


def speed(told: dict[str, Any], page: str) -> str:
    """Draw bars of times on a scale on which each line is ten times the line before."""
    start = math.log10(seconds(told["axis"][0]))

    def along(time: str) -> float:
        return round(BAR_LEFT + DECADE * (math.log10(seconds(time)) - start), 1)

    lines = [along(time) for time in told["axis"]]
    y = 40
    parts = [
        words(TIMES, y, "processor time", "soft small end"),
        words(RATIOS, y, "times as long", "soft small end"),
    ]
    for group in told["group"]:
        parts.append(words(LEFT, y, group["says"], "text name"))
        y += 12
        bottom = y + BAR_STEP * len(group["ways"])
        parts += [f'<path class="grid" d="M{x} {y}V{bottom}"/>' for x in lines]
        for way in group["ways"]:
            time, ratio = measured(page, group["workload"], way)
            parts += _bar(y, way, time, ratio, along(time))
            y += BAR_STEP
        y += 32
    y -= 15
    parts.append(words(BAR_LEFT - 32, y, told["note"], "soft small end"))
    parts += [
        words(x, y, time, "soft small middle") for x, time in zip(lines, told["axis"], strict=True)
    ]
    return document(told["title"], RATIOS + LEFT, y + 18, parts)


def _bar(y: int, way: str, time: str, ratio: str, end: float) -> Iterator[str]:
    ours = way == "invert"
    width = round(end - BAR_LEFT, 1)
    yield words(BAR_LEFT - 10, y + 16, way, "text small end")
    yield rectangle(BAR_LEFT, y + 3, width, 17, "best" if ours else "bar", round_by=2)
    yield words(TIMES, y + 16, time, "text small end")
    if not ours:
        yield words(RATIOS, y + 16, two_digits(ratio), "text small end")


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


@click.command(help="Draw every picture of this folder again from its text.")
def main() -> None:
    """Write the pictures, and print their paths."""
    for path, svg in pictures().items():
        path.write_text(svg, "utf-8", newline="\n")
        click.echo(path)


if __name__ == "__main__":
    main()
