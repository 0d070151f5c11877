"""Codes: in place of each value of a unit 32 bits, by which all types of values are ranked alike.

A code is a sign and a magnitude, as in a float32, whose code is its bits. Codes are ordered and
equal as the values are, and those of 0 and -0.0 have magnitude 0. A float64 has more bits, but the
values of a unit that were float32 or integers before fit once the bits that all magnitudes lack
are left out. Only others are sorted, to number them.
"""

from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import kernel
from invert_core.kernels.radix import (
    HALF,
    LOW_HALF,
    START,
    TUNING,
    Room,
    Tuning,
    n_bits_of,
    sort_keys,
)

SIGN = np.uint32(2**31)
MAGNITUDE = np.uint32(2**31 - 1)

_NONE = np.uint64(0)
_ONE = np.uint64(1)
_LARGEST = np.uint64(MAGNITUDE)
_MAGNITUDE_OF_64 = np.uint64(2**63 - 1)


class Numbers(NamedTuple):
    """How values were numbered, see `make_keys`.

    There are `n_keys` keys, `n_negative` of them of negative values. All numbers are below
    `n_numbers`, and those of negative values below `n_below`.
    """

    n_keys: int
    n_negative: int
    n_numbers: int | np.int64
    n_below: int | np.int64


def codes_of(values: np.ndarray, room: Room, tuning: Tuning = TUNING) -> np.ndarray:
    """Return the codes of the values of some units.

    Parameters
    ----------
    values : float16, float32 or float64 [k, n]
        Values without NaN.
    room : Room
        Room for n values, and for k n codes if the values are not float32.
    tuning : Tuning

    Returns
    -------
    uint32 [k, n]
        A view of the values or of `room.codes`.
    """
    if values.dtype == np.float32:
        return values.view(np.uint32)
    codes = room.codes[: values.size].reshape(values.shape)
    if values.dtype == np.float16:
        codes[:] = values.view(np.uint16)
        codes <<= 16  # the sign comes first in a code
        return codes
    bits = values.view(np.uint64)
    n_cut = np.empty(len(values), np.int64)
    shorten(bits, codes, n_cut)
    samples = np.arange(values.shape[1], dtype=np.int32)
    for unit in np.flatnonzero(n_cut):
        number_values(bits[unit], samples, codes[unit], room, tuning)
    return codes


@kernel
def make_keys(codes, carried, keys):
    """Fill in the keys of all values but 0, in their order, and return `Numbers`.

    The high half of a key uint64 is a number, and numbers are ordered as codes uint32 [n] are; the
    low half is what the value carries along, int32 [n]. Numbers begin at the smallest magnitude and
    lack the last bits that are 0 in all magnitudes, so that few digits are left to sort by.
    """
    n_keys, n_negative = count_codes(codes)
    if n_keys == 0:
        return Numbers(0, 0, 0, 0)
    low, high, all_bits = span_of(codes, MAGNITUDE)
    shift = n_trailing_zeros(all_bits)
    n_magnitudes = (high - low >> shift) + _ONE
    n_below = n_magnitudes if n_negative > 0 else _NONE
    if n_keys == codes.size:
        for at in range(n_keys):
            number = number_of(np.uint64(codes[at]), low, high, shift, n_below)
            keys[at] = number << HALF | np.uint64(carried[at])
    else:
        # In two loops: the second works on many keys at once, which the first cannot.
        gather(codes, carried, keys)
        for at in range(n_keys):
            number = number_of(keys[at] >> HALF, low, high, shift, n_below)
            keys[at] = number << HALF | keys[at] & LOW_HALF
    n_numbers = n_below + (n_magnitudes if n_negative < n_keys else _NONE)
    return Numbers(n_keys, n_negative, np.int64(n_numbers), np.int64(n_below))


@kernel
def count_codes(codes):
    """Return how many values are not 0, and how many of them are negative."""
    # Counted in 32 bits, of which a register holds twice as many as of 64.
    n_stored = np.uint32(0)
    n_negative = np.uint32(0)
    for at in range(codes.size):
        n_stored = np.uint32(n_stored + np.uint32(codes[at] & MAGNITUDE != 0))
        # The sign alone is the code of -0.0.
        n_negative = np.uint32(n_negative + np.uint32(codes[at] > SIGN))
    return np.int64(n_stored), np.int64(n_negative)


