"""The tables that `make bench` prints, as Markdown."""

import platform
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path

from invert_core.parallel import available_cores

_PACKAGES = ("numpy", "numba", "scipy", "illico")


@dataclass(frozen=True)
class Timing:
    """The time of one way to do a workload; `measured` is the time of the share `part` of it.

    `cores` is the processor time divided by the time that passed.
    """

    workload: str
    way: str
    measured: float
    cores: float
    part: float = 1.0
    remark: str = ""

    @property
    def seconds(self) -> float:
        """Seconds of the whole workload."""
        return self.measured / self.part


@dataclass(frozen=True)
class Peak:
    """Time and memory of one run of the command line in a process of its own."""

    workload: str
    seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class Choice:
    """Seconds of both ways to sum labels, and of the one that the cost model chose."""

    n_atoms: int
    density: float
    share: float
    walk: float
    planes: float
    chosen: float

    @property
    def regret(self) -> float:
        """Time of the chosen way divided by the time of the better one."""
        return self.chosen / min(self.walk, self.planes)


@dataclass
class Results:
    """What the benchmarks of one run measured."""

    timings: list[Timing] = field(default_factory=list)
    stages: list[Timing] = field(default_factory=list)
    peaks: list[Peak] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)

    def tables(self) -> Iterator[str]:
        """Yield the lines of all tables that are not empty."""
        for title, table in (
            ("Ratios", ratios(self.timings)),
            ("Stages of one unit", stages(self.stages)),
            ("Peak memory", memory(self.peaks)),
            ("Sparse or dense", choices(self.choices)),
        ):
            if len(table) > 2:
                yield from ("", f"**{title}**", "", *table)


def machine() -> str:
    """Return the processor and the versions, on which the numbers depend besides the code."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    versions = [f"Python {platform.python_version()}"]
    for package in _PACKAGES:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            versions.append(f"no {package}")
    processor = models[0] if models else platform.processor() or platform.machine()
    return f"{processor}, {available_cores()} cores; {', '.join(versions)}"


def ratios(timings: Iterable[Timing]) -> list[str]:
    """Return a table of the time of each way, and of its ratio to the time of `invert`."""
    rows = []
    for workload, group in groupby(timings, key=lambda timing: timing.workload):
        ways = list(group)
        ours = [timing.seconds for timing in ways if timing.way.startswith("invert")]
        for timing in ways:
            ratio = _number(timing.seconds / ours[0]) if ours else ""
            cores = f"{timing.cores:.1f}"
            rows.append((workload, timing.way, _time(timing.seconds), cores, ratio, timing.remark))
    return table(("workload", "way", "time", "cores", "ratio", "remark"), rows)


def stages(timings: Iterable[Timing]) -> list[str]:
    """Return a table of the time of one unit, stage by stage."""
    rows = [(stage.workload, stage.way, _time(stage.seconds), stage.remark) for stage in timings]
    return table(("workload", "stage", "time", "remark"), rows)


def memory(peaks: Iterable[Peak], command: str = "invert label") -> list[str]:
    """Return a table of the peak memory and wall time of whole processes."""
    rows = [
        (peak.workload, f"{peak.peak_bytes / 1e6:.0f} MB", _time(peak.seconds)) for peak in peaks
    ]
    return table((f"`{command}`", "peak memory", "time, start-up included"), rows)


def choices(chosen: Iterable[Choice]) -> list[str]:
    """Return a table of what the choice of the cost model costs next to the better way."""
    rows = [
        (
            f"{choice.n_atoms:,}",
            f"{choice.density:.1%}",
            f"{choice.share:.0%}",
            _time(choice.walk),
            _time(choice.planes),
            _time(choice.chosen),
            f"{choice.regret:.2f}",
        )
        for choice in chosen
    ]
    return table(("atoms", "density", "set", "walk", "planes", "chosen", "regret"), rows)


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{_number(seconds / size)} {unit}"
    return f"{_number(seconds * 1e6)} µs"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [header, ("---",) * len(header), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]
