"""Bounds on the AUC that a pair of concepts can reach with any third concept.

Write v(A) = S(A) - slope n(A) for a set of samples A, and v+(A), v-(A) for the sums of the positive
and of the negative parts over the atoms of A. A formula is true on A = F + (D & k) or F - (D & k),
where the pair alone makes F and the free cell D (see `kinds`); hence

    v(A) <= v(F) + min(v+(D), v+(k))    or    v(A) <= v(F) + min(v-(D), v-(k)).

On the other side, AUC(A) >= t means S(A) >= g(n) = 2 t n (N - n) + n(n + 1). So if g(n) - slope n
is at least `needed` for all sizes n from `low` to `high`, no A of such a size with v(A) < `needed`
reaches t. All of this is done in integers, so nothing is lost to rounding.
"""

from typing import NamedTuple

import numpy as np

from invert_core.kernels import kinds
from invert_core.kernels._jit import kernel
from invert_core.kernels.exhaustive import UNIT
from invert_core.kernels.pairs import fill_unions

_BLOCK = 128
_N, _V, _UP, _DOWN = np.arange(4)
"""Where the sizes, v, v+ and v- of sets are, in arrays that hold all four."""
NOTHING = -(2**62)
"""A v below every threshold, for pairs without an extent of an allowed size."""


class Pairs(NamedTuple):
    """Counts, rank sums and bounds of the pairs of C concepts; each array is [C, C].

    `counts` and `sums` int64 are the samples and rank sums of the intersections, both symmetric.
    `kinds` int64 are the kinds, as bits, that may reach the first threshold; `levels` uint8 is the
    number of thresholds that the best of them may reach. In these two, only [a, b] with a < b is
    used.
    """

    counts: np.ndarray
    sums: np.ndarray
    kinds: np.ndarray
    levels: np.ndarray


class SizeRange(NamedTuple):
    """The sizes of extents from `low` to `high`, both included, and their bound.

    With this `slope`, v must reach `needed` int64 [T] for such a size: one number for each
    threshold, ascending.
    """

    low: int
    high: int
    slope: int
    needed: np.ndarray


def buckets(n_low: int, n_high: int, ratio: float) -> list[tuple[int, int]]:
    """Cut the sizes of extents into ranges of up to this ratio, both ends included."""
    buckets = []
    while n_low <= n_high:
        last = min(max(n_low, int(n_low * ratio) - 1), n_high)
        buckets.append((n_low, last))
        n_low = last + 1
    return buckets


def slope_of(threshold: int, low: int, high: int, n_samples: int) -> int:
    """Return the slope of the chord of g; of all slopes, which are all valid, it bounds best."""
    # Rounding only makes the bound looser: `needed_for` works with the rounded slope.
    return 2 * threshold * n_samples // UNIT + 1 - (2 * threshold - UNIT) * (low + high) // UNIT


