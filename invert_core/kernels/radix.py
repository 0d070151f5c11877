"""Radix sort: keys are moved by one digit after the other, the last digit first.

A key is uint64. Its high half, a number, orders it; its low half is carried along.
"""

from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import kernel

HALF = np.uint64(32)
LOW_HALF = np.uint64(0xFFFFFFFF)

_DIGIT_BITS = 12
"""With longer digits, the places that keys are moved to would no longer fit into the cache."""
START = np.int64(0)
"""Position or bit 0; Numba would compile a version of a function for each literal argument."""

_STRIDE = 16
_ONE = np.uint64(1)


class Tuning(NamedTuple):
    """Limits between ways to sort and to rank; results do not depend on them.

    Up to `few` keys are sorted by insertion. More are first sorted by the highest bits of their
    numbers only, `spare_bits` more than it takes to count the keys. If more than one in
    `disordered` is then out of order, they are sorted again by all bits. Keys are counted instead
    of sorted if there are at most `counted` possible numbers per key.
    """

    few: int = 48
    spare_bits: int = 8
    disordered: int = 8
    counted: int = 2


TUNING = Tuning()


class Room(NamedTuple):
    """Room to work in: `keys` and `other` uint64 [n + 1], `count` uint32, `codes` uint32 [n]."""

    keys: np.ndarray
    other: np.ndarray
    count: np.ndarray
    codes: np.ndarray


def room_for(n_keys: int, tuning: Tuning = TUNING) -> Room:
    """Return room for sorting or counting so many keys."""
    n_counts = max(2**_DIGIT_BITS, tuning.counted * n_keys)
    keys, other = np.empty((2, n_keys + 1), np.uint64)
    return Room(keys, other, np.empty(n_counts, np.uint32), np.empty(n_keys, np.uint32))


@kernel
def n_bits_of(number):
    """Return how many bits a number uint64 has without leading zeros."""
    n_bits = 0
    while n_bits < 64 and number >> np.uint64(n_bits) != np.uint64(0):
        n_bits += 1
    return n_bits


@kernel
def sort_keys(room, start, stop, n_bits, tuning):
    """Sort the keys of `room` from `start` to below `stop`; their numbers have `n_bits` bits."""
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
    """Sort keys by their numbers, but for the last bits; return for how many.

    Spread values seldom agree in all other bits, so that one more digit would not pay.
    """
    n_left = max(START, n_bits - n_bits_of(np.uint64(stop - start)) - tuning.spare_bits)
    while True:
        sort_by_bits(room, start, stop, n_left, n_bits, tuning)
        if n_left == 0 or not is_disordered(room.keys, start, stop, tuning):
            return n_left
        n_left = START


@kernel
def is_disordered(keys, start, stop, tuning):
    """Estimate from each 16th key whether many are smaller than the key before them."""
    n_smaller = 0
    for at in range(start + 1, stop, _STRIDE):
        n_smaller += keys[at] >> HALF < keys[at - 1] >> HALF
    return n_smaller * _STRIDE * tuning.disordered > stop - start


@kernel
def is_sorted(keys, start, stop):
    """Return whether keys are sorted by their numbers."""
    for at in range(start + 1, stop):
        if keys[at] >> HALF < keys[at - 1] >> HALF:
            return False
    return True


@kernel
def sort_by_bits(room, start, stop, low, high, tuning):
    """Sort keys by the bits `low` to below `high` of their numbers; a few are sorted by all bits.

    Keys that agree in these bits keep their order.
    """
    keys, other, count = room.keys, room.other, room.count
    if stop - start <= tuning.few:
        insert(keys, start, stop)
        return
    # Ties are sorted, whatever bits are left.
    if is_sorted(keys, start, stop):
        return
    # Fewer keys than counts would take less time than the counts.
    longest = min(_DIGIT_BITS, n_bits_of(np.uint64(stop - start)))
    n_digits = (high - low + longest - 1) // longest
    for digit in range(n_digits):
        # The first digit that keys are moved by is the shortest.
        end = high - (n_digits - 1 - digit) * longest
        begin = max(low, end - longest)
        move(keys, other, start, stop, HALF + np.uint64(begin), end - begin, count)
        keys, other = other, keys
    if n_digits & 1:
        for at in range(start, stop):
            other[at] = keys[at]


@kernel
def move(keys, other, start, stop, shift, n_bits, count):
    """Move keys to `other`, ordered by the `n_bits` bits above the last `shift`."""
    # All indices are unsigned: Numba tests whether a signed one is negative, which takes half of
    # the time again.
    last = (_ONE << np.uint64(n_bits)) - _ONE
    for digit in range(last + _ONE):
        count[digit] = 0
    for at in range(start, stop):
        count[keys[at] >> shift & last] += np.uint32(1)
    # From how many keys have a digit to where the first of them goes.
    place = np.uint32(start)
    for digit in range(last + _ONE):
        n_keys = count[digit]
        count[digit] = place
        place += n_keys
    for at in range(start, stop):
        key = keys[at]
        digit = key >> shift & last
        to = count[digit]
        count[digit] = to + np.uint32(1)
        other[to] = key


@kernel
def insert(keys, start, stop):
    """Sort keys by insertion."""
    for at in range(start + 1, stop):
        key = keys[at]
        to = at
        while to > start and keys[to - 1] >> HALF > key >> HALF:
            keys[to] = keys[to - 1]
            to -= 1
        keys[to] = key
