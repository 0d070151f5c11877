"""Two files of results side by side: ``python -m bench.compare BEFORE.json AFTER.json``."""

from collections.abc import Iterator
from pathlib import Path

import click

from bench import machine
from bench.results import BadResultsError, Results, Timing, read
from bench.tables import number, table, time

_DECIDES = ("processor", "cores")
"""What makes two machines different; other versions are only named."""


class OtherMachineError(ValueError):
    """The results come from different machines."""


def compared(before: Results, after: Results, *, other_machine: bool = False) -> Iterator[str]:
    """Yield a table of the processor times in both files, and of the ratio of their medians.

    The rounds are *apart* if all of one file took longer than all of the other; if they overlap,
    the difference may be noise.
    """
    differ = [name for name in _DECIDES if before.machine[name] != after.machine[name]]
    if differ and not other_machine:
        told = "; ".join(f"{before.machine[of]} and {after.machine[of]}" for of in differ)
        raise OtherMachineError(
            f"The two files come from different machines ({told}), so their times say little about "
            "the code. To compare them all the same, add: --other-machine"
        )
    for name, results in (("before", before), ("after", after)):
        yield f"{name}: commit {results.commit or 'unknown'}, {results.date}"
        yield f"  {machine.line(results.machine)}"
    pairs = _by_way(before), _by_way(after)
    both = [key for key in pairs[0] if key in pairs[1]]
    header = ("workload", "way", "before", "after", "after / before", "rounds")
    yield from ("", *table(header, (_row(pairs[0][key], pairs[1][key]) for key in both)))
    yield from _only("before", pairs[0], both)
    yield from _only("after", pairs[1], both)
    yield from _peaks(before, after)


def _by_way(results: Results) -> dict[tuple[str, str, str], Timing]:
    return {(of.table, of.workload, of.way): of for of in results.timings}


def _row(before: Timing, after: Timing) -> tuple[str, ...]:
    return (
        before.workload,
        before.way,
        time(before.processor),
        time(after.processor),
        number(after.processor / before.processor),
        "overlap" if _overlap(before, after) else "apart",
    )


def _overlap(before: Timing, after: Timing) -> bool:
    return all(
        one.extremes[0] <= other.extremes[1] for one, other in ((before, after), (after, before))
    )


def _only(
    name: str, timings: dict[tuple[str, str, str], Timing], both: list[tuple[str, str, str]]
) -> Iterator[str]:
    for key, timing in timings.items():
        if key not in both:
            yield f"Only {name}: {timing.workload}, {timing.way}: {time(timing.processor)}"


def _peaks(before: Results, after: Results) -> Iterator[str]:
    found = {of.workload: of for of in after.peaks}
    rows = [
        (
            one.workload,
            *(f"{of.peak_bytes / 1e6:.0f} MB" for of in (one, other)),
            *(time(of.processor) for of in (one, other)),
            number(other.processor / one.processor),
        )
        for one in before.peaks
        if (other := found.get(one.workload))
    ]
    if rows:
        header = ("process", "peak before", "peak after", "before", "after", "after / before")
        yield from ("", *table(header, rows))


@click.command(help="Compare the processor times in two files that the benchmarks wrote.")
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@click.option("--other-machine", is_flag=True, help="Compare times of different machines too.")
def main(before: Path, after: Path, other_machine: bool) -> None:
    """Print a table of the ways that both files have, and name the others."""
    try:
        told = list(compared(read(before), read(after), other_machine=other_machine))
    except (BadResultsError, OtherMachineError) as error:
        raise click.ClickException(str(error)) from error
    click.echo("\n".join(told))


if __name__ == "__main__":
    main()
