"""The tail of a sum of values drawn from pieces of a population, of which none is split off.

One block of pieces is counted where that is cheap: one value drawn or left out, a single run, or
two tie groups. Everything else is left to the saddlepoint.
"""

import math

import numpy as np

from invert_core.kernels._jit import frugal_inner, inlined
from invert_core.kernels.counting import run_tail
from invert_core.kernels.hypergeometric import add_logs, log_choose, log_hypergeometric_tail
from invert_core.kernels.saddlepoint import find_tilt, lugannani_rice, n_values_of

_LOG_2 = math.log(2.0)


@frugal_inner
def largest_sum(n_drawn, pieces, start, stop):
    """Return the largest sum of `n_drawn` values, and the log of the number of ways to draw it."""
    left = n_drawn
    total = np.int64(0)
    log_ways = 0.0
    for piece in range(stop - 1, start - 1, -1):
        size, step = pieces.size[piece], pieces.step[piece]
        n = min(left, size)
        total += n * (pieces.level[piece] + step * (size - 1)) - step * (n * (n - 1) // 2)
        left -= n
        if left == 0:
            log_ways = log_choose(size, n) if step == 0 else 0.0
            break
    return total, log_ways


@frugal_inner
def smallest_sum(n_drawn, pieces, start, stop):
    """Return the smallest sum of `n_drawn` values."""
    left = n_drawn
    total = np.int64(0)
    for piece in range(start, stop):
        n = min(left, pieces.size[piece])
        total += n * pieces.level[piece] + pieces.step[piece] * (n * (n - 1) // 2)
        left -= n
        if left == 0:
            break
    return total


@frugal_inner
def n_at_least(least, pieces, start, stop):
    """Return how many values are not below `least`."""
    count = np.int64(0)
    for piece in range(start, stop):
        size, step = pieces.size[piece], pieces.step[piece]
        if pieces.level[piece] >= least:
            count += size
        elif step > 0:
            n_below = (least - pieces.level[piece] + step - 1) // step
            count += max(0, size - n_below)
    return count


@frugal_inner
def common_span(span, pieces, start, stop):
    """Return the greatest common divisor of a span and all differences between values."""
    for piece in range(start, stop):
        # Two more numbers for each piece: its distance from the first one, and its step.
        for turn in range(2):
            number = pieces.step[piece] if turn else pieces.level[piece] - pieces.level[start]
            while number != 0:
                span, number = number, span % number
    return span


@frugal_inner
def unsplit_tail(draw, least, pieces, tilt, ways):
    """Return log P(S >= least) for the sum S of a draw, and whether it is counted.

    The strata among which something is drawn are found here. `ways` is that of `run_tail`.
    """
    among = draw.among
    among[0], among[1] = 2, 2
    largest, smallest, span = np.int64(0), np.int64(0), np.int64(0)
    floor = 0.0
    for g in range(2):
        start, stop, n_drawn = draw.start[g], draw.stop[g], draw.drawn[g]
        n_values = n_values_of(pieces, start, stop)
        draw.size[g] = n_values
        highest, log_ways = largest_sum(n_drawn, pieces, start, stop)
        if n_drawn == 0 or n_drawn == n_values:
            least -= highest
            continue
        among[0], among[1] = min(among[0], g), g + 1
        largest += highest
        smallest += smallest_sum(n_drawn, pieces, start, stop)
        floor += log_ways - log_choose(n_values, n_drawn)
        span = common_span(span, pieces, start, stop)
    if least > largest:
        return -math.inf, True
    if least <= smallest:
        return 0.0, True
    # Sums are on a lattice, on which the tail begins at the next point.
    n_steps = -((smallest - least) // span)
    if among[1] - among[0] == 1:
        counted = block_tail(draw, least, n_steps, pieces, ways)
        if not math.isnan(counted):
            return counted, True
    return max(floor, smooth_tail(draw, smallest + n_steps * span, span, pieces, tilt)), False


@frugal_inner
def block_tail(draw, least, n_steps, pieces, ways):
    """Return log P(S >= least), a number of steps above the smallest, or NaN if it is not counted.

    Values are drawn from one stratum only.
    """
    g = draw.among[0]
    start, stop, n_drawn = draw.start[g], draw.stop[g], draw.drawn[g]
    n_values = draw.size[g]
    if n_drawn == 1 or n_drawn == n_values - 1:
        # All but one are drawn if their sum lacks that one.
        everything = largest_sum(n_values, pieces, start, stop)[0]
        bound = least if n_drawn == 1 else everything - least + 1
        count = n_at_least(bound, pieces, start, stop)
        return math.log((count if n_drawn == 1 else n_values - count) / n_values)
    if stop - start == 1:
        return run_tail(n_drawn, n_values, n_steps, ways)
    if stop - start == 2 and pieces.step[start] == 0 and pieces.step[start + 1] == 0:
        low, gap = pieces.level[start], pieces.level[start + 1] - pieces.level[start]
        # Rounded up: ceil((least - n low) / gap).
        n_least = -((n_drawn * low - least) // gap)
        n_low, n_high = pieces.size[start], pieces.size[start + 1]
        return log_hypergeometric_tail(n_least, n_drawn, n_low, n_high)
    return math.nan


@inlined
def smooth_tail(draw, least, span, pieces, tilt):
    """Return log P(S >= least) by the saddlepoint; `least` is on the lattice of sums."""
    half_span = 0.5 * span / pieces.scale[0]
    away = 0
    both = -math.inf
    for side in range(3):
        # At 0, then below and above it.
        at = least + (0 if side == 0 else 2 * side - 3) * away * span
        fit = find_tilt(draw, 2 * at - span, pieces, tilt)
        found, is_found = lugannani_rice(fit, tilt.b[0], half_span)
        if side == 0:
            if is_found:
                return found
            # Near the mean the formula is 0 / 0. The tail is the mean of those on both sides.
            away = max(1, int(0.1 * pieces.scale[0] * math.sqrt(fit.variance) / span))
        else:
            both = add_logs(both, found if is_found else -_LOG_2)
    return both - _LOG_2
