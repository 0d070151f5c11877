"""Evidence: what the samples nearest the top of a unit say of formulas, in one pass over them.

The top are the highest activations or, in direction negative, the lowest. A unit is sorted once for
all its formulas, and of each formula only the tie groups that it shares any sample with are looked
at twice.
"""

from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import inner, kernel
from invert_core.kernels.formulas import write_formula
from invert_core.kernels.histograms import N_BINS, bin_of, count_from, place_edges
from invert_core.kernels.hits import (
    Hits,
    find_hits,
    hits_among,
    last_inside,
    room_for_hits,
    skip,
    with_share,
)
from invert_core.kernels.midranks import Among, rank_among
from invert_core.kernels.moments import find_moments, point_biserial
from invert_core.kernels.orders import (
    NO_SAMPLE,
    Order,
    first_outside,
    has,
    keep_within,
    middle_samples,
    put_in_order,
    room_for_order,
)

N_TOP, N_NEAR = 24, 8
"""Numbers of samples at the top, and of samples in other lists."""
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
    keys: np.ndarray
    extent: np.ndarray
    domain: np.ndarray
    zeros: np.ndarray
    edges: np.ndarray
    moments: np.ndarray


def room_for_evidence(n_values: int, n_samples: int) -> EvidenceRoom:
    """Return room for units of so many values among so many samples."""
    extent, domain, zeros = np.zeros((3, (n_samples + 63) // 64), np.uint64)
    orders = room_for_order(n_values, n_samples), room_for_order(n_values, n_samples)
    # One more place is written to, but not kept.
    hits, keys = room_for_hits(n_values), np.empty(n_values + 1, np.uint64)
    return EvidenceRoom(
        *orders, hits, keys, extent, domain, zeros, np.empty(N_BINS + 1), np.empty(4)
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

    The lowest samples are its top if it `is_reversed`. `ranks` uint16 take those of some samples,
    or are empty.
    """

    number: int
    start: int
    stop: int
    is_reversed: bool
    ranks: np.ndarray


class Places(NamedTuple):
    """Where to look: at how many samples hits are counted, int64 ascending, and what to rank."""

    cuts: np.ndarray
    among: Among


@kernel
def add_evidence(unit, task, formulas, places, room, units, found):
    """Fill in the evidence of one unit and of its formulas.

    `unit` is a `SortedUnit`, `task` a `Task` about rows of `OfUnits` and `OfFormulas`.
    """
    order, number = room.order, task.number
    put_in_order(unit, task.is_reversed, order)
    describe(order, room.edges, units, number)
    if task.ranks.size > 0:
        rank_among(order, places.among, room.hits, task.ranks)
    find_moments(order, room.moments)
    for row in range(task.start, task.stop):
        write_domain(formulas, row, room.domain)
        literals, connectives = formulas.literals[row], formulas.connectives[row]
        of_row = formulas.length[row], literals, connectives, formulas.bits
        write_formula(*of_row, room.domain, room.extent)
        of_domain = order
        if formulas.defined.shape[0] > 0:
            of_domain = room.of_domain
            within = keep_within(unit, room.domain, room.keys, room.zeros)
            put_in_order(within, task.is_reversed, of_domain)
            find_moments(of_domain, room.moments)
        explain(of_domain, row, places.cuts, room, found)
        mark_top(units.top[number], room, found.top_in[row])


@inner
def write_domain(formulas, row, words):
    """Write the samples on which a formula is defined."""
    for word in range(words.size):
        words[word] = formulas.everywhere[word]
    if formulas.defined.shape[0] > 0:
        for number in range(formulas.length[row]):
            of_concept = formulas.defined[formulas.literals[row, number] >> 1]
            for word in range(words.size):
                words[word] &= of_concept[word]


@inner
def mark_top(top, room, top_in):
    """Fill in where the samples at the top lie."""
    for at in range(top.size):
        if top[at] != NO_SAMPLE:
            is_defined = has(room.domain, top[at])
            top_in[at] = has(room.extent, top[at]) if is_defined else UNDEFINED


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
