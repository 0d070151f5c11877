"""Ranks of activations, added over atoms as soon as they are known.

Zeros are never sorted. After a ReLU most values are zero, and they form one tie group, whose rank
follows from the number of negative values.
"""

from typing import Protocol

import numpy as np

from invert_core.kernels._jit import kernel
from invert_core.kernels.atoms import Atoms

TIE_BASE = 2**27
"""The tie sum is `high * TIE_BASE + low`; with at most 2**27 samples both fit in 64 bits."""

_HALF = np.uint64(32)
_LOW_HALF = np.uint64(0xFFFFFFFF)
_SIGN = np.uint32(0x80000000)
_ALL = np.uint32(0xFFFFFFFF)
_NOTHING = np.uint32(0)
_ONE = np.uint64(1)
_STRIDE = 16


class StoredUnits(Protocol):
    """Units that store some of their values; all others are 0."""

    def __len__(self) -> int:
        """Return the number of units."""

    def __getitem__(self, unit: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the samples with stored values of one unit, and these values."""


def rank_sums(
    units: np.ndarray | StoredUnits, atoms: Atoms
) -> tuple[np.ndarray, list[int], np.ndarray]:
    """Rank units and add the ranks of each atom.

    Parameters
    ----------
    units : float32 or float64 [K, N], or StoredUnits
        Activations without NaN; -0.0 ties with 0.0, infinities rank at the ends.
    atoms : Atoms
        The S atoms of the N samples.

    Returns
    -------
    sums : int64 [K, S]
        Twice the midranks, added over each atom; those of a unit add up to N(N + 1).
    tie_sums : list of K int
        Sum of t**3 - t over tie groups, exact.
    cubes : float64 [K]
        Sum of (doubled midrank - (N + 1))**3, zero if the ranks are distributed symmetrically.
    """
    sums = np.empty((len(units), atoms.sizes.size), np.int64)
    ties = np.empty((len(units), 2), np.int64)
    cubes = np.empty(len(units), np.float64)
    for unit in range(len(units)):
        keys, n_negative = sorted_keys(units, unit, atoms)
        cubes[unit] = add_ranks(keys, n_negative, atoms.sizes, sums[unit], ties[unit])
    return sums, [high * TIE_BASE + low for high, low in ties.tolist()], cubes


def sorted_keys(units: np.ndarray | StoredUnits, unit: int, atoms: Atoms) -> tuple[np.ndarray, int]:
    """Return the keys of one unit, ascending, and how many are negative; see `make_keys`."""
    # Samples without a stored value are 0, and zeros need no key.
    if isinstance(units, np.ndarray):
        values, atom_of = units[unit], atoms.of_sample
    else:
        samples, values = units[unit]
        atom_of = atoms.of_sample[samples]
    if values.dtype == np.float32:
        keys, n_negative = make_keys(values.view(np.uint32), atom_of)
    else:
        # A float64 alone would fill a key, so its position among the distinct values represents it.
        stored = np.flatnonzero(values)
        values = values[stored]
        order = values.argsort()
        keys, n_negative = make_keys_in_order(values[order], atom_of[stored[order]])
    # Whole keys are sorted, so that within a tie the samples of one atom come together.
    keys.sort()
    return keys, n_negative


@kernel
def make_keys(values, atom_of):
    """Return keys that sort as the nonzero values do, and how many of them are negative.

    `values` are float32 read as uint32 [n], the keys uint64. The high half of a key orders the
    value, the low half is its atom. Positive floats sort as their bits do, negative floats the
    other way round.
    """
    keys = np.empty(values.size, np.uint64)
    n_keys = 0
    n_negative = 0
    for sample in range(values.size):
        value = values[sample]
        negative = value >= _SIGN
        # Every key is written, but only the keys of nonzero values are counted and so kept: zeros
        # come at random, and a branch on them would be mispredicted. There is always room for one
        # key per sample.
        keys[n_keys] = np.uint64(value ^ (_ALL if negative else _SIGN)) << _HALF | np.uint64(
            atom_of[sample]
        )
        # The sign is dropped, so that -0.0 ties with 0.0.
        stored = value & ~_SIGN != _NOTHING
        n_keys += stored
        n_negative += stored & negative
    return keys[:n_keys], n_negative


@kernel
def make_keys_in_order(values, atom_of):
    """Do as `make_keys` for ascending float64 without zeros; the high half numbers the values."""
    keys = np.empty(values.size, np.uint64)
    n_negative = 0
    high = np.uint64(0)
    for position in range(values.size):
        if position > 0 and values[position] != values[position - 1]:
            high += _ONE
        keys[position] = high << _HALF | np.uint64(atom_of[position])
        n_negative += values[position] < 0.0
    return keys, n_negative


@kernel
def add_ranks(keys, n_negative, sizes, sums, ties):
    """Add the ranks of one unit, from its sorted keys uint64 [n]; return the cubes.

    All atoms get the rank of zero for each of their samples; then the samples that have a key are
    corrected.
    """
    n_samples = sizes.sum()
    n_zeros = n_samples - keys.size
    # Zeros have ranks n_negative + 1 to n_negative + n_zeros; twice their mean is an integer.
    of_zero = 2 * n_negative + n_zeros + 1
    for atom in range(sizes.size):
        sums[atom] = sizes[atom] * of_zero
    ties[:] = 0
    cubes = count_ties(n_zeros, of_zero - (n_samples + 1), ties) if n_zeros > 0 else 0.0
    start = 0
    while start < keys.size:
        value = keys[start] >> _HALF
        stop = start + 1
        while stop < keys.size and keys[stop] >> _HALF == value:
            # Keys are sorted: if a later key is tied, all keys before it are tied too.
            far = stop + _STRIDE
            stop = far if far < keys.size and keys[far] >> _HALF == value else stop + 1
        # Positions do not count the zeros, which come before all positive values.
        rank = start + stop + 1 + (2 * n_zeros if start >= n_negative else 0)
        # Most values occur once and add nothing to ties and cubes.
        if stop == start + 1:
            sums[keys[start] & _LOW_HALF] += rank - of_zero
        else:
            add_group(keys[start:stop], rank - of_zero, sums)
            cubes += count_ties(stop - start, rank - (n_samples + 1), ties)
        start = stop
    return cubes


@kernel
def add_group(keys, rank, sums):
    """Add the rank that tied samples share to their atoms, which are often the same atom."""
    start = 0
    while start < keys.size:
        # A tie is sorted by atom, so each atom is added to once, not once per sample.
        key = keys[start]
        stop = start + 1
        while stop < keys.size and keys[stop] == key:
            far = stop + _STRIDE
            stop = far if far < keys.size and keys[far] == key else stop + 1
        sums[key & _LOW_HALF] += rank * (stop - start)
        start = stop


@kernel
def count_ties(size, off_centre, ties):
    """Add size**3 - size of a tie group to `ties`, and return what it adds to the cubes.

    `off_centre` is the group's doubled midrank minus N + 1. Without ties the cubes add up to 0;
    a group subtracts off_centre * (size**3 - size).
    """
    # size**3 needs up to 81 bits; cut in two, each part stays below 2**55 over all groups.
    square = size * size - 1
    ties[0] += (square // TIE_BASE) * size
    ties[1] += (square % TIE_BASE) * size
    # Floats from here on: the product can exceed 2**63, and the cubes only feed an approximation.
    return -float(off_centre) * float(size) * float(square)