@kernel
def span_of(bits, mask):
    """Return the smallest and the largest magnitude but 0, and the bits that any magnitude has.

    `bits` are codes uint32 or float64 read as uint64; `mask` has the same type and the bits of a
    magnitude. The results are uint64. If all values are 0, only the last two mean anything.
    """
    least = ~(mask ^ mask)
    high = mask ^ mask
    all_bits = mask ^ mask
    for at in range(bits.size):
        magnitude = bits[at] & mask
        # One less than 0 is the largest number there is, so zeros change nothing.
        least = min(least, bits.dtype.type(magnitude - _ONE))
        high = max(high, bits.dtype.type(magnitude))
        all_bits |= bits.dtype.type(magnitude)
    return np.uint64(least) + _ONE, np.uint64(high), np.uint64(all_bits)


@kernel
def n_trailing_zeros(bits):
    """Return how many of the last bits of a number uint64 are 0, as uint64 of at most 63."""
    n_zeros = _NONE
    while n_zeros < np.uint64(63) and bits >> n_zeros & _ONE == _NONE:
        n_zeros += _ONE
    return n_zeros


@kernel
def number_of(code, low, high, shift, n_below):
    """Return the number of a code; the larger the magnitude, the smaller if it is negative."""
    magnitude = code & _LARGEST
    # Negative values run backwards, below all positive ones.
    return high - magnitude >> shift if code > _LARGEST else (magnitude - low >> shift) + n_below


@kernel
def gather(codes, carried, keys):
    """Fill in keys of all values but 0, with codes in place of numbers; at least one value is 0."""
    to = _NONE
    for at in range(codes.size):
        # Every key is written, but only the keys of other values than 0 are kept. A branch would
        # often be mispredicted, because zeros come at random.
        code = codes[at]
        keys[to] = np.uint64(code) << HALF | np.uint64(carried[at])
        to += np.uint64(code & MAGNITUDE != 0)


@kernel
def shorten(bits, codes, n_cut):
    """Fill in codes of float64, read as uint64 [k, n], and how many bits were cut off, int64 [k].

    If there are any, values of the unit that differ only in these bits have the same code.
    """
    for unit in range(bits.shape[0]):
        of_unit = bits[unit]
        low, first, cut = bits_to_keep(of_unit)
        n_cut[unit] = cut
        for at in range(of_unit.size):
            magnitude = of_unit[at] & _MAGNITUDE_OF_64
            # Magnitudes begin at 1, as only that of 0 is 0.
            code = np.uint32((magnitude - low >> first + cut) + _ONE)
            # The sign bit of a float64 is that of its upper half.
            code |= np.uint32(of_unit[at] >> HALF) & SIGN
            codes[unit, at] = code if magnitude != _NONE else np.uint32(0)


@kernel
def bits_to_keep(bits):
    """Return the least magnitude but 0, the first bit that any has, and how many to cut from it."""
    low, high, all_bits = span_of(bits, _MAGNITUDE_OF_64)
    first = n_trailing_zeros(all_bits)
    n_cut = _NONE
    # The largest code is left free, because codes begin at 1.
    while high != _NONE and high - low >> first + n_cut >= _LARGEST:
        n_cut += _ONE
    return low, first, n_cut


@kernel
def number_values(bits, samples, codes, room, tuning):
    """Tell apart the values that share a code: number all distinct values, as new codes.

    `bits` and `codes` are those of `shorten`, `samples` int32 [n] are 0 to n - 1.
    """
    low, first, n_cut = bits_to_keep(bits)
    mask = (_ONE << n_cut) - _ONE
    numbers = make_keys(codes, samples, room.keys)
    n_keys, n_negative = numbers.n_keys, numbers.n_negative
    sort_keys(room, START, n_keys, n_bits_of(np.uint64(numbers.n_numbers - 1)), tuning)
    keys = room.keys
    n_values = 0
    start = START
    for stop in range(1, n_keys + 1):
        if stop < n_keys and keys[stop] >> HALF == keys[start] >> HALF:
            continue
        if stop - start > 1:
            # What was cut off takes the place of the number that these values share.
            for at in range(start, stop):
                sample = keys[at] & LOW_HALF
                cut = (bits[sample] & _MAGNITUDE_OF_64) - low >> first & mask
                keys[at] = (mask - cut if start < n_negative else cut) << HALF | sample
            sort_keys(room, start, stop, np.int64(n_cut), tuning)
        for at in range(start, stop):
            n_values += at == start or keys[at] >> HALF != keys[at - 1] >> HALF
            # Magnitudes of negative values fall while the values rise.
            magnitude = n_keys - n_values + 1 if start < n_negative else n_values
            sign = SIGN if start < n_negative else np.uint32(0)
            codes[keys[at] & LOW_HALF] = np.uint32(magnitude) | sign
        start = stop
