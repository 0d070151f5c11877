"""Orders: the samples of a unit from the top of its activation on, with their ties.

The zeros are never written out: they are one tie group, a block that lies between the positive and
the negative values, and their samples are those that no other group has.
"""

from typing import Any, NamedTuple

import numpy as np

from invert_core.kernels._jit import inner, kernel
from invert_core.kernels.bits import lowest_bit, popcount
from invert_core.kernels.codes import MAGNITUDE, codes_of, make_keys
from invert_core.kernels.radix import (
    HALF,
    LOW_HALF,
    START,
    TUNING,
    Room,
    n_bits_of,
    sort_keys,
)

_ONE = np.uint64(1)
_NONE = np.uint64(0)
EVERY: Any = ~_NONE
NO_SAMPLE = np.uint32(2**32 - 1)
"""Fills up lists of samples."""


class SortedUnit(NamedTuple):
    """A unit with its values but the zeros in order.

    `keys` uint64 [n] are ascending, `n_negative` of them of negative values. The low half of each
    is a place in `samples` int32 and `values` float64, and equal values keep the order of the
    samples. `zeros` uint64 [W] is the set of the other samples.
    """

    keys: np.ndarray
    n_negative: int
    samples: np.ndarray
    values: np.ndarray
    zeros: np.ndarray


class Order(NamedTuple):
    """The samples of a domain, from the top of the unit on.

    `sample` int32 has those with other values than 0; `group` int32 is their tie group. Group g
    begins at place ``first[g]`` among them, int32, and has `value[g]`, float64. ``n[0]`` samples in
    ``n[1]`` groups are there, ``n[2]`` of them before the ``n[3]`` zeros; `zeros` uint64 [W] is the
    set of these. `from_lowest` int32 is room for `first`, counted from the other end.
    """

    sample: np.ndarray
    group: np.ndarray
    first: np.ndarray
    value: np.ndarray
    n: np.ndarray
    zeros: np.ndarray
    from_lowest: np.ndarray


