"""When a labelling began and how long it took, over all parts of one that was interrupted."""

import time
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Timings:
    """What run.json says of the time.

    `started` is UTC; `resumed_after` holds the units that were done whenever it went on.
    """

    started: str
    label_seconds: float
    resumed_after: tuple[int, ...] = ()


class Timer:
    """Runs from when it is made."""

    def __init__(self) -> None:
        self._before = Timings(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), 0.0)
        self._clock = time.perf_counter()

    def go_on(self, earlier: Timings, n_done: int) -> None:
        """Count what an earlier part took, which had done so many units."""
        self._before = replace(earlier, resumed_after=(*earlier.resumed_after, n_done))

    def timings(self) -> Timings:
        """What there is to say until now."""
        seconds = self._before.label_seconds + time.perf_counter() - self._clock
        return replace(self._before, label_seconds=round(seconds, 3))
