"""Batches of searched units, whose formulas are tested at once."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from invert_core.executors.threads import Piece
from invert_core.metrics.evidence import Evidence
from invert_core.metrics.table import METRICS
from invert_core.search.search import Units
from invert_core.search.several import Found

_UNITS = 256
"""The most units of a batch, but for the last piece that it takes."""
_PLACES = 2**16
"""The number of places for formulas at which a batch ends."""
_SECONDS_PER_BATCH = 0.5


@dataclass(frozen=True)
class Batch:
    """What was found for some units, their activations for metrics, and the evidence."""

    found: Found
    units: Units | None
    evidence: Evidence | None

    def __len__(self) -> int:
        """Number of units."""
        return len(self.found)

    @classmethod
    def of(cls, parts: Sequence["Batch"]) -> "Batch":
        """Return all parts as one; only a single part has activations."""
        made = [part.evidence for part in parts if part.evidence is not None]
        return cls(
            Found.joined([part.found for part in parts]),
            parts[0].units,
            Evidence.joined(made) if made else None,
        )


def batches(
    pieces: Iterable[Piece[Found]], places: int, note: Callable[[int], None]
) -> Iterator[Batch]:
    """Join pieces into batches, because a test of many formulas costs little more than one.

    A batch ends early after half a second, so that rows are saved while units take long, and
    before an error or an interrupt. Metrics need the activations of the units, so with them each
    piece is a batch. `note` is told how many units each piece has.
    """
    waiting: list[Batch] = []
    begun = time.monotonic()
    try:
        for piece in pieces:
            waiting.append(Batch(piece.found, piece.units if METRICS else None, piece.made))
            note(len(piece))
            del piece
            n_units = sum(map(len, waiting))
            is_long = time.monotonic() - begun >= _SECONDS_PER_BATCH
            if METRICS or is_long or n_units >= _UNITS or n_units * places >= _PLACES:
                batch, waiting = waiting, []
                yield Batch.of(batch)
                begun = time.monotonic()
    except BaseException as error:
        if waiting and not METRICS and not isinstance(error, GeneratorExit):
            yield Batch.of(waiting)
        raise
    if waiting:
        yield Batch.of(waiting)
