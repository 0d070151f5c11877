"""Sums of the values of a unit, and their correlation with the marks of an extent."""

import math

import numpy as np

from invert_core.kernels._jit import inner


@inner
def find_moments(order, moments):
    """Fill in factor, centre, sum and sum of squares of the values; NaN if any is infinite.

    The sums are of ``value * factor - centre``. Such values have no square that overflows. The
    centre is the median, whose distance from the mean is at most the standard deviation, so that
    the sums keep their digits. If all values are 0, the factor is NaN, too.
    """
    n_groups, n_above, n_zeros = order.n[1], order.n[2], order.n[3]
    largest = 0.0
    if n_groups > 0:
        largest = max(abs(order.value[0]), abs(order.value[n_groups - 1]))
    if not 0.0 < largest < np.inf:
        moments[0] = np.nan
        return
    # A power of two, so that no value is rounded; that of the least numbers would be infinite.
    factor = math.ldexp(1.0, min(1_000, 1 - math.frexp(largest)[1]))
    middle = (order.n[0] + n_zeros) // 2
    centre = 0.0
    if middle < n_above:
        centre = order.value[order.group[middle]] * factor
    elif middle >= n_above + n_zeros:
        centre = order.value[order.group[middle - n_zeros]] * factor
    total, squares = -n_zeros * centre, n_zeros * (centre * centre)
    # Two sums of each, so that no addition waits for the one before it.
    other_total, other_squares = 0.0, 0.0
    for group in range(0, n_groups - 1, 2):
        size = order.first[group + 1] - order.first[group]
        other_size = order.first[group + 2] - order.first[group + 1]
        value = order.value[group] * factor - centre
        other = order.value[group + 1] * factor - centre
        total += size * value
        other_total += other_size * other
        squares += size * (value * value)
        other_squares += other_size * (other * other)
    if n_groups % 2 == 1:
        size = order.first[n_groups] - order.first[n_groups - 1]
        value = order.value[n_groups - 1] * factor - centre
        total += size * value
        squares += size * (value * value)
    total, squares = total + other_total, squares + other_squares
    moments[0], moments[1], moments[2], moments[3] = factor, centre, total, squares


@inner
def point_biserial(order, moments, hits, n_inside):
    """Return the correlation of values and marks; NaN if any value is infinite or all are equal."""
    factor, centre, total, squares = moments[0], moments[1], moments[2], moments[3]
    if not factor > 0.0:
        return np.nan
    n_samples = order.n[0] + order.n[3]
    inside = 0.0
    for group in range(hits.n[0]):
        inside += hits.counts[group] * (hits.value[group] * factor - centre)
    share = n_inside / n_samples
    spread = squares - total * total / n_samples
    if not spread > 0.0:
        return np.nan
    found = (inside - share * total) / np.sqrt(n_inside * (1.0 - share) * spread)
    return min(1.0, max(-1.0, found))