def room_for_order(n_values: int, n_samples: int) -> Order:
    """Return room for the order of a unit with so many values among so many samples."""
    sample, group, first, from_lowest = np.empty((4, n_values + 1), np.int32)
    zeros = np.empty((n_samples + 63) // 64, np.uint64)
    value, n = np.empty(n_values + 1), np.zeros(4, np.int64)
    return Order(sample, group, first, value, n, zeros, from_lowest)


def sorted_unit(
    samples: np.ndarray, values: np.ndarray, domain: np.ndarray, room: Room
) -> SortedUnit:
    """Sort a unit.

    Parameters
    ----------
    samples : int32 [n]
        The samples that the values belong to, ascending; all others are 0.
    values : float16, float32 or float64 [n]
        Values without NaN.
    domain : uint64 [W]
        All samples.
    room : Room
        Room for n keys; the result holds views of it.

    Returns
    -------
    SortedUnit
    """
    codes = codes_of(values[None], room)[0]
    zeros = np.empty_like(domain)
    n_keys, n_negative = sort_codes(codes, samples, domain, room, zeros)
    keys = room.keys[:n_keys]
    return SortedUnit(keys, n_negative, samples, values.astype(np.float64, copy=False), zeros)


@kernel
def sort_codes(codes, samples, domain, room, zeros):
    """Fill in sorted keys, which carry places, and the set of the other samples."""
    places = np.empty(codes.size, np.int32)
    for at in range(codes.size):
        places[at] = at
    numbers = make_keys(codes, places, room.keys)
    n_keys = numbers.n_keys
    if n_keys > 0:
        n_bits = n_bits_of(np.uint64(numbers.n_numbers - 1))
        sort_keys(room, START, n_keys, n_bits, TUNING)
    for word in range(domain.size):
        zeros[word] = domain[word]
    # Samples ascend, so that a word is complete before it is written.
    last, stored = _NONE, _NONE
    for at in range(codes.size):
        sample = np.uint64(samples[at])
        if sample >> np.uint64(6) != last:
            zeros[last] &= ~stored
            last, stored = sample >> np.uint64(6), _NONE
        stored |= np.uint64(codes[at] & MAGNITUDE != 0) << (sample & np.uint64(63))
    zeros[last] &= ~stored
    return n_keys, numbers.n_negative


@inner
def has(words, sample):
    """Return whether a set uint64 [W] has a sample, as 0 or 1."""
    of = np.uint64(sample)
    return np.int64(words[of >> np.uint64(6)] >> (of & np.uint64(63)) & _ONE)


@inner
def keep_within(unit, domain, keys, zeros):
    """Return a unit with the samples of a domain only; `keys` and `zeros` are room for its own."""
    n_keys, n_negative = START, START
    for at in range(unit.keys.size):
        key = unit.keys[at]
        is_in = has(domain, unit.samples[key & LOW_HALF])
        # Every key is written, but only those of the domain are kept, without a branch.
        keys[n_keys] = key
        n_keys += is_in
        n_negative += is_in & (at < unit.n_negative)
    for word in range(domain.size):
        zeros[word] = unit.zeros[word] & domain[word]
    return SortedUnit(keys[:n_keys], n_negative, unit.samples, unit.values, zeros)


@inner
def put_in_order(unit, is_reversed, order):
    """Fill in the order of the samples of a unit; the lowest are the top if it is reversed."""
    keys = unit.keys
    n = np.int64(keys.size)
    n_groups = find_groups(keys, order.from_lowest)
    group, last = np.int64(-1), np.uint64(0)
    for at in range(n):
        # The first key differs from what comes before it.
        group += at == 0 or keys[at] >> HALF != last
        last = keys[at] >> HALF
        first, stop = order.from_lowest[group], order.from_lowest[group + 1]
        # Within a tie the samples ascend, from whichever end the groups are taken.
        place, number = at, group
        if not is_reversed:
            place, number = n - stop - first + at, n_groups - 1 - group
            first = n - stop
        order.sample[place] = unit.samples[keys[at] & LOW_HALF]
        order.group[place] = number
        # All samples of a group write the same.
        order.first[number] = first
        order.value[number] = unit.values[keys[at] & LOW_HALF]
    order.first[n_groups] = n
    n_zeros = np.int64(0)
    for word in range(unit.zeros.size):
        order.zeros[word] = unit.zeros[word]
        n_zeros += popcount(unit.zeros[word])
    n_above = unit.n_negative if is_reversed else n - unit.n_negative
    order.n[0], order.n[1], order.n[2], order.n[3] = n, n_groups, n_above, n_zeros


@inner
def find_groups(keys, first):
    """Write where each tie group of sorted keys begins, and where the last ends; count them."""
    n_groups = np.int64(0)
    first[0] = 0
    for at in range(1, keys.size):
        # Every place is written, but only those that begin a group are kept, without a branch.
        first[n_groups + 1] = at
        n_groups += keys[at] >> HALF != keys[at - 1] >> HALF
    n_groups += keys.size > 0
    first[n_groups] = keys.size
    return n_groups


@inner
def add_sample(sample, value, at, ids, of_ids):
    """Write a sample to place `at` of a list, if there is room; return the next place."""
    if at < ids.size:
        ids[at] = np.uint32(sample)
        of_ids[at] = value
    return at + 1


@inner
def add_zeros(order, extent, flip, skip, at, ids, of_ids):
    """Write the zeros that are in an extent, outside if `flip` is `EVERY`, from `skip` on."""
    for word in range(order.zeros.size):
        left = order.zeros[word] & (extent[word] ^ flip)
        if at >= ids.size:
            break
        while left != _NONE and at < ids.size:
            sample = word * 64 + lowest_bit(left)
            left &= left - _ONE
            if skip > 0:
                skip -= 1
            else:
                at = add_sample(sample, 0.0, at, ids, of_ids)
    return at


@inner
def first_outside(order, extent, ids, of_ids):
    """Fill in the samples outside an extent that are nearest the top, and their values."""
    n, n_above, n_zeros = order.n[0], order.n[2], order.n[3]
    at = np.int64(0)
    for place in range(n + 1):
        if place == n_above and n_zeros > 0:
            at = add_zeros(order, extent, EVERY, 0, at, ids, of_ids)
        if at >= ids.size or place == n:
            break
        sample = order.sample[place]
        if has(extent, sample) == 0:
            at = add_sample(sample, order.value[order.group[place]], at, ids, of_ids)
    fill_up(at, ids, of_ids)


@inner
def fill_up(at, ids, of_ids):
    """Fill up a list that is short of samples."""
    for left in range(at, ids.size):
        ids[left] = NO_SAMPLE
        of_ids[left] = np.nan


@inner
def middle_samples(order, ids, of_ids):
    """Fill in the samples around the median, in their order."""
    n, n_above, n_zeros = order.n[0], order.n[2], order.n[3]
    n_samples = n + n_zeros
    wanted = min(ids.size, n_samples)
    at = np.int64(0)
    place = (n_samples - wanted) // 2
    stop = place + wanted
    while place < stop:
        if n_above <= place < n_above + n_zeros:
            # All zeros that are wanted, and perhaps more, which the next turn replaces.
            n_here = min(stop, n_above + n_zeros) - place
            part, of_part = ids[: at + n_here], of_ids[: at + n_here]
            at = add_zeros(order, order.zeros, _NONE, place - n_above, at, part, of_part)
            place += n_here
            continue
        listed = place - n_zeros if place >= n_above + n_zeros else place
        at = add_sample(order.sample[listed], order.value[order.group[listed]], at, ids, of_ids)
        place += 1
    fill_up(at, ids, of_ids)
