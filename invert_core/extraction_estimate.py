"""What an extraction would take, from running two batches of it."""

import math
import sys
import time
from contextlib import closing

import numpy as np

from invert_core.activations import ActivationWriter
from invert_core.backend import Extractor
from invert_core.data import DataSource
from invert_core.extraction_loop import run_batch, unit_names
from invert_core.extraction_report import Estimate


def estimate(
    extractor: Extractor, source: DataSource, writer: ActivationWriter, batch_size: int
) -> tuple[Estimate, dict[str, int]]:
    """Run a batch to warm up and one to measure; nothing is written.

    Reading and running overlap in an extraction, so the longer one of the two counts.

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
    with closing(source.batches(writer.rows_done, batch_size)) as batches:
        first = next(batches)
        run_batch(extractor, first.inputs)
        started = time.perf_counter()
        second = next(batches, first)
        read = time.perf_counter()
        activations = run_batch(extractor, second.inputs)
        ran = time.perf_counter()
    n_batches = math.ceil((writer.n_samples - writer.rows_done) / batch_size)
    n_units = {name: values.shape[1] for name, values in activations.items()}
    nonzero = {name: np.count_nonzero(values) / values.size for name, values in activations.items()}
    contents = writer.contents(n_units, unit_names(extractor, activations))
    peak = _peak_bytes()
    return (
        Estimate(
            file_bytes=contents.bytes_of_file(nonzero),
            memory_bytes=None if peak is None else peak + contents.bytes_in_memory(nonzero),
            seconds=n_batches * max(read - started, ran - read),
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
