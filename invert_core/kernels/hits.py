"""Hits: the samples inside an extent, counted from the top of a unit on."""

from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import inner
from invert_core.kernels.bits import popcount
from invert_core.kernels.orders import add_sample, add_zeros, fill_up, has


class Hits(NamedTuple):
    """The tie groups of an order that have samples inside an extent, from the top on.

    Group i, of ``n[0]``, has `size[i]` samples after `before[i]` others, and `counts[i]` of them
    are inside. Its first sample inside is number ``at[i]`` of `inside`, which are places in the
    order; it is -1 for the group of zeros. Arrays are int64, but `value` float64, that of each
    group.
    """

    inside: np.ndarray
    before: np.ndarray
    size: np.ndarray
    counts: np.ndarray
    at: np.ndarray
    value: np.ndarray
    n: np.ndarray


def room_for_hits(n_values: int) -> Hits:
    """Return room for the groups of a unit of so many values."""
    # One more group for the zeros, and one more place that is written to but not kept.
    inside, before, size, counts, at = np.empty((5, n_values + 2), np.int64)
    return Hits(inside, before, size, counts, at, np.empty(n_values + 2), np.zeros(1, np.int64))


@inner
def find_hits(order, extent, hits):
    """Fill in the groups with samples inside; return how many samples these are."""
    n, n_above, n_zeros = order.n[0], order.n[2], order.n[3]
    n_inside = np.int64(0)
    for place in range(n):
        # Every place is written, but only those of samples inside are kept, without a branch.
        hits.inside[n_inside] = place
        n_inside += has(extent, order.sample[place])
    zeros_in = np.int64(0)
    for word in range(extent.size):
        zeros_in += popcount(extent[word] & order.zeros[word])
    n_hits = 0
    at = np.int64(0)
    is_zero_left = bool(zeros_in > 0)
    while at < n_inside or is_zero_left:
        if is_zero_left and (at == n_inside or hits.inside[at] >= n_above):
            hits.before[n_hits], hits.size[n_hits] = n_above, n_zeros
            hits.counts[n_hits], hits.at[n_hits], hits.value[n_hits] = zeros_in, -1, 0.0
            is_zero_left = False
        else:
            group = order.group[hits.inside[at]]
            first, stop = np.int64(order.first[group]), np.int64(order.first[group + 1])
            hits.before[n_hits] = first + (n_zeros if first >= n_above else 0)
            hits.size[n_hits], hits.value[n_hits] = stop - first, order.value[group]
            hits.at[n_hits] = at
            while at < n_inside and hits.inside[at] < stop:
                at += 1
            hits.counts[n_hits] = at - hits.at[n_hits]
        n_hits += 1
    hits.n[0] = n_hits
    return n_inside + zeros_in


@inner
def hits_among(n_top, hits):
    """Return how many samples inside are among the first; of a tie group that is cut, the share."""
    group, seen = skip(n_top, hits, 0, np.int64(0))
    return with_share(n_top, hits, group, seen)


@inner
def skip(n_top, hits, group, seen):
    """Go on to the first group that is not whole among the first; return it and the hits so far."""
    while group < hits.n[0] and hits.before[group] + hits.size[group] <= n_top:
        seen += hits.counts[group]
        group += 1
    return group, seen


@inner
def with_share(n_top, hits, group, seen):
    """Add to the hits the share of the next group that is among the first."""
    if group == hits.n[0] or n_top <= hits.before[group]:
        return seen / 1.0
    size = hits.size[group]
    # An exact integer before the one division.
    return (seen * size + hits.counts[group] * (n_top - hits.before[group])) / size


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
