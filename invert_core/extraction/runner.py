"""Runs a model on batches of samples, with its other inputs beside them, and carries state."""

import logging
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np

from invert_core.activations.groups import Groups
from invert_core.data import Batch, DataSource
from invert_core.data.source import Batches
from invert_core.errors import DataError, ModelError
from invert_core.extraction.feed import Beside
from invert_core.extraction.one_batch import (
    Inputs,
    count_samples,
    run_batch,
    take_samples,
    unit_names,
)
from invert_core.extraction.sample_order import Results
from invert_core.extraction.trial_runs import Trial, try_out
from invert_core.extraction.unit_names import UnitNames
from invert_core.models.backend import Extractor, Model
from invert_core.models.input_types import in_types_of

_log = logging.getLogger("invert")


@dataclass(frozen=True)
class Work:
    """What is extracted from: a model and its samples, and what comes beside them.

    Parameters
    ----------
    model : Model
        The model, which knows its inputs and has seen a sample.
    source : DataSource
        The samples.
    beside : mapping of input name to Beside
        The inputs that samples do not fill.
    carry : mapping of str to input name
        Tensors that become inputs of the next sample.
    groups : Groups or None
        Which samples belong together.
    """

    model: Model
    source: DataSource
    beside: Mapping[str, Beside]
    carry: Mapping[str, str]
    groups: Groups | None

    @property
    def axes(self) -> dict[str, int | None]:
        """The axis that counts the samples in every input; None where there are none."""
        return {each.name: each.batch_axis for each in self.model.inputs}


class Runner:
    """A model that is open for some layers, with the batches that it runs on.

    Parameters
    ----------
    extractor : Extractor
        The open model.
    work : Work
        The model and its samples.
    batch_size : int
        The most samples of a batch.
    named : UnitNames
        The names of units that the user gave.
    """

    def __init__(self, extractor: Extractor, work: Work, batch_size: int, named: UnitNames):
        self.batch_size = batch_size
        self._extractor = extractor
        self._work = work
        self._axes = work.axes
        self._named = named

    @property
    def source(self) -> DataSource:
        """The samples."""
        return self._work.source

    def check_unchanged(self) -> None:
        """Refuse files of the model or of the samples that have changed since they were opened."""
        self._work.source.check_unchanged()
        self._work.model.check_unchanged()

    def begin(self, row: int) -> int:
        """Prepare to run all samples from `row` on; return the first sample that must be run."""
        return row

    def batches(self, start: int) -> Batches:
        """Yield all batches from the one that holds sample `start`, in the types of the inputs."""
        with closing(self.source.batches(start, self.batch_size)) as batches:
            for batch in batches:
                yield replace(batch, inputs=in_types_of(self._work.model.inputs, batch.inputs))

    def unit_names(self, activations: Mapping[str, np.ndarray]) -> dict[str, tuple[str, ...]]:
        """Return the unit names of layers that have some; call this after a batch was run."""
        return unit_names(self._extractor, activations, self._named)

    def run(self, batch: Batch) -> Results:
        """Return the rows of a batch that were run, and their activations.

        Raises
        ------
        DataError, ModelError
            See `invert_core.models.backend.Extractor.run`.
        """
        count = count_samples(batch.inputs, self._axes)
        if batch.rows.shape != (count,):
            raise DataError(
                f"A batch names {batch.rows.size} samples but brings {count}.",
                "Say with --batch-axis which axis of an input counts the samples; the data must "
                "not change while it is read.",
            )
        return batch.rows, self._run(batch.inputs, self._work.beside)

    def skip(self, batch: Batch) -> None:
        """Go on behind a batch whose activations are not wanted."""

    def try_out(self, batch: Batch, *, resumed: bool) -> Trial:
        """Try out the model on a batch that will be run; see `trial_runs.try_out`."""
        inputs = self._whole(batch.inputs, self._work.beside)
        return try_out(self._extractor, inputs, axes=self._axes, resumed=resumed)

    def _run(self, samples: Inputs, beside: Mapping[str, Beside]) -> dict[str, np.ndarray]:
        return run_batch(self._extractor, self._whole(samples, beside), self._axes)

    def _whole(self, samples: Inputs, beside: Mapping[str, Beside]) -> dict[str, np.ndarray]:
        count = count_samples(samples, self._axes)
        return {**samples, **{name: each.of(count) for name, each in beside.items()}}


