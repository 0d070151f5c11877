"""The record of an unfinished run in unfinished.json, and the timings of a labelling."""

import hashlib
import json
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from invert_core.files.json_digest import DIGEST, matches_digest, with_digest

FORMAT = "invert-unfinished-run"
FORMAT_VERSION = 7
"""Version 2 added the number of samples to the formulas of `by_length`; version 3, labels.csv;
version 4, the digest of the record itself; version 5 took the rows out of the files of the run;
version 6, evidence; version 7 made records of units once for all objectives, and
added what the top shares and ranks of samples."""

FILES = ("unfinished.jsonl", "unfinished.csv", "unfinished.evidence")
"""The files to which the rows of an unfinished run, and their evidence, are appended."""

_BLOCK = 2**20


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


class OtherVersionError(ValueError):
    """The record was written by another version of this program."""


@dataclass(frozen=True)
class Saved:
    """The saved part of a file: its first `n_bytes`, and their hash."""

    n_bytes: int = 0
    sha256: str = hashlib.sha256().hexdigest()

    def __post_init__(self) -> None:
        _check(_is_count(self.n_bytes) and isinstance(self.sha256, str))

    def lines_of(self, path: Path) -> Iterator[bytes]:
        """Read the lines of this part of a file; what follows them may be half a line."""
        left = self.n_bytes
        if not left:
            return
        with path.open("rb") as file:
            while line := file.readline(left):
                left -= len(line)
                yield line

    def digest_of(self, path: Path) -> Any:
        """Return the hash of this part of a file, as a hash object that can take more."""
        digest = hashlib.sha256()
        left = self.n_bytes
        with path.open("rb") as file:
            while block := file.read(min(left, _BLOCK)):
                digest.update(block)
                left -= len(block)
        return digest


@dataclass(frozen=True)
class Record:
    """The part of an unfinished run that is saved.

    `files` holds the parts of `FILES`, keyed by name, that are about the first `n_units` units.
    `fingerprint` holds all that determines the rows.
    """

    fingerprint: Mapping[str, Any]
    timings: Timings
    n_units: int = 0
    files: Mapping[str, Saved] = field(default_factory=lambda: dict.fromkeys(FILES, Saved()))

    def __post_init__(self) -> None:
        seconds = self.timings.label_seconds
        _check(
            isinstance(self.fingerprint, Mapping)
            and all(map(_is_count, (self.n_units, *self.timings.resumed_after)))
            and isinstance(self.timings.started, str)
            and type(seconds) is float
            and 0 <= seconds < math.inf
            and set(self.files) == set(FILES)
        )

    def to_json(self) -> str:
        """Return the text of unfinished.json."""
        head = {"format": FORMAT, "format_version": FORMAT_VERSION}
        return json.dumps(with_digest(head | asdict(self)), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> "Record":
        """Read what `to_json` wrote; anything else raises a ValueError or TypeError.

        The error is an OtherVersionError if another version of this program wrote it.
        """
        values = json.loads(text)
        if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
            raise ValueError("it does not describe an unfinished run")
        if (version := values.pop("format_version", None)) != FORMAT_VERSION:
            raise OtherVersionError(
                f"format version {version!r}, this program reads {FORMAT_VERSION}"
            )
        _check_digest(values | {"format": FORMAT, "format_version": version})
        del values[DIGEST]
        times, files = values.pop("timings", None), values.pop("files", None)
        if not isinstance(times, dict) or not isinstance(times.get("resumed_after"), list):
            raise ValueError("it has no timings")
        if not isinstance(files, dict):
            raise ValueError("it has no files")
        times = Timings(**times | {"resumed_after": tuple(times["resumed_after"])})
        saved = {name: Saved(**part) for name, part in files.items()}
        return cls(timings=times, files=saved, **values)


def _check_digest(values: Mapping[str, Any]) -> None:
    if not matches_digest(values):
        raise ValueError("it does not match its own digest")


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _check(is_valid: bool) -> None:
    if not is_valid:
        raise ValueError("a value is of the wrong type or size")
