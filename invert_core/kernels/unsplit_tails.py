"""The tail of a sum of values drawn from pieces of a population, of which none is split off.

One block of pieces is counted where that is cheap: one value drawn or left out, a single run, or
two tie groups. Everything else is left to the saddlepoint.
"""

import math

import numpy as np

from invert_core.kernels._jit import inner, kernel
from invert_core.kernels.counting import run_tail
from invert_core.kernels.hypergeometric import add_logs, log_choose, log_hypergeometric_tail
from invert_core.kernels.saddlepoint import (
    Draw,
    find_tilt,
    lugannani_rice,
    n_values_of,
)

_LOG_2 = math.log(2.0)


@inner
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


@inner
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


@inner
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


@inner
def span_of(pieces, start, stop):
    """Return the greatest common divisor of all differences between values."""
    span = np.int64(0)
    for piece in range(start, stop):
        # Two more numbers for each piece: its distance from the first one, and its step.
        for turn in range(2):
            number = pieces.step[piece] if turn else pieces.level[piece] - pieces.level[start]
            while number != 0:
                span, number = number, span % number
    return span


@kernel
def block_tail(n_drawn, least, pieces, start, stop, tilt):
    """Return log P(S >= least) for `n_drawn` of some pieces, and whether it is counted."""
    largest, log_ways = largest_sum(n_drawn, pieces, start, stop)
    if least > largest:
        return -math.inf, True
    smallest = smallest_sum(n_drawn, pieces, start, stop)
    if least <= smallest:
        return 0.0, True
    n_values = n_values_of(pieces, start, stop)
    if n_drawn == 1:
        return math.log(n_at_least(least, pieces, start, stop) / n_values), True
    if n_drawn == n_values - 1:
        everything = largest_sum(n_values, pieces, start, stop)[0]
        n_left_out = n_values - n_at_least(everything - least + 1, pieces, start, stop)
        return math.log(n_left_out / n_values), True
    if stop - start == 2 and pieces.step[start] == 0 and pieces.step[start + 1] == 0:
        low, gap = pieces.level[start], pieces.level[start + 1] - pieces.level[start]
        # Rounded up: ceil((least - n low) / gap).
        n_least = -((n_drawn * low - least) // gap)
        n_low, n_high = pieces.size[start], pieces.size[start + 1]
        return log_hypergeometric_tail(n_least, n_drawn, n_low, n_high), True
    span = span_of(pieces, start, stop)
    # Sums are on a lattice, on which the tail begins at the next point.
    n_steps = -((smallest - least) // span)
    if stop - start == 1:
        counted = run_tail(n_drawn, n_values, n_steps)
        if not math.isnan(counted):
            return counted, True
    draw = Draw(pieces, (start, start, stop), (0, n_drawn), 1)
    found = smooth_tail(draw, smallest + n_steps * span, span, tilt)
    return max(found, log_ways - log_choose(n_values, n_drawn)), False


@kernel
def smooth_tail(draw, least, span, tilt):
    """Return log P(S >= least) by the saddlepoint; `least` is on the lattice of sums."""
    half_span = 0.5 * span / draw.pieces.scale
    fit = find_tilt(draw, 2 * least - span, tilt)
    found, is_found = lugannani_rice(fit, tilt.b[0], half_span)
    if is_found:
        return found
    # Near the mean, where the formula is 0 / 0, the tail is the mean of those on both sides.
    away = max(1, int(0.1 * draw.pieces.scale * math.sqrt(fit.variance) / span))
    both = -math.inf
    for side in (-away, away):
        fit = find_tilt(draw, 2 * (least + side * span) - span, tilt)
        found, is_found = lugannani_rice(fit, tilt.b[0], half_span)
        both = add_logs(both, found if is_found else -_LOG_2)
    return both - _LOG_2


@kernel
def strata_tail(n_low, n_high, least, pieces, border, tilt):
    """Return log P(S >= least), S the sum of draws from the pieces below and above a border."""
    n_pieces = pieces.size.size
    all_low, all_high = n_values_of(pieces, 0, border), n_values_of(pieces, border, n_pieces)
    if n_low == 0 or n_low == all_low:
        need = least - largest_sum(n_low, pieces, 0, border)[0]
        if n_high == 0:
            return 0.0 if need <= 0 else -math.inf
        return block_tail(n_high, need, pieces, border, n_pieces, tilt)[0]
    if n_high == 0 or n_high == all_high:
        need = least - largest_sum(n_high, pieces, border, n_pieces)[0]
        return block_tail(n_low, need, pieces, 0, border, tilt)[0]
    best_low, _ = largest_sum(n_low, pieces, 0, border)
    best_high, _ = largest_sum(n_high, pieces, border, n_pieces)
    if least > best_low + best_high:
        return -math.inf
    smallest = smallest_sum(n_low, pieces, 0, border)
    smallest += smallest_sum(n_high, pieces, border, n_pieces)
    if least <= smallest:
        return 0.0
    span = span_of(pieces, 0, border)
    other = span_of(pieces, border, n_pieces)
    while other != 0:
        span, other = other, span % other
    if span == 0:
        return 0.0
    least = smallest - ((smallest - least) // span) * span
    draw = Draw(pieces, (0, border, n_pieces), (n_low, n_high), 0)
    return smooth_tail(draw, least, span, tilt)
