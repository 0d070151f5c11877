"""Codes: 32 bits in place of each value of a unit, which order its values exactly.

A code is a sign and a magnitude, like a float32, whose bits are its code. Codes of 0 have magnitude
0. Most units of float64 have values that leave 31 bits or fewer once the bits that all magnitudes
share are left out: floats that were float32 or integers before. Only of others, the values are
sorted to number them.
"""

from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import kernel
from invert_core.kernels.radix import HALF, LOW_HALF, START, TUNING, Room, Tuning, n_bits_of, sort_keys

SIGN = np.uint32(2**31)
MAGNITUDE = np.uint32(2**31 - 1)

_ONE = np.uint64(1)
_NONE = np.uint64(0)
_ONE_OF_32 = np.uint32(1)
_NEGATIVE_KEY = np.uint64(2**63)
_MAGNITUDE = np.uint64(MAGNITUDE)
_MAGNITUDE_OF_64 = np.uint64(2**63 - 1)


class Numbers(NamedTuple):
    """What the numbers in keys stand for, see `make_keys`.

    There are `n_keys` keys. Their numbers are below `n_numbers`, those of negative values below
    `n_below`; `n_negative` keys have one.
    """

    n_keys: int
    n_negative: int
    n_numbers: int
    n_below: int


def codes_of(values: np.ndarray, room: Room, tuning: Tuning = TUNING) -> np.ndarray:
    """Return the codes of values [n] without NaN, as uint32 [n] that may lie in `room.codes`.

    Parameters
    ----------
    values : float16, float32 or float64 [n]
    room : Room
        Room for n keys.
    """
    if values.dtype == np.float32:
        return values.view(np.uint32)
    codes = room.codes[: values.size]
    if values.dtype == np.float16:
        # The bits of a float16 become the highest of the code, so that its sign is in place.
        codes[:] = values.view(np.uint16)
        codes <<= 16
        return codes
    bits = values.view(np.uint64)
    if shorten(bits, codes) > 0:
        number_values(bits, np.arange(values.size, dtype=np.int32), codes, room, tuning)
    return codes


@kernel
def make_keys(codes, carried, keys):
    """Fill in the keys of values other than 0, and return `Numbers`.

    The high half of a key uint64 is a number that orders the value among all codes [n]; the low
    half is what the value carries along, int32 [n]. Numbers leave out what the magnitudes lack: the
    range below the smallest and the last bits, if they are 0 in all.
    """
    n_keys, n_negative = count_codes(codes)
    if n_keys == 0:
        return Numbers(0, 0, 0, 0)
    low, high, all_bits = span_of(codes, MAGNITUDE)
    gather(codes, carried, n_keys, keys)
    shift = n_trailing_zeros(all_bits)
    n_magnitudes = (high - low >> shift) + _ONE
    n_below = n_magnitudes if n_negative > 0 else _NONE
    for at in range(n_keys):
        key = keys[at]
        magnitude = key >> HALF & _MAGNITUDE
        is_negative = key >= _NEGATIVE_KEY
        number = high - magnitude >> shift if is_negative else (magnitude - low >> shift) + n_below
        keys[at] = number << HALF | key & LOW_HALF
    n_numbers = n_below + (n_magnitudes if n_negative < n_keys else _NONE)
    return Numbers(n_keys, n_negative, np.int64(n_numbers), np.int64(n_below))


@kernel
def count_codes(codes):
    """Return how many values are not 0, and how many of them are negative."""
    # Counted in 32 bits, so that a register holds more of the counts.
    n_stored = np.uint32(0)
    n_negative = np.uint32(0)
    for at in range(codes.size):
        n_stored = np.uint32(n_stored + np.uint32(codes[at] & MAGNITUDE != 0))
        # The code SIGN stands for -0.0, which is 0.
        n_negative = np.uint32(n_negative + np.uint32(codes[at] > SIGN))
    return np.int64(n_stored), np.int64(n_negative)


