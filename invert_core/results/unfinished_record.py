"""The record of an unfinished run in unfinished.json, and the timings of a labelling."""

import hashlib
import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

FORMAT = "invert-unfinished-run"
FORMAT_VERSION = 2
"""Version 2 added the number of samples to the formulas of `by_length`."""


@dataclass(frozen=True)
class Timings:
    """The timings in run.json.

    `started` is in UTC. `resumed_after` holds, for each continuation, how many units were done.
    """

    started: str
    label_seconds: float
    resumed_after: tuple[int, ...] = ()


class Timer:
    """A timer of a labelling; it starts when it is made."""

    def __init__(self) -> None:
        self._before = Timings(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), 0.0)
        self._clock = time.perf_counter()

    def go_on(self, earlier: Timings, n_done: int) -> None:
        """Add the time of an earlier run, which had labelled `n_done` units."""
        self._before = replace(earlier, resumed_after=(*earlier.resumed_after, n_done))

    def timings(self) -> Timings:
        """Return the timings up to now."""
        seconds = self._before.label_seconds + time.perf_counter() - self._clock
        return replace(self._before, label_seconds=round(seconds, 3))


@dataclass(frozen=True)
class Record:
    """The part of an unfinished run that is saved.

    The first `n_bytes` of labels.jsonl hold the rows of the first `n_units` units; `sha256` is the
    hash of these bytes. `fingerprint` holds all that determines the rows.
    """

    fingerprint: Mapping[str, Any]
    timings: Timings
    n_units: int = 0
    n_bytes: int = 0
    sha256: str = hashlib.sha256().hexdigest()

    def __post_init__(self) -> None:
        counts = (self.n_units, self.n_bytes, *self.timings.resumed_after)
        seconds = self.timings.label_seconds
        if not (
            isinstance(self.fingerprint, Mapping)
            and all(type(count) is int and 0 <= count < 2**63 for count in counts)
            and isinstance(self.sha256, str)
            and isinstance(self.timings.started, str)
            and type(seconds) is float
            and 0 <= seconds < math.inf
        ):
            raise ValueError("a value is of the wrong type or size")

    def to_json(self) -> str:
        """Return the text of unfinished.json."""
        head = {"format": FORMAT, "format_version": FORMAT_VERSION}
        return json.dumps(head | asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> "Record":
        """Read what `to_json` wrote; anything else raises a ValueError or TypeError."""
        values = json.loads(text)
        if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
            raise ValueError("it does not describe an unfinished run")
        if (version := values.pop("format_version", None)) != FORMAT_VERSION:
            raise ValueError(f"format version {version!r}, this program reads {FORMAT_VERSION}")
        times = values.pop("timings", None)
        if not isinstance(times, dict) or not isinstance(times.get("resumed_after"), list):
            raise ValueError("it has no timings")
        times = Timings(**times | {"resumed_after": tuple(times["resumed_after"])})
        return cls(timings=times, **values)
