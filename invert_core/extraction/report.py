"""What an extraction did, or would take."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ExtractedLayer:
    """One layer of an activation file: how it was pooled, its number of units, how it is stored."""

    name: str
    pool: str
    n_units: int
    sparse: bool = False


@dataclass(frozen=True)
class Spent:
    """Where the time of an extraction went, in seconds.

    The next batch is made ready while the model runs: `waiting` is only what the model had to
    wait for it, `in_model` the time in the model, and `total` both and the writing.
    """

    waiting: float = 0.0
    in_model: float = 0.0
    total: float = 0.0


@dataclass(frozen=True)
class Estimate:
    """What an extraction would take.

    `file_bytes` is the size of the finished file, for sparse layers as far as one batch tells.
    `memory_bytes` is the most that this process has taken, with one batch run, and what rows need
    that wait to be written; None where the system does not say. `seconds` is the time of some
    batches, after another one to warm up, for all that are left.
    """

    file_bytes: int
    memory_bytes: int | None
    seconds: float


@dataclass(frozen=True)
class ExtractionReport:
    """What an extraction did.

    `resumed_from` is the number of samples that an earlier run had left, `already_done` says that
    it had finished; `device` is what the model ran on, `seconds` how long everything took, and
    `spent` what of it went into the samples. A dry run has an `estimate`, unless nothing is left
    to run.
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
        """Samples that this run extracted, by the time it spent on them; None if there are none."""
        n_run = self.n_samples - self.resumed_from
        return n_run / self.spent.total if n_run and self.spent.total else None
