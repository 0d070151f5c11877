"""Samples inside and outside an extent, counted in each group of equal values of a unit."""

import numpy as np

from invert_core.kernels._jit import kernel
from invert_core.kernels.bits import popcount
from invert_core.kernels.radix import HALF, LOW_HALF
from invert_core.kernels.ties import least_large

_ONE = np.uint64(1)


@kernel
def count_groups(keys, n_negative, extent, domain, inside, outside):
    """Count the samples inside and outside an extent in each group of equal values, ascending.

    The groups of values that are not 0 follow from the sorted keys. The zeros come between negative
    and positive values; they are all samples of the domain that have no key. A group may be empty.
    """
    inside_zeros = np.int64(0)
    outside_zeros = np.int64(0)
    for word in range(domain.size):
        inside_zeros += popcount(extent[word])
        outside_zeros += popcount(domain[word] & ~extent[word])
    zeros = keys.size
    n_groups = 0
    for at in range(keys.size):
        key = keys[at]
        if at == n_negative:
            zeros = n_groups
            n_groups += 1
        if at == 0 or key >> HALF != keys[at - 1] >> HALF:
            inside[n_groups] = 0
            outside[n_groups] = 0
            n_groups += 1
        sample = key & LOW_HALF
        word, bit = sample >> np.uint64(6), sample & np.uint64(63)
        is_inside = np.int64(extent[word] >> bit & _ONE)
        is_outside = np.int64(domain[word] >> bit & _ONE) - is_inside
        inside[n_groups - 1] += is_inside
        outside[n_groups - 1] += is_outside
        inside_zeros -= is_inside
        outside_zeros -= is_outside
    if n_negative == keys.size:
        zeros = n_groups
        n_groups += 1
    inside[zeros] = inside_zeros
    outside[zeros] = outside_zeros
    return n_groups


@kernel
def note_large_groups(inside, outside, n_groups, large):
    """Write below and size of the large tie groups to `large`, and return how many there are."""
    least = least_large(inside[:n_groups].sum() + outside[:n_groups].sum())
    n_large = 0
    below = np.int64(0)
    for group in range(n_groups):
        size = inside[group] + outside[group]
        if size >= least:
            large[0, n_large] = below
            large[1, n_large] = size
            n_large += 1
        below += size
    return n_large