class CarryingRunner(Runner):
    """Runs samples one by one; what a sample leaves in a tensor is an input of the next.

    The tensors must be `raw` in the extractor. Every group of samples starts with the inputs that
    come beside them.

    Parameters
    ----------
    extractor, work, batch_size, named
        See `Runner`.

    Raises
    ------
    DataError
        The samples of a group are not next to each other.
    """

    def __init__(self, extractor: Extractor, work: Work, batch_size: int, named: UnitNames):
        super().__init__(extractor, work, batch_size, named)
        self._starts = _starts(work)
        self._next = 0
        self._state: dict[str, Beside] = {}

    def begin(self, row: int) -> int:
        """Go back to the first sample of the group that holds `row`; see `Runner.begin`."""
        begun = np.flatnonzero(self._starts[: row + 1])
        self._next = int(begun[-1]) if row < self._starts.size else row
        return self._next

    def run(self, batch: Batch) -> Results:
        """Return the activations of a batch; rows before the group that begins are left out."""
        places = self._places(batch)
        parts = [self._run_next(batch, int(place)) for place in places]
        return batch.rows[places], {
            layer: np.concatenate([part[layer] for part in parts]) for layer in parts[0]
        }

    def skip(self, batch: Batch) -> None:
        """Run a batch for the state that it leaves."""
        self.run(batch)

    def try_out(self, batch: Batch, *, resumed: bool) -> Trial:
        """Try out the model on one sample that starts a group; see `Runner.try_out`."""
        place = self._places(batch)[:1]
        first = Batch(batch.rows[place], take_samples(batch.inputs, self._axes, place))
        return super().try_out(first, resumed=resumed)

    def _places(self, batch: Batch) -> np.ndarray:
        """Return the positions of the samples of a batch that are not before the next one."""
        places = np.flatnonzero(batch.rows >= self._next)
        if not places.size:
            raise self._out_of_order(int(batch.rows[0]))
        return places

    def _run_next(self, batch: Batch, place: int) -> dict[str, np.ndarray]:
        row = int(batch.rows[place])
        if row != self._next:
            raise self._out_of_order(row)
        if self._starts[row]:
            self._state = {}
        sample = take_samples(batch.inputs, self._axes, np.array([place]))
        found = self._run(sample, {**self._work.beside, **self._state})
        raw = self._extractor.raw()
        self._state = {
            name: self._left(tensor, raw[tensor], name) for tensor, name in self._work.carry.items()
        }
        self._next = row + 1
        return found

    def _out_of_order(self, row: int) -> DataError:
        return DataError(
            f"The data bring sample {row} in place of sample {self._next}, but state is carried "
            "from each sample to the next.",
            "Bring the samples in order; for texts, say --no-bucketing.",
        )

    def _left(self, tensor: str, values: np.ndarray, name: str) -> Beside:
        """Return the state that a sample leaves; other samples in it are padding."""
        start = self._work.beside[name]
        axis = start.batch_axis
        if axis is not None and axis < values.ndim:
            values = np.take(values, [0], axis)
        if (values.shape, values.dtype) != (start.value.shape, start.value.dtype):
            raise ModelError(
                f"The tensor {tensor!r} cannot be carried to the input {name!r}: it is "
                f"{values.dtype.name} of shape {values.shape}, and not "
                f"{start.value.dtype.name} of shape {start.value.shape}.",
                "Name others in --carry, or say which axis of the input counts the samples, as in "
                f"--batch-axis {name}=1.",
            )
        return Beside(values, axis)


def _starts(work: Work) -> np.ndarray:
    """Return bool [n_samples]: whether a sample is the first of its group."""
    _log.info("State is carried, so samples run one at a time.")
    if work.groups is not None:
        return work.groups.starts(work.source.sample_id)
    _log.warning(
        "State is carried through all %s samples as one sequence; if they are several, say "
        "with --groups which samples belong together.",
        f"{len(work.source):,}",
    )
    return np.arange(len(work.source)) == 0
