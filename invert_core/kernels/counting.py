"""The tail of a sum of values drawn without replacement from a run, or few tie groups, by counting.

Draws from a run of untied values are partitions: how far each value is below the one that it would
be in the highest draw adds up to a number, which every draw splits in another way.

A draw from tie groups is given by the number of values from each group. Numbers far from those
expected at the tilt of `saddlepoint` add nothing that could be seen, and are left out; all others
are gone through, for all groups but two, for which the ways are added up in a table.
"""

import math

import numpy as np

from invert_core.kernels._jit import inner, kernel
from invert_core.kernels.hypergeometric import log_choose
from invert_core.kernels.saddlepoint import logistic
from invert_core.kernels.ties import Pieces

_MOST_ADDED = 4000
"""The most additions to count partitions, at about a nanosecond each."""
_SHORT = 4
"""Runs of as many values count as tie groups of one, in a unit without longer ones."""
_NEVER = 1e-7
"""Numbers of draws with this share of the chance of the most likely one are left out."""
_WIDEST = 512
_MOST = 8000
"""The most draws that are gone through, at about ten nanoseconds each."""
_MOST_TRIED = 100.0
"""How many times as many there may be, before those that cannot reach the sum are left out."""


@kernel
def run_tail(n_drawn, n_values, n_steps_above):
    """Return log P(S >= least) for `n_drawn` of a run of values, or NaN if there is too much.

    The sum `least` is `n_steps_above` steps of the run above the smallest one, and above none.
    """
    n_left = n_values - n_drawn
    n_steps = n_drawn * n_left
    # Draws are counted from the nearer end: P(S >= least) = 1 - P(S < least).
    is_upper = 2 * n_steps_above > n_steps
    most = n_steps - n_steps_above if is_upper else n_steps_above - 1
    n_parts, largest_part = min(n_drawn, n_left), max(n_drawn, n_left)
    if most >= _MOST_ADDED or n_parts * (most + 1) > _MOST_ADDED:
        return math.nan
    ways = np.zeros(most + 1)
    ways[0] = 1.0
    # Gauss: the product of (1 - q**(largest + i)) / (1 - q**i) has these numbers as coefficients.
    for i in range(1, n_parts + 1):
        for total in range(most, largest_part + i - 1, -1):
            ways[total] -= ways[total - largest_part - i]
        for total in range(i, most + 1):
            ways[total] += ways[total - i]
    log_share = math.log(ways.sum()) - log_choose(n_values, n_drawn)
    return log_share if is_upper else math.log1p(-math.exp(log_share))


@inner
def as_ties(pieces):
    """Return pieces with each value of the runs as a tie group of one, if all runs are short."""
    longest = np.where(pieces.step > 0, pieces.size, 0).max()
    if longest == 0 or longest > _SHORT:
        return pieces
    n_groups = 0
    for piece in range(pieces.size.size):
        n_groups += 1 if pieces.step[piece] == 0 else pieces.size[piece]
    size, level = np.ones(n_groups, np.int64), np.empty(n_groups, np.int64)
    n_groups = 0
    for piece in range(pieces.size.size):
        step = pieces.step[piece]
        if step == 0:
            size[n_groups] = pieces.size[piece]
        for value in range(1 if step == 0 else pieces.size[piece]):
            level[n_groups] = pieces.level[piece] + step * value
            n_groups += 1
    return Pieces(size, level, np.zeros(n_groups, np.int64), pieces.scale)


