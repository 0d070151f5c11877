"""Size and speed of the report of a run, next to what was promised: ``python -m bench.report``.

It needs Playwright and Debian's chromium, and takes two minutes, most of them to label a layer
whose units are then drawn again and again (`bench.report_runs`).
"""

import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from bench import machine
from bench.report_runs import labelled_run, many_units
from bench.tables import table
from invert_core import read_run
from invert_core.report.html_report import write_report

ROUNDS = 3
"""How often a page is built and opened; the median counts."""

_ELEMENT = re.compile(rb'<script type="[a-z/]+" id="([a-z]+)\d*">(.*?)</script>', re.DOTALL)
_PARTS = {
    "head": "head",
    "concepts": "concepts",
    "units": "table of units",
    "b": "details of units",
    "s": "samples",
    "d": "followers of concepts",
}
"""What the parts of the data are called, by the beginning of their ids."""

_FIND = "dog auc>0.9 top10<0.5"

_READY = "() => document.documentElement.dataset.ready"
_ON_NEXT_FRAME = "await new Promise(done => requestAnimationFrame(() => setTimeout(done)));"
_FILTER = f"""async text => {{
    const find = document.querySelector('input[type=search]');
    const begun = performance.now();
    find.value = text;
    find.dispatchEvent(new Event('input', {{ bubbles: true }}));
    {_ON_NEXT_FRAME}
    return performance.now() - begun;
}}"""
_OPEN = f"""async ([hash, name]) => {{
    const begun = performance.now();
    location.hash = hash;
    while (!document.querySelector('main').textContent.includes(name)
        || !document.querySelector('main svg')) await new Promise(done => setTimeout(done));
    {_ON_NEXT_FRAME}
    return performance.now() - begun;
}}"""


@dataclass(frozen=True)
class Workload:
    """A run to report, and what was promised for it: seconds, and bytes of the page and of a unit.

    Pages with three rows a unit are promised; two objectives have twice as many.
    """

    objectives: str
    n_units: int
    ready: float
    build: float | None = None
    size: float | None = None
    of_unit: float | None = 1.3e3


PROMISED = (
    Workload("auc", 2_048, ready=1.0, build=2.0, size=3e6),
    Workload("auc,phi", 2_048, ready=1.0, of_unit=None),
    Workload("auc", 16_384, ready=2.0),
    Workload("auc,phi", 16_384, ready=2.0, size=20e6, of_unit=None),
)


@dataclass(frozen=True)
class Measured:
    """What was measured of a page; times are seconds."""

    n_rows: int
    parts: dict[str, int]
    n_bytes: int
    build: float
    ready: float
    find: float
    open: float


@click.command(help="Measure the report of runs of 2,048 and 16,384 units in Debian's chromium.")
@click.option("--rounds", default=ROUNDS, show_default=True, help="How often each time is taken.")
def main(rounds: int) -> None:
    """Make the runs, measure their reports, and print two tables."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise click.ClickException(
            "playwright cannot be imported. "
            "Install it with: .venv/bin/python -m pip install playwright"
        ) from error
    chromium = shutil.which("chromium")
    if chromium is None:
        raise click.ClickException(
            "There is no chromium. Install it with: apt-get install chromium"
        )
    print(machine.here())
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        measured = {}
        for workload, run in _runs(Path(folder)):
            browser = driver.chromium.launch(executable_path=chromium)
            measured[workload] = _measured(browser, run, rounds)
            browser.close()
    for lines in (_times(measured), _sizes(measured)):
        print("\n" + "\n".join(lines))


def _runs(folder: Path) -> Iterator[tuple[Workload, Path]]:
    labelled: dict[str, Path] = {}
    for workload in PROMISED:
        if workload.objectives not in labelled:
            place = folder / workload.objectives
            place.mkdir()
            labelled[workload.objectives] = labelled_run(place, workload.objectives)
        run = folder / f"{workload.objectives} {workload.n_units}"
        yield workload, many_units(labelled[workload.objectives], run, workload.n_units)
        shutil.rmtree(run)


def _measured(browser: Any, run: Path, rounds: int) -> Measured:
    build = []
    for _ in range(rounds):
        begun = time.process_time()
        page = write_report(run)
        build.append(time.process_time() - begun)
    content = page.read_bytes()
    parts: dict[str, int] = {}
    for key, data in _ELEMENT.findall(content):
        name = _PARTS[key.decode()]
        parts[name] = parts.get(name, 0) + len(data)
    in_browser = [_times_in(browser, page) for _ in range(rounds)]
    ready, find, opened = (statistics.median(one) for one in zip(*in_browser, strict=True))
    return Measured(
        n_rows=len(read_run(run).labels),
        parts=parts | {"page": len(content) - sum(parts.values())},
        n_bytes=len(content),
        build=statistics.median(build),
        ready=ready,
        find=find,
        open=opened,
    )


def _times_in(browser: Any, page: Path) -> tuple[float, float, float]:
    """Return the seconds until the page can be used, of a search, and to open a unit."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    tab.goto(page.as_uri())
    tab.wait_for_function(_READY)
    ready = float(tab.evaluate(_READY))
    find = tab.evaluate(_FILTER, _FIND)
    tab.evaluate(_FILTER, "")
    # Not a unit of the first block, which may have been unpacked.
    name = tab.evaluate("() => document.querySelector('[role=grid] .row a').textContent")
    layer = name.rpartition(":")[0]
    opened = tab.evaluate(_OPEN, [f"#unit/{layer}%3A1500", f"{layer}:1500"])
    context.close()
    return ready / 1e3, find / 1e3, opened / 1e3


def _times(measured: dict[Workload, Measured]) -> list[str]:
    head = ("run", "build it", "open it", "find", "open a unit", "size", "a unit")
    rows = [
        (
            _named(workload, one),
            _beside(one.build, workload.build, "s"),
            _beside(one.ready, workload.ready, "s"),
            f"{1e3 * one.find:.0f} ms",
            f"{1e3 * one.open:.0f} ms",
            _beside(one.n_bytes, workload.size, "MB", 1e6),
            _beside(one.n_bytes / workload.n_units, workload.of_unit, "kB", 1e3),
        )
        for workload, one in measured.items()
    ]
    return table(head, rows)


def _sizes(measured: dict[Workload, Measured]) -> list[str]:
    names = (*_PARTS.values(), "page")
    rows = [
        (_named(workload, one), *(f"{one.parts.get(name, 0) / 1e3:.0f} kB" for name in names))
        for workload, one in measured.items()
    ]
    return table(("run", *names), rows)


def _named(workload: Workload, measured: Measured) -> str:
    return f"{workload.n_units:,} units, {workload.objectives}: {measured.n_rows:,} rows"


def _beside(found: float, promised: float | None, unit: str, scale: float = 1.0) -> str:
    """Write a number and the bound beside it, if there is one."""
    bound = f" (at most {promised / scale:g})" if promised else ""
    return f"{found / scale:.2f} {unit}{bound}"


if __name__ == "__main__":
    main()
