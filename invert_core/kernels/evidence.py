"""Evidence: what the samples nearest the top of a unit say of formulas, in one pass over them.

The top are the highest activations or, in direction negative, the lowest. A unit is sorted once for
all its formulas, and of each formula only the tie groups that it shares any sample with are looked
at twice.
"""

import math
from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import inner, kernel
from invert_core.kernels.hits import (
    Hits,
    find_hits,
    hits_among,
    room_for_hits,
    skip,
    with_share,
)
from invert_core.kernels.orders import (
    NO_SAMPLE,
    Order,
    add_sample,
    add_zeros,
    fill_up,
    first_outside,
    has,
    middle_samples,
    put_in_order,
    room_for_order,
)

N_BINS, N_TOP, N_NEAR = 40, 24, 8
"""Numbers of bins of a histogram, of samples at the top, and of samples in other lists."""
INSIDE, UNDEFINED = 1, 2
"""Where a sample at the top lies; 0 is outside."""

PRECISION_AT_10, PRECISION_AT_100, PRECISION_AT_SIZE, AVERAGE_PRECISION, BEST_F1, POINT_BISERIAL = (
    range(6)
)
N_MEASURES = 6


class OfUnits(NamedTuple):
    """Evidence of K units seen from one end each; arrays [K] or [K, number].

    `range` float64 are the smallest and the largest value; `zeros`, `n_distinct` and `mode_count`
    count zeros, distinct values and samples with the commonest value. `hist` counts the other
    values in bins, `top` and `middle` are the samples at the top and around the median.
    """

    range: np.ndarray
    zeros: np.ndarray
    n_distinct: np.ndarray
    mode_count: np.ndarray
    hist: np.ndarray
    top: np.ndarray
    top_value: np.ndarray
    middle: np.ndarray
    middle_value: np.ndarray

    @classmethod
    def empty(cls, n_units: int) -> "OfUnits":
        """Return room for so many units."""
        zeros, n_distinct, mode_count = np.zeros((3, n_units), np.uint32)
        top, top_value = _samples(n_units, N_TOP)
        middle, middle_value = _samples(n_units, N_NEAR)
        hist = np.zeros((n_units, N_BINS), np.uint32)
        ends = np.zeros((n_units, 2))
        return cls(
            *(ends, zeros, n_distinct, mode_count, hist, top, top_value, middle, middle_value)
        )


class OfFormulas(NamedTuple):
    """Evidence of F formulas, each on one unit; arrays [F, number], but for `zeros_in` [F].

    `measures` float64 are named by the constants of this file. `hits` counts the samples inside
    among the n at the top, for all n of a list; ties at the edge count with the share that is
    expected. `hist_in` and `zeros_in` are as for a unit, of the samples inside. `top_in` says where
    the samples at the top of the unit lie. `missed` are the samples inside that are farthest from
    the top, and `alarm` those outside that are nearest.
    """

    measures: np.ndarray
    hits: np.ndarray
    hist_in: np.ndarray
    zeros_in: np.ndarray
    top_in: np.ndarray
    missed: np.ndarray
    missed_value: np.ndarray
    alarm: np.ndarray
    alarm_value: np.ndarray

    @classmethod
    def empty(cls, n_formulas: int, n_cuts: int) -> "OfFormulas":
        """Return room for so many formulas and places at which hits are counted."""
        missed, missed_value = _samples(n_formulas, N_NEAR)
        alarm, alarm_value = _samples(n_formulas, N_NEAR)
        return cls(
            np.full((n_formulas, N_MEASURES), np.nan),
            np.zeros((n_formulas, n_cuts), np.float32),
            np.zeros((n_formulas, N_BINS), np.uint32),
            np.zeros(n_formulas, np.uint32),
            np.zeros((n_formulas, N_TOP), np.uint8),
            *(missed, missed_value, alarm, alarm_value),
        )


def _samples(n: int, n_samples: int) -> tuple[np.ndarray, np.ndarray]:
    return (
        np.full((n, n_samples), NO_SAMPLE, np.uint32),
        np.full((n, n_samples), np.nan, np.float32),
    )


class EvidenceRoom(NamedTuple):
    """Room to work in for the units of a layer."""

    order: Order
    of_domain: Order
    hits: Hits
    extent: np.ndarray
    domain: np.ndarray
    edges: np.ndarray
    moments: np.ndarray


