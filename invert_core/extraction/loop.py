"""Runs a model over all batches and writes the activations."""

import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing

import numpy as np

from invert_core.activations import layout
from invert_core.activations.writing.writer import ActivationWriter
from invert_core.data import Batch, DataSource
from invert_core.errors import DataError, ExistingOutputError, ModelError, StorageError
from invert_core.extraction.report import Spent
from invert_core.extraction.runner import Runner
from invert_core.extraction.sample_order import Results, in_order
from invert_core.models.backend import Extractor
from invert_core.parallel import read_ahead

_AS_THEY_WERE = "the data are as they were"


def run_all(
    runner: Runner,
    source: DataSource,
    writer: ActivationWriter,
    batch_size: int,
    progress: Callable[[int, int], None] | None,
) -> Spent:
    """Extract all samples that are not done, and finish the file.

    A thread reads the next batch while the model runs. If anything ends the work early, the
    activations so far are written first, and a note on the error says how many samples are kept.
    """
    if writer.finished:
        return Spent()
    clock = _Clock()
    try:
        n_done = writer.rows_done
        first = runner.begin(n_done)
        ready = read_ahead(source.batches(first, batch_size), stop=source.stop)
        with closing(ready) as batches:
            for values in in_order(_results(runner, batches, clock), n_done, len(source)):
                names = {} if writer.n_units else unit_names(runner.extractor, values)
                writer.write(values, names)
                n_done += len(next(iter(values.values())))
                if progress is not None:
                    progress(n_done, len(source))
        writer.finish()
    except BaseException as error:
        _keep(
            writer,
            error,
            "that is repaired" if source.sample_digests is not None else _AS_THEY_WERE,
        )
        raise
    return clock.spent()


def run_batch(runner: Runner, batch: Batch) -> Results:
    """Run the model on one batch, and check the shapes of the activations."""
    rows, activations = runner.run(batch)
    n_samples = rows.size
    for name, values in activations.items():
        if values.ndim != 2 or len(values) != n_samples or values.shape[1] == 0:
            raise ModelError(
                f"Layer {name!r} gave activations of shape {values.shape} for {n_samples} samples.",
                "It must be [samples, units] with at least one unit; choose another layer.",
            )
        if values.shape[1] > layout.UNIT_LIMIT:
            raise ModelError(
                f"Layer {name!r} has {values.shape[1]:,} units, more than {layout.UNIT_LIMIT:,}.",
                "Choose another pool or layer.",
            )
    return rows, activations


def unit_names(
    extractor: Extractor, activations: Mapping[str, np.ndarray]
) -> dict[str, tuple[str, ...]]:
    """Return the unit names of layers that have some; call this after a batch was run."""
    names = extractor.unit_names()
    for layer, of_layer in names.items():
        n_units = activations[layer].shape[1]
        if len(of_layer) != n_units:
            raise ModelError(
                f"Layer {layer!r} has {n_units} units, but the backend names {len(of_layer)}.",
                "The backend is at fault; choose another pool or layer.",
            )
    return names


class _Clock:
    """Adds up the time spent waiting for batches and in the model."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self.waiting = 0.0
        self.in_model = 0.0

    def spent(self) -> Spent:
        return Spent(self.waiting, self.in_model, time.perf_counter() - self._started)


def _results(runner: Runner, batches: Iterable[Batch], clock: _Clock) -> Generator[Results]:
    asked = time.perf_counter()
    for batch in batches:
        came = time.perf_counter()
        results = run_batch(runner, batch)
        clock.waiting += came - asked
        clock.in_model += time.perf_counter() - came
        yield results
        asked = time.perf_counter()


def _keep(writer: ActivationWriter, error: BaseException, mended: str) -> None:
    """Save the activations so far, and add a note to the error that says how many are kept.

    `mended` says what must be true before the work can go on after an error in the data.
    """
    try:
        writer.save()
    except StorageError as refusal:
        if refusal is not error:
            error.add_note(refusal.message)
    said = isinstance(error, ExistingOutputError)
    if writer.rows_done and writer.partial.exists() and not said:
        when = f" once {mended}" if isinstance(error, DataError) else ""
        error.add_note(
            f"{writer.rows_done:,} of {writer.n_samples:,} samples are kept in "
            f"{str(writer.partial)!r}; the same command, without --overwrite, goes on from "
            f"there{when}."
        )
