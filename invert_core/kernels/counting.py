"""The tail of a sum of values drawn without replacement from a run, or few tie groups, by counting.

Draws from a run of untied values are partitions: how far each value is below the one that it would
be in the highest draw adds up to a number, which every draw splits in another way.

A draw from tie groups is given by the number of values from each group. Numbers far from those
expected at the tilt of `saddlepoint` add nothing that could be seen, and are left out; all others
are gone through, for all groups but two, for which the ways are added up in a table.
"""

import math
from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import frugal_inner
from invert_core.kernels.hypergeometric import log_choose
from invert_core.kernels.saddlepoint import logistic
from invert_core.kernels.ties import Ties

_MOST_ADDED = 4000
"""The most additions to count partitions, at about a nanosecond each."""
_NEVER = 1e-7
"""Numbers of draws with this share of the chance of the most likely one are left out."""
_MOST_GROUPS = 64
_WIDEST = 512
_MOST = 8000
"""The most draws that are gone through, at about ten nanoseconds each."""
_MOST_TRIED = 100.0
"""How many times as many there may be, before those that cannot reach the sum are left out."""


class Counting(NamedTuple):
    """Room to count draws from tie groups.

    From group i, `low[i]` to ``low[i] + width[i]`` values are drawn, `likely[i]` most often, with
    the odds ``chances[i]``. ``table[n, i]`` has the odds of n draws from two groups with i or more
    from the second one. `others` are the groups that are gone through, and for each of them
    `extra` values more than `low` are drawn; `left`, `need` and `odds` are what remains for the
    groups after it, `highest` is the highest level of these. `ways` float64 [2, M] is for sums.
    """

    low: np.ndarray
    width: np.ndarray
    likely: np.ndarray
    others: np.ndarray
    extra: np.ndarray
    left: np.ndarray
    need: np.ndarray
    highest: np.ndarray
    odds: np.ndarray
    chances: np.ndarray
    table: np.ndarray
    ways: np.ndarray


def room_for_counting(ties: Ties) -> Counting:
    """Return room to count any draw from the groups of `ties` that is counted."""
    widest = min(_WIDEST, int(ties.size.max(initial=1)))
    low, width, likely, others = np.empty((4, _MOST_GROUPS), np.int64)
    extra, left, need, highest = np.empty((4, _MOST_GROUPS + 1), np.int64)
    odds, chances = np.empty(_MOST_GROUPS + 1), np.empty((_MOST_GROUPS, widest + 1))
    table = np.empty((2 * widest + 1, widest + 2))
    ways = np.empty((2, max(_MOST_ADDED, _MOST_GROUPS * widest) + 1))
    return Counting(
        low, width, likely, others, extra, left, need, highest, odds, chances, table, ways
    )


@frugal_inner
def run_tail(n_drawn, n_values, n_steps_above, ways):
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
    ways[0, 0] = 1.0
    for total in range(1, most + 1):
        ways[0, total] = 0.0
    # Gauss: the product of (1 - q**(largest + i)) / (1 - q**i) has these numbers as coefficients.
    for i in range(1, n_parts + 1):
        for total in range(most, largest_part + i - 1, -1):
            ways[0, total] -= ways[0, total - largest_part - i]
        for total in range(i, most + 1):
            ways[0, total] += ways[0, total - i]
    n_ways = 0.0
    for total in range(most + 1):
        n_ways += ways[0, total]
    log_share = math.log(n_ways) - log_choose(n_values, n_drawn)
    return log_share if is_upper else math.log1p(-math.exp(log_share))


@frugal_inner
def counted_tail(n_drawn, least, pieces, tilt, room):
    """Return log P(S >= least) for `n_drawn` of some tie groups, or NaN if there is too much."""
    n_groups = pieces.n[0]
    low, width, likely, chances = room.low, room.width, room.likely, room.chances
    if n_groups > _MOST_GROUPS or not are_tied(pieces):
        return math.nan
    odds = math.exp(tilt.a[1])
    n_values, n_likely, spare = np.int64(0), np.int64(0), n_drawn
    log_all = 0.0
    for group in range(n_groups):
        size = pieces.size[group]
        z = tilt.a[1] + tilt.b[0] * ((pieces.level[group] - tilt.pivot[1]) / pieces.scale[0])
        find_range(group, size, z, room)
        if width[group] > _WIDEST:
            return math.nan
        n_values += size
        n_likely += likely[group]
        spare -= low[group]
        log_all += log_choose(size, likely[group])
    first, second = two_widest(n_groups, width)
    # The highest first: if few are drawn from it, the sum is out of reach early.
    n_others = np.int64(0)
    for group in range(n_groups - 1, -1, -1):
        if group != first and group != second:
            room.others[n_others] = group
            n_others += 1
    if n_draws(n_others, spare - width[first] - width[second], spare, room) > _MOST_TRIED * _MOST:
        return math.nan
    for group in range(n_groups):
        # Odds of exp(a) in each group: what they change is the same for all draws.
        size, at = pieces.size[group], likely[group] - low[group]
        chances[group, at] = 1.0
        for i in range(at, width[group]):
            k = low[group] + i
            chances[group, i + 1] = chances[group, i] * (size - k) * odds / (k + 1.0)
        for i in range(at, 0, -1):
            k = low[group] + i
            chances[group, i - 1] = chances[group, i] * k / ((size - k + 1.0) * odds)
    fill_table(first, second, room)
    for group in range(n_groups):
        least -= low[group] * pieces.level[group]
    total = added_up(first, second, n_others, spare, least, pieces, room)
    log_odds = tilt.a[1] * (n_drawn - n_likely)
    return math.log(total) + log_all - log_odds - log_choose(n_values, n_drawn)


