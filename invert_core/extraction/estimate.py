"""What an extraction would take, from running a little of it."""

import itertools
import math
import sys
import time
from contextlib import closing

import numpy as np

from invert_core.activations.writing.writer import ActivationWriter
from invert_core.data import DataSource
from invert_core.extraction.loop import run_batch, unit_names
from invert_core.extraction.report import Estimate
from invert_core.models.backend import Extractor
from invert_core.parallel import read_ahead

SECONDS = 2.0
"""So long batches are run at least, if there are enough: the first ones were read before."""


def estimate(
    extractor: Extractor, source: DataSource, writer: ActivationWriter, batch_size: int
) -> tuple[Estimate, dict[str, int]]:
    """Run a batch to warm up and some to measure; nothing is written.

    A thread reads ahead as in an extraction, so that the longer one of reading and running counts.

    Parameters
    ----------
    extractor : Extractor
    source : DataSource
    writer : ActivationWriter
        With rows left to write.
    batch_size : int

    Returns
    -------
    Estimate
    dict of layer name to int
        The number of units.
    """
    ready = read_ahead(source.batches(writer.rows_done, batch_size), stop=source.stop)
    with closing(ready) as batches:
        first = next(batches)
        run_batch(extractor, first.inputs)
        n_run, started = 0, time.perf_counter()
        for batch in itertools.chain([next(batches, first)], batches):
            activations = run_batch(extractor, batch.inputs)
            n_run, seconds = n_run + 1, time.perf_counter() - started
            if seconds >= SECONDS:
                break
    n_batches = math.ceil((writer.n_samples - writer.rows_done) / batch_size)
    n_units = {name: values.shape[1] for name, values in activations.items()}
    nonzero = {name: np.count_nonzero(values) / values.size for name, values in activations.items()}
    contents = writer.contents(n_units, unit_names(extractor, activations))
    peak = _peak_bytes()
    return (
        Estimate(
            file_bytes=contents.bytes_of_file(nonzero),
            memory_bytes=None if peak is None else peak + contents.bytes_in_memory(nonzero),
            seconds=n_batches * seconds / n_run,
        ),
        n_units,
    )


def _peak_bytes() -> int | None:
    """The most memory that this process has taken so far."""
    try:
        import resource
    except ImportError:  # as on Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
