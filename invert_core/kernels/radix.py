"""Radix sort: all keys are moved by one digit of their numbers after the other.

A key is uint64. Its high half is a number, by which it is sorted; its low half is carried along.
"""

from typing import Any, NamedTuple

import numpy as np

from invert_core.kernels._jit import kernel

HALF = np.uint64(32)
LOW_HALF = np.uint64(0xFFFFFFFF)
START: Any = np.int64(0)
"""The first position or bit; Numba would compile kernels once more for 0 itself, a literal."""

CODES_AT_ONCE = 2**15
"""Units together have at most so many codes, or one unit more; enough to be worth a call."""

_DIGIT_BITS = 12
"""With longer digits, counts and the places that keys are moved to would leave the cache."""
_STRIDE = 16
_ONE = np.uint64(1)
_ONE_KEY = np.uint32(1)


class Tuning(NamedTuple):
    """Limits between ways to sort and to rank; results do not depend on them.

    Up to `few` keys are sorted by insertion. Others are first sorted by the highest bits of their
    numbers only, `spare_bits` or more than it takes to count the keys. If more than one key in
    `disordered` is then out of order, among few that agree in these bits, all are sorted again by
    all bits. Keys are counted instead of sorted if there are at most `counted` possible numbers
    for each.
    """

    few: int = 48
    spare_bits: int = 6
    disordered: int = 8
    counted: int = 2


TUNING = Tuning()


class Room(NamedTuple):
    """Room to work in: `keys` and `other` uint64 [n + 1], `codes` and `counts` uint32."""

    keys: np.ndarray
    other: np.ndarray
    codes: np.ndarray
    counts: np.ndarray


def room_for(n_keys: int, tuning: Tuning = TUNING) -> Room:
    """Return room for ranking units that have so many values each."""
    keys, other = np.empty((2, n_keys + 1), np.uint64)
    codes = np.empty(max(n_keys, CODES_AT_ONCE), np.uint32)
    n_counts = max(2**_DIGIT_BITS, tuning.counted * n_keys)
    return Room(keys, other, codes, np.empty(n_counts, np.uint32))


@kernel
def n_bits_of(number):
    """Return the number of bits of a number uint64, without leading zeros."""
    n_bits = 0
    while n_bits < 64 and number >> np.uint64(n_bits) != np.uint64(0):
        n_bits += 1
    return n_bits


@kernel
def digit_bits(n_keys):
    """Return how many bits a digit has at most; a few keys are not worth many counts."""
    return min(_DIGIT_BITS, n_bits_of(np.uint64(n_keys)))


@kernel
def sort_keys(room, start, stop, n_bits, tuning):
    """Sort `room.keys[start:stop]`, whose numbers have `n_bits` bits."""
    n_left = sort_mostly(room, start, stop, n_bits, tuning)
    if n_left == 0:
        return
    keys = room.keys
    shift = HALF + np.uint64(n_left)
    first = start
    for at in range(start + 1, stop + 1):
        if at < stop and keys[at] >> shift == keys[first] >> shift:
            continue
        if at - first > 1:
            sort_by_bits(room, first, at, START, n_left, tuning)
        first = at


@kernel
def sort_mostly(room, start, stop, n_bits, tuning):
    """Sort keys by all but the last bits of their numbers; return how many bits are left.

    Spread values seldom agree in all other bits, so that one more digit would not pay.
    """
    n_keys = stop - start
    at_least = n_bits_of(np.uint64(n_keys)) + tuning.spare_bits
    n_digits = -(-at_least // digit_bits(n_keys))
    n_left = max(START, n_bits - n_digits * digit_bits(n_keys))
    # At most twice: the second time, all bits are sorted by.
    while True:
        sort_by_bits(room, start, stop, n_left, n_bits, tuning)
        if n_left == 0 or not are_groups_short(room.keys, start, stop, n_left, tuning):
            return n_left
        n_left = START


@kernel
def are_groups_short(keys, start, stop, n_left, tuning):
    """Estimate from every 16th key whether many lie in short groups that are not sorted yet.

    The keys of a group agree in all but the last `n_left` bits of their numbers. Long groups are
    sorted faster one by one.
    """
    shift = HALF + np.uint64(n_left)
    n_first = 0
    n_smaller = 0
    for at in range(start + _STRIDE // 2, stop, _STRIDE):
        n_first += keys[at] >> shift != keys[at - 1] >> shift
        n_smaller += keys[at] >> HALF < keys[at - 1] >> HALF
    n_seen = (stop - start) // _STRIDE
    return n_smaller * tuning.disordered > n_seen and n_first * tuning.few > n_seen


@kernel
def sort_by_bits(room, start, stop, low, high, tuning):
    """Sort keys by the bits `low` to below `high` of their numbers; a few are sorted by all bits.

    Keys that agree in these bits keep their order.
    """
    keys, other, counts = room.keys, room.other, room.counts
    if stop - start <= tuning.few:
        insert(keys, start, stop)
        return
    # Mostly because all keys are tied.
    if is_sorted(keys, start, stop):
        return
    longest = digit_bits(stop - start)
    n_digits = (high - low + longest - 1) // longest
    for digit in range(n_digits):
        # The last digit first: as keys keep their order, the digits before it decide. The longest
        # digits come first in the number, where values often agree.
        end = high - (n_digits - 1 - digit) * longest
        begin = max(low, end - longest)
        move(keys, other, start, stop, HALF + np.uint64(begin), end - begin, counts)
        keys, other = other, keys
    if n_digits & 1:
        for at in range(start, stop):
            other[at] = keys[at]


@kernel
def move(keys, other, start, stop, shift, n_bits, counts):
    """Move keys to `other`, sorted by their `n_bits` bits from bit `shift` on."""
    # Every index is unsigned. Numba tests whether a signed one is negative, and then moving takes
    # half as long again.
    last = (_ONE << np.uint64(n_bits)) - _ONE
    for digit in range(last + _ONE):
        counts[digit] = 0
    for at in range(start, stop):
        counts[keys[at] >> shift & last] += _ONE_KEY
    # The number of keys with a digit gives way to the place of the first of them.
    place = np.uint32(start)
    for digit in range(last + _ONE):
        n_keys = counts[digit]
        counts[digit] = place
        place += n_keys
    for at in range(start, stop):
        key = keys[at]
        digit = key >> shift & last
        to = counts[digit]
        counts[digit] = to + _ONE_KEY
        other[to] = key


@kernel
def is_sorted(keys, start, stop):
    """Return whether keys are sorted by their numbers."""
    at = start + 1
    while at < stop and keys[at] >> HALF >= keys[at - 1] >> HALF:
        at += 1
    return at >= stop


@kernel
def insert(keys, start, stop):
    """Sort keys by insertion."""
    for at in range(start + 1, stop):
        key = keys[at]
        to = at
        # Not past equal numbers, so that tied keys keep their order.
        while to > start and keys[to - 1] >> HALF > key >> HALF:
            keys[to] = keys[to - 1]
            to -= 1
        keys[to] = key
