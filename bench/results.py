"""What a run of the benchmarks measured, and the JSON file that holds it."""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench import machine as place

FORMAT = "invert-bench"
FORMAT_VERSION = 1


class Round(NamedTuple):
    """Seconds of one round: the time that passed, and that of all processor cores together."""

    wall: float
    processor: float


@dataclass(frozen=True)
class Timing:
    """The rounds of one way to do a workload, each of which did the share `part` of it.

    `table` names the table that shows them, one of those in bench/tables.py.
    """

    workload: str
    way: str
    rounds: tuple[Round, ...]
    part: float = 1.0
    remark: str = ""
    table: str = "timings"

    @property
    def wall(self) -> float:
        """Median of the seconds that passed, for the whole workload."""
        return median(of.wall for of in self.rounds) / self.part

    @property
    def processor(self) -> float:
        """Median of the seconds of processor time, for the whole workload."""
        return median(of.processor for of in self.rounds) / self.part

    @property
    def extremes(self) -> tuple[float, float]:
        """Least and largest processor time, for the whole workload."""
        times = [of.processor / self.part for of in self.rounds]
        return min(times), max(times)

    @property
    def spread(self) -> float | None:
        """Range of the processor times relative to their median; None if there is one round."""
        least, largest = self.extremes
        return (largest - least) / self.processor if len(self.rounds) > 1 else None


@dataclass(frozen=True)
class Peak:
    """Time and memory of one run of the command line in a process of its own."""

    workload: str
    wall: float
    processor: float
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
    """What the benchmarks of one run measured, and where."""

    structure: str
    machine: dict[str, Any]
    commit: str
    date: str
    timings: list[Timing] = field(default_factory=list)
    peaks: list[Peak] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)

    @classmethod
    def begun(cls, structure: str = "") -> "Results":
        """Return results that hold nothing yet, but where and when they were begun."""
        return cls(structure, place.describe(), place.commit(), place.now())

    def of_table(self, table: str) -> list[Timing]:
        """Return the timings that a table shows."""
        return [timing for timing in self.timings if timing.table == table]

    def one(self, workload: str, way: str) -> Timing:
        """Return the timing of a way, or raise LookupError if it was not measured."""
        for timing in self.timings:
            if (timing.workload, timing.way) == (workload, way):
                return timing
        raise LookupError(f"There is no time of {way!r} for {workload!r}.")

    def write(self, path: Path) -> None:
        """Write everything as JSON."""
        told = {"format": FORMAT, "format_version": FORMAT_VERSION, **asdict(self)}
        path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


class BadResultsError(ValueError):
    """A file does not hold results; the message says why and what to do."""


def read(path: Path) -> Results:
    """Read what `Results.write` wrote, or raise BadResultsError."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadResultsError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise _broken(path, f"it is not JSON ({error})") from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise _broken(path, f"its format is not {FORMAT!r}")
    if told.get("format_version") != FORMAT_VERSION:
        raise _broken(path, f"its version is {told.get('format_version')}, not {FORMAT_VERSION}")
    try:
        return _results(told)
    except (KeyError, TypeError, ValueError) as error:
        raise _broken(path, f"an entry is missing or wrong ({error!r})") from error


def _results(told: dict[str, Any]) -> Results:
    place.line(told["machine"])  # every part of it is there
    return Results(
        **{name: told[name] for name in ("structure", "machine", "commit", "date")},
        timings=[_timing(timing) for timing in told["timings"]],
        peaks=[Peak(**peak) for peak in told["peaks"]],
        choices=[Choice(**choice) for choice in told["choices"]],
    )


def _timing(told: dict[str, Any]) -> Timing:
    return Timing(**{**told, "rounds": _rounds(told["rounds"])})


def _rounds(told: Iterable[Iterable[float]]) -> tuple[Round, ...]:
    rounds = tuple(Round(*map(float, one)) for one in told)
    if not rounds:
        raise ValueError("a way without rounds")
    if not all(0 < seconds < math.inf for one in rounds for seconds in one):
        raise ValueError("a time that is not positive")
    return rounds


def _broken(path: Path, why: str) -> BadResultsError:
    return BadResultsError(
        f"{path} does not hold results of the benchmarks: {why}. "
        "Make it with: python -m pytest bench --json FILE"
    )