@kernel
def counted_tail(n_drawn, least, pieces, tilt):
    """Return log P(S >= least) for `n_drawn` of some tie groups, or NaN if there is too much."""
    n_groups = pieces.size.size
    low, width = np.empty(n_groups, np.int64), np.empty(n_groups, np.int64)
    log_all = 0.0
    centre = np.empty(n_groups, np.int64)
    for group in range(n_groups):
        size = pieces.size[group]
        z = tilt.a[1] + tilt.b[0] * ((pieces.level[group] - tilt.pivot[1]) / pieces.scale)
        likely = min(size, np.int64((size + 1) * logistic(z)[1]))
        centre[group] = likely
        below, above = likely, likely
        chance = 1.0
        while below > 0 and chance > _NEVER and above - below <= _WIDEST:
            chance *= below * math.exp(-z) / (size - below + 1.0)
            below -= 1
        chance = 1.0
        while above < size and chance > _NEVER and above - below <= _WIDEST:
            chance *= (size - above) * math.exp(z) / (above + 1.0)
            above += 1
        if above - below > _WIDEST:
            return math.nan
        low[group], width[group] = below, above - below
        log_all += log_choose(size, likely)
    # The two groups with most numbers go into the table, and the others are gone through.
    widest, next_one = 0, 1
    for group in range(1, n_groups):
        if width[group] > width[widest]:
            widest, next_one = group, widest
        elif group != next_one and width[group] > width[next_one]:
            next_one = group
    first, second = min(widest, next_one), max(widest, next_one)
    # The highest first: if few are drawn from it, the sum is out of reach early.
    others = np.empty(n_groups - 2, np.int64)
    n_others = 0
    for group in range(n_groups - 1, -1, -1):
        if group != first and group != second:
            others[n_others] = group
            n_others += 1
    spare = n_drawn - low.sum()
    if n_draws(width[others], spare - width[first] - width[second], spare) > _MOST_TRIED * _MOST:
        return math.nan
    chances = np.zeros((n_groups, width.max() + 1))
    for group in range(n_groups):
        # Odds of exp(a) in each group: what they change is the same for all draws.
        size, at = pieces.size[group], centre[group] - low[group]
        chances[group, at] = 1.0
        for i in range(at, width[group]):
            k = low[group] + i
            chances[group, i + 1] = chances[group, i] * (size - k) * math.exp(tilt.a[1]) / (k + 1.0)
        for i in range(at, 0, -1):
            k = low[group] + i
            chances[group, i - 1] = chances[group, i] * k / ((size - k + 1.0) * math.exp(tilt.a[1]))
    table = np.zeros((width[first] + width[second] + 1, width[second] + 2))
    for both in range(table.shape[0]):
        for i in range(min(both, width[second]), -1, -1):
            table[both, i] = table[both, i + 1]
            if both - i <= width[first]:
                table[both, i] += chances[second, i] * chances[first, both - i]
    gap = pieces.level[second] - pieces.level[first]
    base = low[first] * pieces.level[first] + low[second] * pieces.level[second]
    for group in others:
        base += low[group] * pieces.level[group]
    total = 0.0
    n_tried = 0
    highest = np.full(n_others + 1, pieces.level[second])
    for depth in range(n_others):
        highest[depth] = max(pieces.level[second], pieces.level[others[depth]])
    at = np.zeros(n_others, np.int64)
    left = np.empty(n_others + 1, np.int64)
    need = np.empty(n_others + 1, np.int64)
    chance_of = np.empty(n_others + 1)
    left[0], need[0], chance_of[0] = spare, least - base, 1.0
    depth = 0
    while depth >= 0:
        group = others[depth]
        i = at[depth]
        if i > width[group] or i > left[depth]:
            at[depth] = 0
            depth -= 1
            if depth >= 0:
                at[depth] += 1
            continue
        left[depth + 1] = left[depth] - i
        need[depth + 1] = need[depth] - i * pieces.level[group]
        if need[depth + 1] > left[depth + 1] * highest[depth + 1]:
            at[depth] += 1
            continue
        chance_of[depth + 1] = chance_of[depth] * chances[group, i]
        if depth < n_others - 1:
            depth += 1
            continue
        at[depth] += 1
        n_tried += 1
        if n_tried > _MOST:
            return math.nan
        both = left[n_others]
        if both < table.shape[0]:
            # How many of `both` must be in the second group: rounded up, and at least none.
            of_second = -((both * pieces.level[first] - need[n_others]) // gap)
            if of_second <= width[second]:
                total += chance_of[n_others] * table[both, max(0, of_second)]
    n_values = pieces.size.sum()
    log_odds = tilt.a[1] * (n_drawn - centre.sum())
    return math.log(total) + log_all - log_odds - log_choose(n_values, n_drawn)


@inner
def n_draws(widths, least, most):
    """Return how many rows of integers from 0 to these widths have a sum from `least` to `most`."""
    ways = np.zeros(max(0, most) + 1)
    ways[0] = 1.0
    for width in widths:
        # Sums of `width` + 1 neighbours: one more is added, and the last one leaves.
        added = 0.0
        before = ways.copy()
        for i in range(ways.size):
            added += before[i] - (before[i - width - 1] if i > width else 0.0)
            ways[i] = added
    return ways[max(0, least) :].sum()
