"""Histograms of the values of a unit, as `numpy.histogram` makes them."""

import numpy as np

from invert_core.kernels._jit import inner

N_BINS = 40
"""Number of bins of a histogram."""


@inner
def place_edges(low, high, edges):
    """Fill in the edges of the bins, which `numpy.linspace` would place alike."""
    step = (high - low) / N_BINS
    # The difference of the largest numbers that there are has no number.
    step = step if np.isfinite(step) else high / N_BINS - low / N_BINS
    for edge in range(N_BINS):
        # A step too small for a number would make all edges one.
        offset = edge * step if step > 0.0 else edge / N_BINS * (high - low)
        edges[edge] = min(high, low + offset)
    edges[N_BINS] = high


@inner
def count_from(order, least):
    """Return how many of the samples that are not 0 have a value of `least` or more."""
    n_groups = order.n[1]
    is_falling = n_groups > 0 and order.value[0] > order.value[n_groups - 1]
    # The first group on the other side of `least`.
    start, stop = np.int64(0), n_groups
    while start < stop:
        middle = (start + stop) // 2
        if (order.value[middle] >= least) == is_falling:
            start = middle + 1
        else:
            stop = middle
    before = order.first[start]
    return before if is_falling else order.n[0] - before


@inner
def bin_of(value, edges, last):
    """Return the bin of a value near those of bin `last`, as `numpy.histogram` has it."""
    while last > 0 and value < edges[last]:
        last -= 1
    while last < N_BINS - 1 and value >= edges[last + 1]:
        last += 1
    return last
