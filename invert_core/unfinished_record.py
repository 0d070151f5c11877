"""What an unfinished run says of itself: unfinished.json."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from invert_core.timings import Timings

FORMAT = "invert-unfinished-run"
FORMAT_VERSION = 2
"""Since version 2 formulas of `by_length` say their number of samples, as in a run directory."""


@dataclass(frozen=True)
class Record:
    """What is on disk for good.

    The first `n_bytes` of labels.jsonl are the rows of the first `n_units` units; `sha256` is
    theirs. `fingerprint` holds all that determines the rows.
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
        """The text of unfinished.json."""
        head = {"format": FORMAT, "format_version": FORMAT_VERSION}
        return json.dumps(head | asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> "Record":
        """Read what `to_json` wrote; ValueError or TypeError where it is something else."""
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
