"""The p-value of a rank sum given the ties of a unit: the exact null of the Mann-Whitney test.

Under the null hypothesis, the n1 samples of an extent are drawn without replacement, and S is the
sum of their doubled midranks. The tail of S is found on a ladder; each rung takes what the one
before it leaves.

- Counted: the smallest and the largest S, an extent of one sample, or of all but one, and units
  of two tie groups, where S is hypergeometric.
- The double saddlepoint of `saddlepoint`, where many samples share in the deviation.
- A split on the largest tie group: if few samples of the extent are outside it, or if it stands out
  from the others so far that their ranks cannot fill the gap, S comes in lumps, which no smooth
  formula describes. Given how many samples are outside, it does not, so the tails given these
  numbers are added up.
"""

import math
from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import frugal_inner, frugal_kernel, inlined
from invert_core.kernels.counting import Counting, counted_tail, room_for_counting
from invert_core.kernels.hypergeometric import add_logs, log_choose
from invert_core.kernels.saddlepoint import (
    Draw,
    Tilt,
    cumulants,
    forget,
    n_values_of,
    room_for_draw,
    room_for_tilt,
)
from invert_core.kernels.ties import Pieces, Ties, add_piece, fill_pieces, room_for_pieces
from invert_core.kernels.unsplit_tails import largest_sum, unsplit_tail

NONE, EXACT, SADDLEPOINT, SPLIT = 0, 1, 2, 3
"""Rungs: none was needed as the unit is constant, or the highest one that was needed."""
TWO_SIDED, GREATER, LESS = 0, 1, -1
"""Alternatives."""

_FEW = 15.0
"""Fewer samples outside the largest tie group, or fewer left there, come in lumps."""
_SPREAD = 0.7
"""A standard deviation below this share of the gap does not fill it."""
_FLAT = 0.2
"""Where a lump changes the log odds of a sample by less, lumps make no difference."""
_NEVER = 1e-4
"""A side with a smaller variance of the number of draws has no part in them."""
_MOST_PAIRS = 1000.0
_NEGLIGIBLE = 8.0
"""Terms below exp(-8) of the sum are left out."""
_LOG_2 = math.log(2.0)
_ALMOST_1 = 1.0 - 2.0**-53


class Rows(NamedTuple):
    """What `log_tails` takes and returns, for each extent."""

    n_positive: np.ndarray
    rank_sum: np.ndarray
    unit: np.ndarray
    log_p: np.ndarray
    rung: np.ndarray


class Space(NamedTuple):
    """The arrays that tails are found in; all rows use them in turn.

    `pieces` are the values of a unit, after which those without a tie group may be.
    """

    pieces: Pieces
    draw: Draw
    tilt: Tilt
    counting: Counting


def log_tails(
    n_positive: np.ndarray,
    rank_sum: np.ndarray,
    unit: np.ndarray,
    ties: Ties,
    alternative: int = TWO_SIDED,
) -> tuple[np.ndarray, np.ndarray]:
    """Return log p of rank sums given the ties of their units, and the rung that it comes from.

    Two-sided, p is min(1, 2 P) with the tail P on the side of S.

    Parameters
    ----------
    n_positive, rank_sum : int64 [F]
        n1 and S of extents that hold some of the samples, but not all. Sums beyond the largest or
        smallest that the profile allows count as that one.
    unit : int64 [F]
        Unit of each extent, an index into the units of `ties`.
    ties : Ties
        Profiles of the units.
    alternative : int, optional
        `TWO_SIDED`, `GREATER` or `LESS`.

    Returns
    -------
    log_p : float64 [F]
        Natural logarithms, finite.
    rung : int8 [F]
        `NONE`, `EXACT`, `SADDLEPOINT` or `SPLIT`.
    """
    log_p = np.empty(len(n_positive))
    rung = np.empty(len(n_positive), np.int8)
    rows = Rows(_fixed(n_positive), _fixed(rank_sum), _fixed(unit), log_p, rung)
    ties = Ties(*map(_fixed, ties))
    fill_log_tails(rows, ties, alternative, _space(ties))
    return log_p, rung


def _space(ties: Ties) -> Space:
    """Make the arrays here, because each of them would take long to compile in a kernel."""
    return Space(
        room_for_pieces(ties),
        room_for_draw(),
        room_for_tilt(),
        room_for_counting(ties),
    )


def _fixed(array: np.ndarray) -> np.ndarray:
    # Kernels are compiled for one type of array: contiguous and read-only.
    array = np.ascontiguousarray(array, np.int64).view()
    array.setflags(write=False)
    return array


