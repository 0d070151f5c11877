"""Write measured tables into docs/performance.md: ``python -m bench.page RESULTS.json``.

The page marks where a table belongs: from ``<!-- bench: TITLE -->`` to ``<!-- end -->``. Draw the
picture again afterwards: ``python docs/pictures/draw.py``.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import click

from bench import machine
from bench.results import BadResultsError, Results, Timing, read
from bench.tables import number, table, tables, time

PAGE = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
_MARKED = re.compile(r"(<!-- bench: (.*?) -->\n\n)(.*?)(\n\n<!-- end -->)", re.DOTALL)

_LAYER = "ImageNet-val, L=3, B=3: 50,000 x 512, 1,473 concepts"
_CLASSES = "all AUC and p-values, 512 units x 1,000 disjoint classes"
_CERTIFIED = "ImageNet-val, exhaustive, L=3: a unit that detects nothing"
_START = "small data, compiled"


def numbers(results: Results) -> list[str]:
    """Return the table of five numbers, or raise LookupError if one was not measured."""
    layer = results.one(_LAYER, "invert")
    rivals = {
        workload: min(_others(results, workload), key=lambda timing: timing.processor)
        for workload in (_LAYER, _CLASSES)
    }
    ratios = {
        workload: number(rival.processor / results.one(workload, "invert").processor)
        for workload, rival in rivals.items()
    }
    rows = [
        (
            "Label a layer: 512 units, 50,000 samples, 1,473 concepts of ImageNet, formulas of up "
            "to three, with p-values",
            f"**{time(layer.processor)}** of processor time; {time(layer.wall)} passed",
        ),
        (
            f"The same without p-values by the best other way that we know: {rivals[_LAYER].way}",
            f"**{ratios[_LAYER]} times** as long",
        ),
        (
            "AUC and p-value of 512 units with each of 1,000 disjoint classes, by the best other "
            f"way that we know: {rivals[_CLASSES].way}",
            f"**{ratios[_CLASSES]} times** as long",
        ),
        (
            "Find the best of all 28.9 billion formulas of up to three concepts for one such unit, "
            "and certify it",
            f"**{time(results.one(_CERTIFIED, 'invert').processor)}**",
        ),
        (
            "Run `invert label` on small data, start-up included",
            f"**{time(results.one(_START, 'invert label').processor)}**",
        ),
    ]
    return table(("what", "measured"), rows)


def filled(page: str, results: Results) -> tuple[str, list[str]]:
    """Return the page with all tables that were measured, and the titles of those it keeps."""
    made = dict(_blocks(results))
    kept = []

    def fill(found: re.Match[str]) -> str:
        before, title, _, after = found.groups()
        if title not in made:
            kept.append(title)
            return found.group()
        return f"{before}{made[title]}{after}"

    return _MARKED.sub(fill, page), kept


def _blocks(results: Results) -> Iterator[tuple[str, str]]:
    yield "machine", f"{machine.line(results.machine)}. {results.structure}"
    for title, of_title in tables(results).items():
        yield title, "\n".join(of_title)
    try:
        yield "numbers", "\n".join(numbers(results))
    except LookupError:
        return  # `filled` tells that they are kept


def _others(results: Results, workload: str) -> list[Timing]:
    found = [of for of in results.timings if of.workload == workload and of.way != "invert"]
    if not found:
        raise LookupError(f"There is no other way for {workload!r}.")
    return found


@click.command(help="Write the tables of RESULTS into docs/performance.md.")
@click.argument("results", type=click.Path(path_type=Path))
def main(results: Path) -> None:
    """Fill the page, and name the tables that RESULTS does not hold."""
    try:
        page, kept = filled(PAGE.read_text(encoding="utf-8"), read(results))
    except BadResultsError as error:
        raise click.ClickException(str(error)) from error
    PAGE.write_text(page, encoding="utf-8", newline="\n")
    click.echo(f"Written: {PAGE}")
    if kept:
        click.echo(f"Kept, because {results} does not hold them: {', '.join(kept)}")


if __name__ == "__main__":
    main()
