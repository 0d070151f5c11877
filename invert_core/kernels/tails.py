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

import numpy as np

from invert_core.kernels._jit import inlined, inner, kernel
from invert_core.kernels.counting import as_ties, counted_tail
from invert_core.kernels.hypergeometric import add_logs, log_choose
from invert_core.kernels.saddlepoint import cumulants, n_values_of, no_tilt
from invert_core.kernels.ties import Pieces, Ties, pieces_of
from invert_core.kernels.unsplit_tails import block_tail, largest_sum, strata_tail

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
_MOST_LEVELS = 64
_NEGLIGIBLE = 11.0
"""Terms below exp(-11) of the sum are left out."""
_LOG_2 = math.log(2.0)


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
    extents = (_fixed(n_positive), _fixed(rank_sum), _fixed(unit))
    fill_log_tails(*extents, Ties(*map(_fixed, ties)), alternative, log_p, rung)
    return log_p, rung


def _fixed(array: np.ndarray) -> np.ndarray:
    # Kernels are compiled for one type of array: contiguous and read-only.
    array = np.ascontiguousarray(array, np.int64).view()
    array.setflags(write=False)
    return array


@kernel
def fill_log_tails(n_positive, rank_sum, unit, ties, alternative, log_p, rung):
    """Fill in what `log_tails` returns."""
    for row in range(n_positive.size):
        n_samples = ties.n_samples[unit[row]]
        n_drawn = n_positive[row]
        excess = rank_sum[row] - n_drawn * (n_samples + 1)
        if alternative == TWO_SIDED and excess == 0:
            log_p[row], rung[row] = 0.0, EXACT
            if has_one_value(ties, unit[row]):
                rung[row] = NONE
            continue
        is_lower = alternative == LESS or (alternative == TWO_SIDED and excess < 0)
        # A lower tail is the upper tail of the reversed ranks. What an extent has in excess, the
        # others lack: the tail of the smaller of the two is the same and found with less work.
        is_small = 2 * n_drawn <= n_samples
        pieces = pieces_of(ties, unit[row], is_lower == is_small)
        if pieces.size.size == 1 and pieces.step[0] == 0:
            log_p[row], rung[row] = 0.0, NONE
            continue
        n_drawn = n_drawn if is_small else n_samples - n_drawn
        found, by = log_tail(n_drawn, -excess if is_lower else excess, pieces)
        log_p[row] = min(0.0, found + _LOG_2) if alternative == TWO_SIDED else found
        rung[row] = by


@inner
def has_one_value(ties, unit):
    """Return whether all values of a unit are equal."""
    first = ties.first[unit]
    return ties.first[unit + 1] > first and ties.size[first] == ties.n_samples[unit]


@inlined
def log_tail(n_drawn, least, pieces):
    """Return log P(S >= least) of the sum S of `n_drawn` of a population, and the rung."""
    pieces = as_ties(pieces)
    n_pieces = pieces.size.size
    largest, log_ways = largest_sum(n_drawn, pieces, 0, n_pieces)
    # No p is below that of the largest sum, which is drawn in exp(log_ways) ways.
    floor = log_ways - log_choose(n_values_of(pieces, 0, n_pieces), n_drawn)
    if least >= largest:
        return floor, EXACT
    tilt = no_tilt()
    found, is_counted = block_tail(n_drawn, least, pieces, 0, n_pieces, tilt)
    if is_counted:
        return found, EXACT
    if pieces.step.max() == 0 and n_pieces <= _MOST_LEVELS:
        counted = counted_tail(n_drawn, least, pieces, tilt)
        if not math.isnan(counted):
            return min(0.0, max(counted, floor)), EXACT
    atom = largest_tie(pieces)
    rung = SADDLEPOINT
    if atom >= 0:
        mean_low, mean_high, is_lumpy = outside_of(atom, n_drawn, pieces, tilt)
        if is_lumpy:
            found = split_twice(n_drawn, least, pieces, atom, tilt, mean_low, mean_high)
            rung = SPLIT
    return min(0.0, max(found, floor)), rung


@inlined
def split_twice(n_drawn, least, pieces, atom, tilt, mean_low, mean_high):
    """Return `split_tail`, added up over the draws from a second tie group where that is large."""
    second = second_tie(atom, pieces)
    if second < 0:
        return split_tail(n_drawn, least, pieces, atom, mean_low, mean_high)
    size, level = pieces.size[second], pieces.level[second]
    rest = without(second, pieces)
    mean = cumulants(tilt.a[1], tilt.b[0], tilt.pivot[1], pieces, second, second + 1).by_a
    if second < atom:
        atom -= 1
        mean_low -= mean
    else:
        mean_high -= mean
    n_rest = n_values_of(rest, 0, rest.size.size)
    total = -math.inf
    for side in (1, -1):
        n_second = min(max(round(mean), n_drawn - n_rest), size, n_drawn) - (side < 0)
        last = -math.inf
        while max(0, n_drawn - n_rest) <= n_second <= min(size, n_drawn):
            n_left = n_drawn - n_second
            term = log_choose(size, n_second) + log_choose(n_rest, n_left)
            need = least - n_second * level
            term += split_tail(n_left, need, rest, atom, mean_low, mean_high)
            total = add_logs(total, term)
            if term < last and term < total - _NEGLIGIBLE:
                break
            last = term
            n_second += side
    return total - log_choose(n_rest + size, n_drawn)