@frugal_inner
def are_tied(pieces):
    """Return whether pieces are tie groups only."""
    for piece in range(pieces.n[0]):
        if pieces.step[piece] > 0:
            return False
    return True


@frugal_inner
def find_range(group, size, z, room):
    """Find how many values of a group are drawn at log odds z, unless it is most unlikely."""
    likely = min(size, np.int64((size + 1) * logistic(z)[1]))
    below, above = likely, likely
    odds = math.exp(z)
    chance = 1.0
    while below > 0 and chance > _NEVER and above - below <= _WIDEST:
        chance *= below / ((size - below + 1.0) * odds)
        below -= 1
    chance = 1.0
    while above < size and chance > _NEVER and above - below <= _WIDEST:
        chance *= (size - above) * odds / (above + 1.0)
        above += 1
    room.likely[group], room.low[group], room.width[group] = likely, below, above - below


@frugal_inner
def two_widest(n_groups, width):
    """Return the two groups with most numbers, which go into the table, in order."""
    widest, next_one = 0, 1
    for group in range(1, n_groups):
        if width[group] > width[widest]:
            widest, next_one = group, widest
        elif group != next_one and width[group] > width[next_one]:
            next_one = group
    return min(widest, next_one), max(widest, next_one)


@frugal_inner
def fill_table(first, second, room):
    """Add up the odds of the draws from two groups."""
    chances, table = room.chances, room.table
    n_first, n_second = room.width[first], room.width[second]
    for both in range(n_first + n_second + 1):
        of_second = min(both, n_second)
        table[both, of_second + 1] = 0.0
        for i in range(of_second, -1, -1):
            table[both, i] = table[both, i + 1]
            if both - i <= n_first:
                table[both, i] += chances[second, i] * chances[first, both - i]


@frugal_inner
def added_up(first, second, n_others, spare, least, pieces, room):
    """Return the odds of all draws whose sum is not below `least`, or NaN if there are too many.

    The smallest numbers of draws are taken for granted; `spare` more draws are left.
    """
    others, extra, left, need = room.others, room.extra, room.left, room.need
    highest, odds, table = room.highest, room.odds, room.table
    n_second = room.width[second]
    n_both = room.width[first] + n_second
    low_level, high_level = pieces.level[first], pieces.level[second]
    for depth in range(n_others):
        extra[depth] = 0
        highest[depth] = max(high_level, pieces.level[others[depth]])
    highest[n_others] = high_level
    left[0], need[0], odds[0] = spare, least, 1.0
    total = 0.0
    n_tried = 0
    depth = 0
    while depth >= 0:
        if depth == n_others:
            n_tried += 1
            if n_tried > _MOST:
                return math.nan
            both = left[depth]
            if both <= n_both:
                # How many of `both` must be in the second group: rounded up, and at least none.
                of_second = max(0, -((both * low_level - need[depth]) // (high_level - low_level)))
                if of_second <= min(both, n_second):
                    total += odds[depth] * table[both, of_second]
            depth -= 1
            continue
        group, i = others[depth], extra[depth]
        if i > room.width[group] or i > left[depth]:
            extra[depth] = 0
            depth -= 1
            continue
        extra[depth] += 1
        left[depth + 1] = left[depth] - i
        need[depth + 1] = need[depth] - i * pieces.level[group]
        if need[depth + 1] <= left[depth + 1] * highest[depth + 1]:
            odds[depth + 1] = odds[depth] * room.chances[group, i]
            depth += 1
    return total


@frugal_inner
def n_draws(n_others, least, most, room):
    """Return how many draws from the other groups have a total from `least` to `most`."""
    if most < 0:
        return 0.0
    ways = room.ways
    total = 0
    ways[0, 0] = 1.0
    for number in range(n_others):
        # Sums of `width` + 1 neighbours: one more is added, and the last one leaves.
        width = room.width[room.others[number]]
        old, new = number & 1, 1 - (number & 1)
        added = 0.0
        for i in range(min(most, total + width) + 1):
            added += ways[old, i] if i <= total else 0.0
            added -= ways[old, i - width - 1] if i > width else 0.0
            ways[new, i] = added
        total = min(most, total + width)
    n = 0.0
    for i in range(max(0, least), total + 1):
        n += ways[n_others & 1, i]
    return n
