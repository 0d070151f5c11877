"""Runs a model over all batches and writes the activations."""

import itertools
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing

from invert_core.activations.writing.writer import ActivationWriter
from invert_core.data import Batch
from invert_core.errors import ChangedFileError, DataError, ExistingOutputError, StorageError
from invert_core.extraction.report import Spent
from invert_core.extraction.runner import Runner
from invert_core.extraction.sample_order import Results, in_order
from invert_core.extraction.trial_runs import Trial
from invert_core.parallel import read_ahead

GOES_ON = "goes on from there"
"""What the note on an error says if the same command can do this."""
_ANEW = " Other settings, such as --skip-bad or another --pool, need --overwrite."


def run_all(
    runner: Runner, writer: ActivationWriter, progress: Callable[[int, int], None] | None
) -> Spent:
    """Extract all samples that are not done, and finish the file.

    The model first tries out a batch. A thread reads the next batch while the model runs. If
    anything ends the work early, the activations so far are written first, and a note on the error
    says how many samples are kept.
    """
    if writer.finished:
        return Spent()
    clock = _Clock()
    source = runner.source
    try:
        n_done = writer.rows_done
        start = runner.begin(n_done)
        ready = read_ahead(runner.batches(start), stop=source.stop)
        with closing(ready) as batches:
            first, trial = _try_first(runner, batches, clock, resumed=n_done > 0)
            results = _results(runner, itertools.chain(first, batches), clock)
            for values in in_order(results, n_done, len(source)):
                runner.check_unchanged()  # before the rows count as done
                names = {} if writer.n_units else runner.unit_names(values)
                writer.write(values, names, trial.layers)
                n_done += len(next(iter(values.values())))
                if progress is not None:
                    progress(n_done, len(source))
        writer.finish()
    except BaseException as error:
        _keep(writer, error, may_change=source.sample_digests is not None)
        raise
    return clock.spent()


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
        if isinstance(error, ChangedFileError):
            then = f"{then} only if these samples and the model are as they were"
        if isinstance(error, DataError):
            then += " once that is repaired"
            if not may_change:
                then = "they are of use only if the data stay the same"
        error.add_note(
            f"{writer.rows_done:,} of {writer.n_samples:,} samples are kept in "
            f"{str(writer.partial)!r}; {then}." + (_ANEW if isinstance(error, DataError) else "")
        )
