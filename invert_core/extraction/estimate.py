"""Estimates the time, memory and file size of an extraction by running a little of it."""

import itertools
import math
import sys
import time
from contextlib import closing

import numpy as np

from invert_core.activations.writing.writer import ActivationWriter
from invert_core.extraction.report import Estimate
from invert_core.extraction.runner import Runner
from invert_core.parallel import read_ahead

SECONDS = 2.0
"""How long batches run at least, if there are enough: the first ones were read in advance."""


def estimate(runner: Runner, writer: ActivationWriter) -> tuple[Estimate, dict[str, int]]:
    """Try out the first batch, and run some more to measure; nothing is written.

    A thread reads ahead as in an extraction, so the slower of reading and running counts.

    Parameters
    ----------
    runner : Runner
    writer : ActivationWriter
        A file that is not finished.

    Returns
    -------
    Estimate
    dict of layer name to int
        The number of units of each layer.
    """
    start = runner.begin(writer.rows_done)
    ready = read_ahead(runner.batches(start), stop=runner.source.stop)
    with closing(ready) as batches:
        first = next(batches)
        trial = runner.try_out(first, resumed=writer.rows_done > 0)
        second = next(batches, None)
        if second is not None:
            runner.skip(first)
        n_run, started = 0, time.perf_counter()
        for batch in itertools.chain([second or first], batches):
            _, activations = runner.run(batch)
            n_run, seconds = n_run + 1, time.perf_counter() - started
            if seconds >= SECONDS:
                break
    n_batches = math.ceil((writer.n_samples - start) / runner.batch_size)
    n_units = {name: values.shape[1] for name, values in activations.items()}
    nonzero = {name: np.count_nonzero(values) / values.size for name, values in activations.items()}
    contents = writer.contents(n_units, runner.unit_names(activations))
    peak = _peak_bytes()
    return (
        Estimate(
            file_bytes=contents.bytes_of_file(nonzero),
            memory_bytes=None if peak is None else peak + contents.bytes_in_memory(nonzero),
            seconds=trial.seconds + n_batches * seconds / n_run,
        ),
        n_units,
    )


def _peak_bytes() -> int | None:
    """Return the most memory that this process has used so far."""
    try:
        import resource
    except ImportError:  # Windows does not have it
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