@kernel
def span_of(bits, mask):
    """Return the smallest and the largest magnitude but 0, and the bits that any of them has.

    `bits` are codes uint32 or float64 read as uint64, `mask` has the same type and all bits of a
    magnitude. All results are uint64; if all values are 0, so are the last two.
    """
    least = ~(mask ^ mask)
    high = mask ^ mask
    all_bits = mask ^ mask
    for at in range(bits.size):
        magnitude = bits[at] & mask
        # One less than 0 is the largest number, so zeros change nothing.
        least = min(least, bits.dtype.type(magnitude - np.uint64(1)))
        high = max(high, bits.dtype.type(magnitude))
        all_bits |= bits.dtype.type(magnitude)
    return np.uint64(least) + _ONE, np.uint64(high), np.uint64(all_bits)


@kernel
def n_trailing_zeros(bits):
    """Return, as uint64, how many of the lowest bits of a number uint64 are 0, at most 63."""
    n_zeros = _NONE
    while n_zeros < np.uint64(63) and bits >> n_zeros & _ONE == _NONE:
        n_zeros += _ONE
    return n_zeros


@kernel
def gather(codes, carried, n_keys, keys):
    """Put the codes of values other than 0 in the high halves of keys, what they carry below."""
    if n_keys == codes.size:
        for at in range(codes.size):
            keys[at] = np.uint64(codes[at]) << HALF | np.uint64(carried[at])
        return
    to = _NONE
    for at in range(codes.size):
        # Every key is written, and kept if its value is not 0: zeros come at random, and a branch
        # on them would be mispredicted. There is room, because at least one value is 0.
        code = codes[at]
        keys[to] = np.uint64(code) << HALF | np.uint64(carried[at])
        to += np.uint64(code & MAGNITUDE != 0)


@kernel
def shorten(bits, codes):
    """Fill in codes for float64 read as uint64 [n]; return how many bits were cut off.

    With 0, equal codes stand for equal values, otherwise for values that differ in these bits only.
    """
    low, first, n_cut = bits_to_keep(bits)
    for at in range(bits.size):
        magnitude = bits[at] & _MAGNITUDE_OF_64
        code = np.uint32((magnitude - low >> first + n_cut) + _ONE)
        code |= np.uint32(bits[at] >> HALF) & SIGN
        codes[at] = code if magnitude != _NONE else np.uint32(0)
    return n_cut


@kernel
def bits_to_keep(bits):
    """Return the smallest magnitude but 0, the first bit in use above it, how many to cut off."""
    low, high, all_bits = span_of(bits, _MAGNITUDE_OF_64)
    first = n_trailing_zeros(all_bits)
    n_cut = _NONE
    # Codes begin at 1, because that of 0 is 0.
    while high > low and high - low >> first + n_cut >= np.uint64(MAGNITUDE):
        n_cut += _ONE
    return low, first, n_cut


@kernel
def number_values(bits, samples, codes, room, tuning):
    """Replace codes of which `shorten` cut bits off by numbers of the distinct values.

    `samples` int32 [n] are 0 to n - 1.
    """
    low, first, n_cut = bits_to_keep(bits)
    numbers = make_keys(codes, samples, room.keys)
    n_keys = numbers.n_keys
    sort_keys(room, START, n_keys, n_bits_of(np.uint64(numbers.n_numbers - 1)), tuning)
    keys = room.keys
    mask = (_ONE << n_cut) - _ONE
    n_values = 0
    start = START
    for stop in range(1, n_keys + 1):
        if stop < n_keys and keys[stop] >> HALF == keys[start] >> HALF:
            continue
        if stop - start > 1:
            # Only the bits that were cut off order these values.
            for at in range(start, stop):
                sample = keys[at] & LOW_HALF
                cut = (bits[sample] & _MAGNITUDE_OF_64) - low >> first & mask
                cut = mask - cut if start < numbers.n_negative else cut
                keys[at] = cut << HALF | sample
            sort_keys(room, start, stop, np.int64(n_cut), tuning)
        for at in range(start, stop):
            n_values += at == start or keys[at] >> HALF != keys[at - 1] >> HALF
            # Magnitudes of negative values fall while the values rise.
            code = np.uint32(n_keys - n_values + 1) | SIGN if start < numbers.n_negative else n_values
            codes[keys[at] & LOW_HALF] = code
        start = stop