@frugal_kernel
def fill_log_tails(rows, ties, alternative, space):
    """Fill in what `log_tails` returns."""
    # A tuple of fewer arrays takes less time to compile where it is passed on.
    pieces, draw, tilt, counting = space
    for row in range(rows.unit.size):
        unit, n_drawn = rows.unit[row], rows.n_positive[row]
        n_samples = ties.n_samples[unit]
        excess = rows.rank_sum[row] - n_drawn * (n_samples + 1)
        found, rung = 0.0, NONE
        if alternative == TWO_SIDED and excess == 0:
            # Both tails are at least a half.
            rung = NONE if has_one_value(ties, unit) else EXACT
        elif not has_one_value(ties, unit):
            is_lower = alternative == LESS or (alternative == TWO_SIDED and excess < 0)
            least = -excess if is_lower else excess
            # A tail that holds the mean is large: what it lacks to 1 is computed instead.
            holds_mean = least <= 0
            if holds_mean:
                is_lower, least = not is_lower, 1 - least
            # A lower tail is the upper tail of the reversed ranks. What an extent has in excess,
            # the others lack: the tail of the smaller of the two is the same and found with less
            # work.
            is_small = 2 * n_drawn <= n_samples
            fill_pieces(pieces, ties, unit, is_lower == is_small)
            n_drawn = n_drawn if is_small else n_samples - n_drawn
            found, rung = log_tail(n_drawn, least, pieces, draw, tilt, counting)
            if holds_mean:
                # Sums beyond the largest count as that one, but there is nothing beyond it.
                is_all = least > largest_sum(n_drawn, pieces, 0, pieces.n[0])[0]
                found = 0.0 if is_all else math.log1p(-min(math.exp(found), _ALMOST_1))
            elif alternative == TWO_SIDED:
                found = min(0.0, found + _LOG_2)
        rows.log_p[row], rows.rung[row] = found, rung


@frugal_inner
def has_one_value(ties, unit):
    """Return whether all values of a unit are equal."""
    first = ties.first[unit]
    return ties.first[unit + 1] > first and ties.size[first] == ties.n_samples[unit]


@inlined
def log_tail(n_drawn, least, pieces, draw, tilt, counting):
    """Return log P(S >= least) of the sum S of `n_drawn` of a population, and the rung."""
    n_pieces = pieces.n[0]
    largest, log_ways = largest_sum(n_drawn, pieces, 0, n_pieces)
    # No p is below that of the largest sum, which is drawn in exp(log_ways) ways.
    floor = log_ways - log_choose(n_values_of(pieces, 0, n_pieces), n_drawn)
    if least >= largest:
        return floor, EXACT
    forget(tilt)
    draw.start[0], draw.start[1] = 0, 0
    draw.stop[0], draw.stop[1] = 0, n_pieces
    draw.drawn[0], draw.drawn[1] = 0, n_drawn
    found, is_counted = unsplit_tail(draw, least, pieces, tilt, counting.ways)
    if is_counted:
        return found, EXACT
    counted = counted_tail(n_drawn, least, pieces, tilt, counting)
    if not math.isnan(counted):
        return min(0.0, max(counted, floor)), EXACT
    atom = largest_tie(pieces)
    rung = SADDLEPOINT
    if atom >= 0 and is_lumpy(atom, pieces, tilt, draw.expected):
        found = split_tail(n_drawn, least, atom, pieces, draw, tilt, counting.ways)
        rung = SPLIT
    return min(0.0, max(found, floor)), rung


@frugal_inner
def largest_tie(pieces):
    """Return the largest tie group, or -1 if there is none."""
    found, most = -1, 1
    for piece in range(pieces.n[0]):
        if pieces.step[piece] == 0 and pieces.size[piece] > most:
            found, most = piece, pieces.size[piece]
    return found


@frugal_inner
def second_tie(atom, pieces, tilt):
    """Return the largest tie group but one, and how many values one expects to be drawn from it.

    It is -1 if no group holds a tenth of what is outside the largest one.
    """
    least = 0.1 * (n_values_of(pieces, 0, pieces.n[0]) - pieces.size[atom])
    found, most = -1, max(2.0, least)
    for piece in range(pieces.n[0]):
        if piece != atom and pieces.step[piece] == 0 and pieces.size[piece] >= most:
            found, most = piece, float(pieces.size[piece])
    if found < 0:
        return found, 0.0
    of = cumulants(tilt.a[1], tilt.b[0], tilt.pivot[1], pieces, found, found + 1)
    return found, of.by_a


