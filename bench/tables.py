"""The tables that `make bench` prints, as Markdown: ``python -m bench.tables RESULTS.json``."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

import click

from bench import machine
from bench.results import BadResultsError, Choice, Peak, Results, Timing, read


def lines(results: Results) -> Iterator[str]:
    """Yield the machine, and all tables that are not empty."""
    yield machine.line(results.machine)
    yield f"Commit {results.commit or 'unknown'}, {results.date}. {results.structure}"
    for title, of_title in tables(results).items():
        yield from ("", f"**{title}**", "", *of_title)


def tables(results: Results) -> dict[str, list[str]]:
    """Return the tables that are not empty, by title."""
    made = {
        "Ratios": ratios(results.of_table("timings")),
        "Whole processes": alone(results.of_table("processes"), "command"),
        "Missing labels": ratios(results.of_table("missing")),
        "Permuted samples": ratios(results.of_table("permutations"), base="no permutations"),
        "Evidence": ratios(results.of_table("evidence"), base=("no evidence", "search")),
        "Extraction": ratios(results.of_table("extraction"), base="bare forward pass"),
        "Checksums": ratios(results.of_table("checksums"), base=("version 1", "nothing")),
        "Stages of one unit": alone(results.of_table("stages"), "stage"),
        "Peak memory": memory(results.peaks),
        "Sparse or dense": choices(results.choices),
    }
    return {title: of_title for title, of_title in made.items() if len(of_title) > 2}


def ratios(timings: Iterable[Timing], base: str | tuple[str, ...] = "invert") -> list[str]:
    """Return a table of the time of each way, and of its ratio to the first that is called `base`.

    The ratio is that of processor times. `base` may be the beginning of a name, or several.
    """
    rows = []
    for workload, group in groupby(timings, key=lambda timing: timing.workload):
        ways = list(group)
        ours = [timing.processor for timing in ways if timing.way.startswith(base)]
        for timing in ways:
            ratio = number(timing.processor / ours[0]) if ours else ""
            rows.append((workload, timing.way, *_times(timing), ratio, timing.remark))
    return table(("workload", "way", "processor", "wall", "spread", "ratio", "remark"), rows)


def alone(timings: Iterable[Timing], way: str) -> list[str]:
    """Return a table of times that are not compared with one another."""
    rows = [(of.workload, of.way, *_times(of), of.remark) for of in timings]
    return table(("workload", way, "processor", "wall", "spread", "remark"), rows)


def memory(peaks: Iterable[Peak], command: str = "invert label") -> list[str]:
    """Return a table of the peak memory and times of whole processes."""
    rows = [
        (of.workload, f"{of.peak_bytes / 1e6:.0f} MB", time(of.processor), time(of.wall))
        for of in peaks
    ]
    return table((f"`{command}`", "peak memory", "processor", "wall"), rows)


def choices(chosen: Iterable[Choice]) -> list[str]:
    """Return a table of what the choice of the cost model costs next to the better way."""
    rows = [
        (
            f"{choice.n_atoms:,}",
            f"{choice.density:.1%}",
            f"{choice.share:.0%}",
            time(choice.walk),
            time(choice.planes),
            time(choice.chosen),
            f"{choice.regret:.2f}",
        )
        for choice in chosen
    ]
    return table(("atoms", "density", "set", "walk", "planes", "chosen", "regret"), rows)


def table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Return a Markdown table."""
    made = [header, ("---",) * len(header), *rows]
    return [f"| {' | '.join(cells)} |" for cells in made]


def time(seconds: float) -> str:
    """Return seconds to three digits, in the unit that fits."""
    rounded = float(f"{seconds:.3g}")  # before the unit is chosen: 0.9999 s is not 1,000 ms
    if rounded >= 1:
        return f"{number(seconds)} s"
    if rounded >= 1e-3:
        return f"{number(rounded * 1e3)} ms"
    return f"{number(rounded * 1e6)} µs"


def number(value: float) -> str:
    """Return a number to three digits, or without decimals if it is large."""
    return f"{value:,.0f}" if float(f"{value:.3g}") >= 100 else f"{value:#.3g}"


def _times(timing: Timing) -> tuple[str, str, str]:
    spread = "" if timing.spread is None else f"{timing.spread:.0%}"
    return time(timing.processor), time(timing.wall), spread


@click.command(help="Print the tables of RESULTS, a file that the benchmarks wrote.")
@click.argument("results", type=click.Path(path_type=Path))
def main(results: Path) -> None:
    """Print all tables."""
    try:
        click.echo("\n".join(lines(read(results))))
    except BadResultsError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