@inner
def second_tie(atom, pieces):
    """Return the largest tie group but one, if it holds a tenth of what is outside the largest."""
    found, most = -1, 0.1 * (n_values_of(pieces, 0, pieces.size.size) - pieces.size[atom])
    for piece in range(pieces.size.size):
        if piece != atom and pieces.step[piece] == 0 and pieces.size[piece] >= max(2.0, most):
            found, most = piece, float(pieces.size[piece])
    return found


@inner
def largest_tie(pieces):
    """Return the largest tie group, or -1 if there is none."""
    found, most = -1, 1
    for piece in range(pieces.size.size):
        if pieces.step[piece] == 0 and pieces.size[piece] > most:
            found, most = piece, pieces.size[piece]
    return found


@inner
def outside_of(atom, n_drawn, pieces, tilt):
    """Return the expected draws below and above a tie group at a tilt, and whether S is lumpy."""
    n_pieces = pieces.size.size
    a, b, pivot = tilt.a[1], tilt.b[0], tilt.pivot[1]
    low = cumulants(a, b, pivot, pieces, 0, atom)
    high = cumulants(a, b, pivot, pieces, atom + 1, n_pieces)
    n_outside = low.by_a + high.by_a
    n_left = n_values_of(pieces, 0, n_pieces) - pieces.size[atom] - n_outside
    if n_outside < _FEW or n_left < _FEW:
        return low.by_a, high.by_a, True
    level = (pieces.level[atom] - pivot) / pieces.scale
    variance = gap = 0.0
    for of in (low, high):
        if of.by_aa > _NEVER:
            mean = of.by_ab / of.by_aa
            variance += max(0.0, of.by_bb - of.by_aa * mean * mean)
            gap = max(gap, abs(mean - level))
    is_lumpy = math.sqrt(variance) < _SPREAD * gap and abs(b) * gap > _FLAT
    # Few pairs of numbers below and above can be gone through.
    n_pairs = (1.0 + 8.0 * math.sqrt(low.by_aa)) * (1.0 + 8.0 * math.sqrt(high.by_aa))
    return low.by_a, high.by_a, is_lumpy and n_pairs < _MOST_PAIRS


@inner
def without(piece, pieces):
    """Return all pieces but one."""
    kept = np.arange(pieces.size.size) != piece
    return Pieces(pieces.size[kept], pieces.level[kept], pieces.step[kept], pieces.scale)


@kernel
def split_tail(n_drawn, least, pieces, atom, mean_low, mean_high):
    """Return log P(S >= least) as a sum over the number of draws below and above a tie group."""
    rest = without(atom, pieces)
    border, n_rest = atom, rest.size.size
    n_low, n_high = n_values_of(rest, 0, border), n_values_of(rest, border, n_rest)
    n_tied, level = pieces.size[atom], pieces.level[atom]
    tilt = no_tilt()
    total = -math.inf
    for side_low in (1, -1):
        low = min(round(mean_low), n_low, n_drawn) - (side_low < 0)
        while 0 <= low <= min(n_low, n_drawn):
            before = total
            of_low = -math.inf
            for side_high in (1, -1):
                high = min(round(mean_high), n_high, n_drawn - low) - (side_high < 0)
                last = -math.inf
                tilt.b[0] = math.nan
                while 0 <= high <= min(n_high, n_drawn - low):
                    n_inside = n_drawn - low - high
                    term = -math.inf
                    if n_inside <= n_tied:
                        need = least - n_inside * level
                        term = (
                            log_choose(n_low, low)
                            + log_choose(n_high, high)
                            + log_choose(n_tied, n_inside)
                            + strata_tail(low, high, need, rest, border, tilt)
                        )
                    of_low = add_logs(of_low, term)
                    if term < last and term < max(of_low, total) - _NEGLIGIBLE:
                        break
                    last = term
                    high += side_high
            total = add_logs(total, of_low)
            if before > -math.inf and of_low < before - _NEGLIGIBLE:
                break
            low += side_low
    return total - log_choose(n_low + n_high + n_tied, n_drawn)
