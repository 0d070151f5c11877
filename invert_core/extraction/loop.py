"""Runs a model over all batches and writes the activations."""

import itertools
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from invert_core.activations.writing.writer import ActivationWriter
from invert_core.data import Batch, DataSource
from invert_core.data.source import Batches
from invert_core.errors import DataError, ExistingOutputError, StorageError
from invert_core.extraction.one_batch import unit_names
from invert_core.extraction.report import Spent
from invert_core.extraction.runner import Runner
from invert_core.extraction.sample_order import Results, in_order
from invert_core.extraction.trial_runs import Trial
from invert_core.extraction.unit_names import UnitNames
from invert_core.models.backend import ModelInput
from invert_core.models.input_types import in_types_of
from invert_core.parallel import read_ahead

GOES_ON = "goes on from there"
"""What the note on an error says if the same command can do this."""


def run_all(
    runner: Runner,
    source: DataSource,
    inputs: Sequence[ModelInput],
    writer: ActivationWriter,
    batch_size: int,
    progress: Callable[[int, int], None] | None,
    named: UnitNames,
) -> Spent:
    """Extract all samples that are not done, and finish the file.

    Samples are converted to the types of the `inputs` of the model, if no value changes. The model
    first tries out a batch. A thread reads the next batch while the model runs. If anything ends
    the work early, the activations so far are written first, and a note on the error says how many
    samples are kept.
    """
    if writer.finished:
        return Spent()
    clock = _Clock()
    try:
        n_done = writer.rows_done
        start = runner.begin(n_done)
        ready = read_ahead(converted(source.batches(start, batch_size), inputs), stop=source.stop)
        with closing(ready) as batches:
            first, trial = _try_first(runner, batches, clock, resumed=n_done > 0)
            results = _results(runner, itertools.chain(first, batches), clock)
            for values in in_order(results, n_done, len(source)):
                names = {} if writer.n_units else unit_names(runner.extractor, values, named)
                writer.write(values, names, trial.layers)
                n_done += len(next(iter(values.values())))
                if progress is not None:
                    progress(n_done, len(source))
        writer.finish()
    except BaseException as error:
        _keep(writer, error, may_change=source.sample_digests is not None)
        raise
    return clock.spent()


def converted(batches: Batches, inputs: Sequence[ModelInput]) -> Batches:
    """Yield batches in the types that the inputs of a model take."""
    with closing(batches):
        for batch in batches:
            yield replace(batch, inputs=in_types_of(inputs, batch.inputs))


class _Clock:
    """Adds up the time spent waiting for batches, in the model, and in trial runs."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self.waiting = 0.0
        self.in_model = 0.0
        self.trial = 0.0

    def spent(self) -> Spent:
        whole = time.perf_counter() - self._started
        return Spent(self.waiting, self.in_model, whole - self.trial, self.trial)


def _try_first(
    runner: Runner, batches: Iterator[Batch], clock: _Clock, *, resumed: bool
) -> tuple[list[Batch], Trial]:
    """Try out the first of the batches, if there is one; it is returned, too."""
    asked = time.perf_counter()
    first = list(itertools.islice(batches, 1))
    clock.waiting += time.perf_counter() - asked
    if not first:
        return [], Trial()
    trial = runner.try_out(first[0], resumed=resumed)
    clock.trial = trial.seconds
    return first, trial


def _results(runner: Runner, batches: Iterable[Batch], clock: _Clock) -> Generator[Results]:
    asked = time.perf_counter()
    for batch in batches:
        came = time.perf_counter()
        results = runner.run(batch)
        clock.waiting += came - asked
        clock.in_model += time.perf_counter() - came
        yield results
        asked = time.perf_counter()


def _keep(writer: ActivationWriter, error: BaseException, *, may_change: bool) -> None:
    """Save the activations so far, and add a note to the error that says how many are kept.

    `may_change` says whether the work can go on after samples that are not done were repaired.
    """
    try:
        writer.save()
    except StorageError as refusal:
        if refusal is not error:
            error.add_note(refusal.message)
    said = isinstance(error, ExistingOutputError)
    if writer.rows_done and writer.partial.exists() and not said:
        then = f"the same command, without --overwrite, {GOES_ON}"
        if isinstance(error, DataError):
            then += " once that is repaired"
            if not may_change:
                then = "they are of use only if the data stay the same"
        error.add_note(
            f"{writer.rows_done:,} of {writer.n_samples:,} samples are kept in "
            f"{str(writer.partial)!r}; {then}."
        )