@frugal_inner
def is_lumpy(atom, pieces, tilt, outside):
    """Return whether S is lumpy because of a tie group; find what one expects on both sides."""
    a, b, pivot = tilt.a[1], tilt.b[0], tilt.pivot[1]
    n_pieces = pieces.n[0]
    level = (pieces.level[atom] - pivot) / pieces.scale[0]
    variance = gap = 0.0
    n_pairs = 1.0
    for side in range(2):
        start, stop = (atom + 1, n_pieces) if side else (np.int64(0), atom)
        of = cumulants(a, b, pivot, pieces, start, stop)
        outside[side] = of.by_a
        # Few pairs of numbers below and above can be gone through.
        n_pairs *= 1.0 + 8.0 * math.sqrt(of.by_aa)
        if of.by_aa > _NEVER:
            mean = of.by_ab / of.by_aa
            variance += max(0.0, of.by_bb - of.by_aa * mean * mean)
            gap = max(gap, abs(mean - level))
    n_outside = outside[0] + outside[1]
    n_left = n_values_of(pieces, 0, n_pieces) - pieces.size[atom] - n_outside
    if n_outside < _FEW or n_left < _FEW:
        return True
    return math.sqrt(variance) < _SPREAD * gap and abs(b) * gap > _FLAT and n_pairs < _MOST_PAIRS


@inlined
def split_tail(n_drawn, least, atom, pieces, draw, tilt, ways):
    """Return log P(S >= least) as a sum over the number of draws below and above a tie group.

    And over the number of draws from a second tie group where there is one.
    """
    n_pieces = pieces.n[0]
    second, mean = second_tie(atom, pieces, tilt)
    size, level = np.int64(0), np.int64(0)
    if second >= 0:
        size, level = pieces.size[second], pieces.level[second]
        draw.expected[0 if second < atom else 1] -= mean
    # All pieces but the second tie group once more, after the others.
    stop = n_pieces
    draw.start[0] = stop
    draw.stop[0] = stop + atom - (1 if 0 <= second < atom else 0)
    for i in range(n_pieces):
        if i != second:
            stop = add_piece(stop, pieces.size[i], pieces.level[i], pieces.step[i], pieces)
    draw.start[1], draw.stop[1] = draw.stop[0] + 1, stop
    n_rest = n_values_of(pieces, n_pieces, stop)
    total = -math.inf
    for side in (1, -1):
        n_second = min(max(round(mean), n_drawn - n_rest), size, n_drawn) - (side < 0)
        last = -math.inf
        while max(0, n_drawn - n_rest) <= n_second <= min(size, n_drawn):
            term = log_choose(size, n_second)
            need = least - n_second * level
            term += log_ways_outside(n_drawn - n_second, need, pieces, draw, tilt, ways)
            total = add_logs(total, term)
            if term < last and term < total - _NEGLIGIBLE:
                break
            last = term
            n_second += side
    return total - log_choose(n_rest + size, n_drawn)


@inlined
def log_ways_outside(n_drawn, least, pieces, draw, tilt, ways):
    """Return the log of the number of draws with S >= least from strata and what is between."""
    n_low = n_values_of(pieces, draw.start[0], draw.stop[0])
    n_high = n_values_of(pieces, draw.start[1], draw.stop[1])
    n_tied, level = pieces.size[draw.stop[0]], pieces.level[draw.stop[0]]
    forget(tilt)
    total = -math.inf
    for side_low in (1, -1):
        low = min(round(draw.expected[0]), n_low, n_drawn) - (side_low < 0)
        while 0 <= low <= min(n_low, n_drawn):
            before = total
            of_low = -math.inf
            for side_high in (1, -1):
                high = min(round(draw.expected[1]), n_high, n_drawn - low) - (side_high < 0)
                last = -math.inf
                tilt.b[0] = math.nan
                while 0 <= high <= min(n_high, n_drawn - low):
                    n_inside = n_drawn - low - high
                    term = -math.inf
                    if n_inside <= n_tied:
                        draw.drawn[0], draw.drawn[1] = low, high
                        need = least - n_inside * level
                        tail, _ = unsplit_tail(draw, need, pieces, tilt, ways)
                        term = log_choose(n_low, low) + log_choose(n_high, high)
                        term += log_choose(n_tied, n_inside) + tail
                    of_low = add_logs(of_low, term)
                    if term < last and term < max(of_low, total) - _NEGLIGIBLE:
                        break
                    last = term
                    high += side_high
            total = add_logs(total, of_low)
            if before > -math.inf and of_low < before - _NEGLIGIBLE:
                break
            low += side_low
    return total