def room_for_evidence(n_values: int, n_samples: int) -> EvidenceRoom:
    """Return room for units of so many values among so many samples."""
    extent, domain = np.zeros((2, (n_samples + 63) // 64), np.uint64)
    orders = room_for_order(n_values, n_samples), room_for_order(n_values, n_samples)
    return EvidenceRoom(
        *orders, room_for_hits(n_values), extent, domain, np.empty(N_BINS + 1), np.empty(4)
    )


class Formulas(NamedTuple):
    """Formulas as `SearchResult` has them, on concepts uint64 [C, W].

    `defined` is uint64 [C, W], or [0, W] if all concepts are defined on all samples `everywhere`.
    """

    length: np.ndarray
    literals: np.ndarray
    connectives: np.ndarray
    bits: np.ndarray
    defined: np.ndarray
    everywhere: np.ndarray


class Task(NamedTuple):
    """Evidence to make: of unit `number`, and of its formulas `start` to `stop`.

    The lowest samples are its top if it `is_reversed`.
    """

    number: int
    start: int
    stop: int
    is_reversed: bool


@kernel
def add_evidence(unit, task, formulas, cuts, room, units, found):
    """Fill in the evidence of one unit and of its formulas.

    `unit` is a `SortedUnit`, `task` a `Task` about rows of `OfUnits` and `OfFormulas`. `cuts` int64
    are the numbers of samples whose hits are counted, ascending.
    """
    order, number = room.order, task.number
    put_in_order(unit, formulas.everywhere, task.is_reversed, order)
    describe(order, room.edges, units, number)
    find_moments(order, room.moments)
    for row in range(task.start, task.stop):
        write_extent(formulas, row, room.extent, room.domain)
        of_row = order
        if formulas.defined.shape[0] > 0:
            of_row = room.of_domain
            put_in_order(unit, room.domain, task.is_reversed, of_row)
            find_moments(of_row, room.moments)
        explain(of_row, row, cuts, room, found)
        for at in range(N_TOP):
            sample = units.top[number, at]
            if sample != NO_SAMPLE:
                is_defined = has(room.domain, sample)
                found.top_in[row, at] = has(room.extent, sample) if is_defined else UNDEFINED


@inner
def write_extent(formulas, row, extent, domain):
    """Write the samples on which a formula is true, and on which it is defined."""
    for word in range(extent.size):
        true, is_defined = np.uint64(0), formulas.everywhere[word]
        for number in range(formulas.length[row]):
            literal = formulas.literals[row, number]
            of = formulas.bits[literal >> 1, word]
            of = ~of if literal & 1 else of
            if formulas.defined.shape[0] > 0:
                is_defined &= formulas.defined[literal >> 1, word]
            if number == 0:
                true = of
            elif formulas.connectives[row, number]:
                true |= of
            else:
                true &= of
        extent[word] = true & is_defined
        domain[word] = is_defined


@inner
def describe(order, edges, units, number):
    """Fill in what is known of a unit without any formula."""
    n_groups, n_zeros = order.n[1], order.n[3]
    commonest = np.int32(0)
    for group in range(n_groups):
        commonest = max(commonest, order.first[group + 1] - order.first[group])
    # Groups are in order, and at most one at each end is infinite.
    low, high = np.inf, -np.inf
    least, largest = np.inf, -np.inf
    if n_zeros > 0:
        low, high = 0.0, 0.0
    for group in (0, 1, n_groups - 2, n_groups - 1):
        if 0 <= group < n_groups:
            value = order.value[group]
            least, largest = min(least, value), max(largest, value)
            if np.isfinite(value):
                low, high = min(low, value), max(high, value)
    units.range[number, 0], units.range[number, 1] = min(least, low), max(largest, high)
    units.zeros[number] = n_zeros
    units.n_distinct[number] = n_groups + (n_zeros > 0)
    units.mode_count[number] = max(n_zeros, np.int64(commonest))
    place_edges(low, high, edges)
    above = order.n[0]
    for of_bin in range(N_BINS - 1):
        n_from = count_from(order, edges[of_bin + 1])
        units.hist[number, of_bin] = above - n_from
        above = n_from
    units.hist[number, N_BINS - 1] = above
    # No sample is in the set of samples that are not there.
    nobody = np.zeros_like(order.zeros)
    first_outside(order, nobody, units.top[number], units.top_value[number])
    middle_samples(order, units.middle[number], units.middle_value[number])


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


@inner
def explain(order, row, cuts, room, found):
    """Fill in the evidence of a formula."""
    hits, extent = room.hits, room.extent
    n_samples = order.n[0] + order.n[3]
    n_inside = find_hits(order, extent, hits)
    group, seen = 0, np.int64(0)
    for at in range(cuts.size):
        group, seen = skip(cuts[at], hits, group, seen)
        found.hits[row, at] = with_share(cuts[at], hits, group, seen)
    of_bin = 0
    for group in range(hits.n[0]):
        if hits.at[group] < 0:
            found.zeros_in[row] = hits.counts[group]
        else:
            of_bin = bin_of(hits.value[group], room.edges, of_bin)
            found.hist_in[row, of_bin] += np.uint32(hits.counts[group])
    last_inside(order, extent, hits, found.missed[row], found.missed_value[row])
    first_outside(order, extent, found.alarm[row], found.alarm_value[row])
    if n_inside == 0 or n_inside == n_samples:
        return
    of_row = found.measures[row]
    for measure, at in (
        (PRECISION_AT_10, 10),
        (PRECISION_AT_100, 100),
        (PRECISION_AT_SIZE, n_inside),
    ):
        n_top = min(at, n_samples)
        of_row[measure] = hits_among(n_top, hits) / n_top
    measure_hits(hits, n_inside, of_row)
    of_row[POINT_BISERIAL] = point_biserial(order, room.moments, hits, n_inside)


@inner
def measure_hits(hits, n_inside, of_row):
    """Fill in average precision and the best F1, which both change at the groups with hits only."""
    seen = np.int64(0)
    precision, best = 0.0, 0.0
    for group in range(hits.n[0]):
        count, n_top = hits.counts[group], hits.before[group] + hits.size[group]
        seen += count
        precision += count * (seen / n_top)
        best = max(best, 2 * seen / (n_top + n_inside))
    of_row[AVERAGE_PRECISION] = precision / n_inside
    of_row[BEST_F1] = best


@inner
def find_moments(order, moments):
    """Fill in scale, centre, sum and sum of squares of the values; the scale is NaN if it must be.

    The sums are of ``value / scale - centre``. Scaled values have no square that overflows. The
    centre is the median, whose distance from the mean is at most the standard deviation, so that
    the sums keep their digits.
    """
    n_groups, n_above, n_zeros = order.n[1], order.n[2], order.n[3]
    scale = 0.0
    if n_groups > 0:
        scale = max(abs(order.value[0]), abs(order.value[n_groups - 1]))
    if not 0.0 < scale < np.inf:
        moments[0] = np.nan
        return
    # A power of two, so that no value is rounded.
    scale = math.ldexp(1.0, math.frexp(scale)[1] - 1)
    middle = (order.n[0] + n_zeros) // 2
    centre = 0.0
    if middle < n_above:
        centre = order.value[order.group[middle]] / scale
    elif middle >= n_above + n_zeros:
        centre = order.value[order.group[middle - n_zeros]] / scale
    total, squares = -n_zeros * centre, n_zeros * (centre * centre)
    # Two sums of each, so that no addition waits for the one before it.
    other_total, other_squares = 0.0, 0.0
    for group in range(0, n_groups - 1, 2):
        size = order.first[group + 1] - order.first[group]
        other_size = order.first[group + 2] - order.first[group + 1]
        value = order.value[group] / scale - centre
        other = order.value[group + 1] / scale - centre
        total += size * value
        other_total += other_size * other
        squares += size * (value * value)
        other_squares += other_size * (other * other)
    if n_groups % 2 == 1:
        size = order.first[n_groups] - order.first[n_groups - 1]
        value = order.value[n_groups - 1] / scale - centre
        total += size * value
        squares += size * (value * value)
    total, squares = total + other_total, squares + other_squares
    moments[0], moments[1], moments[2], moments[3] = scale, centre, total, squares


@inner
def point_biserial(order, moments, hits, n_inside):
    """Return the correlation of values and marks; NaN if any value is infinite or all are equal."""
    scale, centre, total, squares = moments[0], moments[1], moments[2], moments[3]
    if not scale > 0.0:
        return np.nan
    n_samples = order.n[0] + order.n[3]
    inside = 0.0
    for group in range(hits.n[0]):
        inside += hits.counts[group] * (hits.value[group] / scale - centre)
    share = n_inside / n_samples
    spread = squares - total * total / n_samples
    if not spread > 0.0:
        return np.nan
    found = (inside - share * total) / np.sqrt(n_inside * (1.0 - share) * spread)
    return min(1.0, max(-1.0, found))


@inner
def last_inside(order, extent, hits, ids, of_ids):
    """Fill in the samples inside an extent that are farthest from the top, the farthest first."""
    at = np.int64(0)
    group = hits.n[0] - 1
    while group >= 0 and at < ids.size:
        if hits.at[group] < 0:
            at = add_zeros(order, extent, np.uint64(0), 0, at, ids, of_ids)
        else:
            for number in range(hits.at[group], hits.at[group] + hits.counts[group]):
                sample = order.sample[hits.inside[number]]
                at = add_sample(sample, hits.value[group], at, ids, of_ids)
        group -= 1
    fill_up(min(at, ids.size), ids, of_ids)
