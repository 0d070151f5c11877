"""Write measured tables into docs/performance.md: ``python -m bench.page RESULTS.json``.

The page marks where a table belongs: from ``<!-- bench: TITLE -->`` to ``<!-- end -->``. All tables
come from one run, whose machine and commit the page names. Draw the picture again afterwards:
``python -m docs.pictures.draw``.
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
_LONG = "ImageNet-val, L=10, B=50: 50,000 x 512, 1,473 concepts"
_CERTIFIED = "ImageNet-val, exhaustive, L=3: a unit that detects nothing"
_START = "small data, compiled"

_MEASURED = {"processor", "peak memory", "walk"}
"""Titles of the first column that holds measurements; the columns before it name the row."""
_NAMED = 5
"""Number of missing rows that a message names."""


class MissingRowsError(ValueError):
    """The page has rows that the results do not hold."""


def numbers(results: Results) -> list[str]:
    """Return the table of five numbers, or raise LookupError if one was not measured."""
    layer = results.one(_LAYER, "invert")
    rivals = {
        workload: min(_others(results, workload), key=lambda timing: timing.processor)
        for workload in (_LAYER, _LONG)
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
            "Formulas of up to ten with a beam of 50, by the best other way that we know: "
            f"{rivals[_LONG].way}",
            f"**{ratios[_LONG]} times** as long",
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


def filled(page: str, results: Results, *, drop: bool = False) -> str:
    """Return the page with all its tables made of `results`, which must hold each of its rows.

    With `drop`, rows that `results` do not hold go. Raises LookupError if a whole table is missing.
    """
    made = dict(_blocks(results))
    missing: list[str] = []

    def fill(found: re.Match[str]) -> str:
        before, title, old, after = found.groups()
        if title not in made:
            raise LookupError(f"There is no table {title!r}.")
        held = _names(made[title])
        missing.extend(name for name in _names(old) if name not in held)
        return f"{before}{made[title]}{after}"

    after = _MARKED.sub(fill, page)
    if missing and not drop:
        rows = "row" if len(missing) == 1 else "rows"
        named = [*missing[:_NAMED], *(["..."] if len(missing) > _NAMED else [])]
        raise MissingRowsError(
            f"The page has {len(missing)} {rows} that these results lack: {'; '.join(named)}. "
            "Measure every row with: make bench; or, to delete these rows, add: --drop"
        )
    return after


def _names(block: str) -> list[str]:
    """Return what names each row of a table; nothing if the block is no table of measurements."""
    header, *rows = ([cell.strip() for cell in of.split("|")[1:-1]] for of in block.split("\n"))
    first = next((k for k, title in enumerate(header) if title in _MEASURED), None)
    return [] if first is None else [" | ".join(row[:first]) for row in rows[1:]]


def _blocks(results: Results) -> Iterator[tuple[str, str]]:
    where = f"Commit {results.commit or 'unknown'}, {results.date.partition('T')[0]}"
    yield "machine", f"{where}. {machine.line(results.machine)}. {results.structure}"
    for title, of_title in tables(results).items():
        yield title, "\n".join(of_title)
    yield "numbers", "\n".join(numbers(results))


def _others(results: Results, workload: str) -> list[Timing]:
    found = [of for of in results.timings if of.workload == workload and of.way != "invert"]
    if not found:
        raise LookupError(f"There is no other way for {workload!r}.")
    return found


@click.command(help="Write the tables of RESULTS into docs/performance.md.")
@click.argument("results", type=click.Path(path_type=Path))
@click.option("--drop", is_flag=True, help="Delete rows of the page that RESULTS does not hold.")
def main(results: Path, drop: bool) -> None:
    """Fill the page, or refuse results that lack a part of it."""
    try:
        page = filled(PAGE.read_text(encoding="utf-8"), read(results), drop=drop)
    except LookupError as error:
        raise click.ClickException(
            f"{results} lacks a part of the page: {error.args[0]} Measure all with: make bench"
        ) from error
    except (BadResultsError, MissingRowsError) as error:
        raise click.ClickException(str(error)) from error
    PAGE.write_text(page, encoding="utf-8", newline="\n")
    click.echo(f"Written: {PAGE}")


if __name__ == "__main__":
    main()