def needed_for(threshold: int, slope: int, low: int, high: int, n_samples: int) -> int:
    """Return the `needed` of a threshold in fixed point, for sizes from `low` to `high`.

    g is a parabola. For t >= 1/2 it is concave and least at an end. For t < 1/2 it is convex and
    lies under its chord by at most (1 - 2t) (high - low)**2 / 4.
    """
    ends = [
        2 * threshold * n * (n_samples - n) // UNIT + n * (n + 1) - slope * n for n in (low, high)
    ]
    # Every division rounds down; one more comes off for the divisions within `ends`.
    sag = max(0, UNIT - 2 * threshold) * (high - low) ** 2
    return min(ends) - (sag // (4 * UNIT) + 1)


@kernel
def caps_of(values):
    """Return the maxima of all prefixes and suffixes of int64 [C]: [2, C + 1], 0 if empty."""
    # So the cap of any range that begins or ends at an edge takes one look-up.
    size = values.size
    caps = np.zeros((2, size + 1), np.int64)
    for i in range(size):
        caps[0, i + 1] = max(caps[0, i], values[i])
        caps[1, size - 1 - i] = max(caps[1, size - i], values[size - 1 - i])
    return caps


@kernel
def _fill_usable(n, usable):
    """Fill in the kinds that say more than formulas of two literals; return their union."""
    some = 0
    for j in range(usable.size):
        occupied = 0
        for cell in range(4):
            occupied |= (1 << cell) if n[1 << cell, j] > 0 else 0
        usable[j] = kinds.IRREDUCIBLE[occupied]
        some |= usable[j]
    return some


@kernel
def _fill_caps(kind, maxima, a, first, caps):
    """Fill in how much a third concept in the range of a kind can add, for each b from `first`."""
    if kinds.START[kind] == kinds.AT_B:
        # After the last b the last cap repeats: whole blocks read it, but nothing uses it.
        for j in range(caps.size):
            caps[j] = maxima[1, min(first + 1 + j, maxima.shape[1] - 1)]
    elif kinds.END[kind] == kinds.AT_B:
        for j in range(caps.size):
            caps[j] = maxima[0, min(first + j, maxima.shape[1] - 1)]
    else:
        # The range does not depend on b: it holds all concepts, or begins or ends at a.
        cap = maxima[0, maxima.shape[1] - 1]
        if kinds.START[kind] == kinds.AT_A:
            cap = maxima[1, a + 1]
        elif kinds.END[kind] == kinds.AT_A:
            cap = maxima[0, a]
        for j in range(caps.size):
            caps[j] = cap


@kernel
def _reach(v_without, change, caps, n_least, n_most, usable, bit, low, high, reach):
    """Fill in the largest v of one kind for several pairs; NOTHING if no size is allowed."""
    # Plain arrays and numbers, and no branch on a pair, so that the loop runs in vector
    # instructions: a bound spends most of its time here.
    for j in range(reach.size):
        fits = (n_least[j] <= high) & (n_most[j] >= low) & (usable[j] & bit != 0)
        reach[j] = v_without[j] + min(change[j], caps[j]) if fits else NOTHING


@kernel
def _note(reach, bit, needed, may, most):
    """Note a kind for the pairs that may reach the first threshold, and the largest v so far."""
    for j in range(reach.size):
        may[j] |= bit if reach[j] >= needed else 0
        most[j] = max(most[j], reach[j])


@kernel
def mark_pairs(pairs, positive, all_positive, n_samples, start, stop, sizes):
    """Note which kinds of the pairs (a, b) with start <= a < stop may reach the thresholds.

    Parameters
    ----------
    pairs : Pairs
        `kinds` and `levels` are raised.
    positive : int64 [C, C]
        v+ of the intersections, on and above the diagonal.
    all_positive : int
        v+ of all samples.
    n_samples, start, stop : int
    sizes : SizeRange
        The sizes of the extents to bound.
    """
    slope = sizes.slope
    size = pairs.counts.shape[0]
    # The four kinds of sums lie in one array, so that one loop, compiled once, serves them all.
    whole = np.empty(4, np.int64)
    # Longer by a block, so that the last b belong to a whole block too.
    of = np.zeros((4, size + _BLOCK), np.int64)
    both = np.zeros((4, _BLOCK), np.int64)
    unions = np.empty((4, 16, _BLOCK), np.int64)
    whole[_N] = n_samples
    whole[_V] = n_samples * (n_samples + 1) - slope * n_samples
    whole[_UP] = all_positive
    whole[_DOWN] = all_positive - whole[_V]
    for c in range(size):
        of[_N, c] = pairs.counts[c, c]
        of[_V, c] = pairs.sums[c, c] - slope * of[_N, c]
        of[_UP, c] = positive[c, c]
        of[_DOWN, c] = of[_UP, c] - of[_V, c]
    caps_up = caps_of(of[_UP, :size])
    caps_down = caps_of(of[_DOWN, :size])

    n, v = unions[_N], unions[_V]
    usable = np.empty(_BLOCK, np.int64)
    caps = np.empty(_BLOCK, np.int64)
    reach = np.empty(_BLOCK, np.int64)
    may = np.empty(_BLOCK, np.int64)
    most = np.empty(_BLOCK, np.int64)
    # Blocks of b, so that all these arrays stay in the nearest caches for every kind.
    for a in range(start, stop):
        for first in range(a + 1, size, _BLOCK):
            width = min(_BLOCK, size - first)
            # After `width`, numbers of an earlier block remain: they may make the loop try a kind
            # in vain, but their results are not noted.
            for j in range(width):
                both[_N, j] = pairs.counts[a, first + j]
                both[_V, j] = pairs.sums[a, first + j] - slope * both[_N, j]
                both[_UP, j] = positive[a, first + j]
                both[_DOWN, j] = both[_UP, j] - both[_V, j]
            for which in range(4):
                fill_unions(
                    whole[which], of[which, a], of[which, first:], both[which], unions[which]
                )
            some_usable = _fill_usable(n, usable)
            for j in range(_BLOCK):
                may[j] = 0
                most[j] = NOTHING
            filled = -1
            for kind in kinds.EXAMINED:
                bit = np.int64(1) << kind
                # A pair with few occupied cells has few kinds, often the same in a whole block.
                if not some_usable & bit:
                    continue
                falls = kinds.FALLS[kind]
                # Kinds with the same cap follow one another, so each cap is filled in once.
                if filled != kinds.CAPS[kind]:
                    filled = kinds.CAPS[kind]
                    _fill_caps(kind, caps_down if falls else caps_up, a, first, caps)
                without = kinds.WITHOUT[kind]
                cell = 1 << kinds.CELL[kind]
                # The size of the extent lies between the sizes without and with the free cell.
                _reach(
                    v[without],
                    unions[_DOWN if falls else _UP, cell],
                    caps,
                    n[without & ~cell],
                    n[without | cell],
                    usable,
                    bit,
                    sizes.low,
                    sizes.high,
                    reach,
                )
                _note(reach, bit, sizes.needed[0], may, most)
            for j in range(width):
                if may[j] != 0:
                    level = 0
                    while level < sizes.needed.size and sizes.needed[level] <= most[j]:
                        level += 1
                    # Raised, not set, because other ranges of sizes contribute too.
                    pairs.kinds[a, first + j] |= may[j]
                    pairs.levels[a, first + j] = max(pairs.levels[a, first + j], level)
