"""Reports what an extraction did, or what it would take."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ExtractedLayer:
    """One layer of an activation file: its pooling, number of units, and whether it is sparse."""

    name: str
    pool: str
    n_units: int
    sparse: bool = False


@dataclass(frozen=True)
class Spent:
    """Where the time of an extraction went, in seconds.

    The next batch is prepared while the model runs, so `waiting` is only the time that the model
    had to wait for it. `in_model` is the time in the model, and `total` adds the time for writing.
    `trial` is the time of the trial runs on the first batch, which is in none of the others.
    """

    waiting: float = 0.0
    in_model: float = 0.0
    total: float = 0.0
    trial: float = 0.0


@dataclass(frozen=True)
class Estimate:
    """What an extraction would take.

    `file_bytes` is the size of the finished file; for sparse layers it is estimated from one
    batch. `memory_bytes` is the most that this process has used so far, with batches run, plus
    the memory for activations that wait to be written; None if the system does not say.
    `seconds` is the time for the trial runs and for all remaining batches, estimated from some
    batches after the trial runs.
    """

    file_bytes: int
    memory_bytes: int | None
    seconds: float


@dataclass(frozen=True)
class ExtractionReport:
    """What an extraction did.

    `resumed_from` is the number of samples that an earlier run had done, and `already_done` says
    whether it had finished. `device` is the device that the model ran on, `seconds` is the time
    for everything, and `spent` is the part of it that the samples and the trial runs took. A dry
    run has an `estimate`, unless nothing is left to run.
    """

    path: Path
    n_samples: int
    resumed_from: int
    layers: tuple[ExtractedLayer, ...]
    device: str
    seconds: float
    already_done: bool
    spent: Spent = Spent()
    estimate: Estimate | None = None

    @property
    def samples_per_second(self) -> float | None:
        """Samples per second of this run; None if it extracted none."""
        n_run = self.n_samples - self.resumed_from
        return n_run / self.spent.total if n_run and self.spent.total else None
