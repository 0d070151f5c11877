"""Ranks of activations, added over atoms as soon as they are known.

Zeros are never sorted. After a ReLU most values are zero, and they form one tie group, whose rank
follows from the number of negative values.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np

from invert_core.kernels._jit import kernel
from invert_core.kernels.atoms import Atoms
from invert_core.kernels.codes import codes_of, make_keys
from invert_core.kernels.radix import (
    CODES_AT_ONCE,
    HALF,
    LOW_HALF,
    START,
    TUNING,
    Tuning,
    n_bits_of,
    room_for,
    sort_by_bits,
    sort_mostly,
)

TIE_BASE = 2**27
"""The tie sum is `high * TIE_BASE + low`; with at most 2**27 samples both fit in 64 bits."""


class StoredUnits(Protocol):
    """Units that store some of their values; all others are 0."""

    def __len__(self) -> int:
        """Return the number of units."""

    def __getitem__(self, unit: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the samples with stored values of one unit, and these values."""


class Zeros(NamedTuple):
    """The zeros of a unit.

    Of N samples `n_zeros` are 0 and `n_negative` are below; `rank` is the doubled midrank of zeros,
    `cubes` what they add to the cubes.
    """

    n_samples: int
    n_zeros: int
    n_negative: int
    rank: int
    cubes: float


def rank_sums(
    units: np.ndarray | StoredUnits, atoms: Atoms, tuning: Tuning = TUNING
) -> tuple[np.ndarray, list[int], np.ndarray]:
    """Rank units and add the ranks of each atom.

    Parameters
    ----------
    units : float16, float32 or float64 [K, N], or StoredUnits
        Activations without NaN; -0.0 ties with 0.0, infinities rank at the ends.
    atoms : Atoms
        The S atoms of the N samples.
    tuning : Tuning, optional
        For tests; results do not depend on it.

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
    room = room_for(_most_values(units), tuning)
    for part, values, of_values in _parts(units, atoms):
        codes = codes_of(values, room, tuning)
        rank_units(codes, of_values, room, tuning, sums[part], ties[part], cubes[part])
    return sums, [high * TIE_BASE + low for high, low in ties.tolist()], cubes


def sorted_keys(units: np.ndarray | StoredUnits, unit: int, atoms: Atoms) -> tuple[np.ndarray, int]:
    """Return the keys of one unit, ascending, and how many are negative; see `make_keys`."""
    values, of_values = _values_of(units, unit, atoms)
    room = room_for(values.size)
    numbers = make_keys(codes_of(values[None], room)[0], of_values.of_sample, room.keys)
    keys = room.keys[: numbers.n_keys]
    # Whole keys are sorted, so that within a tie the samples of one atom come together.
    keys.sort()
    return keys, numbers.n_negative


def _most_values(units: np.ndarray | StoredUnits) -> int:
    if isinstance(units, np.ndarray):
        return units.shape[1]
    return max((units[unit][1].size for unit in range(len(units))), default=0)


def _parts(
    units: np.ndarray | StoredUnits, atoms: Atoms
) -> Iterator[tuple[slice, np.ndarray, Atoms]]:
    """Yield units to rank at once, their values [k, n], and atoms with the samples of these."""
    at_once = 1
    if isinstance(units, np.ndarray):
        # Float32 need no room for codes.
        fit = CODES_AT_ONCE // max(1, units.shape[1])
        at_once = max(1, len(units) if units.dtype == np.float32 else fit)
    for start in range(0, len(units), at_once):
        part = slice(start, start + at_once)
        if isinstance(units, np.ndarray):
            yield part, units[part], atoms
        else:
            values, of_values = _values_of(units, start, atoms)
            yield part, values[None], of_values


def _values_of(
    units: np.ndarray | StoredUnits, unit: int, atoms: Atoms
) -> tuple[np.ndarray, Atoms]:
    """Return values of a unit, all others being 0, and the atoms with the samples of these."""
    if isinstance(units, np.ndarray):
        return units[unit], atoms
    samples, values = units[unit]
    return values, Atoms(atoms.of_sample[samples], atoms.sizes)


@kernel
def rank_units(codes, atoms, room, tuning, sums, ties, cubes):
    """Rank units given by codes uint32 [K, n]; samples without a code are 0.

    `atoms.of_sample` int32 [n] are the atoms of the samples that have a code. `sums` and `cubes`
    are filled in as `rank_sums` says, `ties` int64 [K, 2] with the two parts of the tie sums.
    """
    sizes = atoms.sizes
    n_samples = START
    for size in sizes:
        n_samples += size
    for unit in range(codes.shape[0]):
        numbers = make_keys(codes[unit], atoms.of_sample, room.keys)
        n_negative = numbers.n_negative
        n_zeros = n_samples - numbers.n_keys
        # Zeros have ranks n_negative + 1 to n_negative + n_zeros; twice their mean is an integer.
        of_zero = 2 * n_negative + n_zeros + 1
        # All samples get the rank of zero; then those that have a key are corrected.
        for atom in range(sizes.size):
            sums[unit, atom] = sizes[atom] * of_zero
        ties[unit, 0] = 0
        ties[unit, 1] = 0
        of_zeros = 0.0
        if n_zeros > 0:
            of_zeros = count_ties(n_zeros, of_zero - (n_samples + 1), ties[unit])
        zeros = Zeros(n_samples, n_zeros, n_negative, of_zero, of_zeros)
        if numbers.n_numbers <= tuning.counted * numbers.n_keys:
            cubes[unit] = add_counted(room, numbers, zeros, sums[unit], ties[unit])
        else:
            n_bits = n_bits_of(np.uint64(numbers.n_numbers - 1))
            n_left = sort_mostly(room, START, numbers.n_keys, n_bits, tuning)
            cubes[unit] = add_sorted(room, n_left, tuning, numbers, zeros, sums[unit], ties[unit])


@kernel
def add_counted(room, numbers, zeros, sums, ties):
    """Add the ranks of keys in any order, by counting the keys of each number; return the cubes."""
    keys, counts, rank_of = room.keys, room.counts, room.counts
    cubes = zeros.cubes
    for number in range(numbers.n_numbers):
        counts[number] = 0
    for at in range(numbers.n_keys):
        counts[keys[at] >> HALF] += np.uint32(1)
    below = START
    for number in range(numbers.n_numbers):
        # The zeros come after the negative values.
        below += zeros.n_zeros if number == numbers.n_below else 0
        tied = np.int64(counts[number])
        if tied == 0:
            continue
        rank = 2 * below + tied + 1
        if tied > 1:
            cubes += count_ties(tied, rank - (zeros.n_samples + 1), ties)
        # A count gives way to the rank, which fits into 32 bits as well.
        rank_of[number] = rank
        below += tied
    # The second look at the keys adds what the counts became.
    for at in range(numbers.n_keys):
        sums[keys[at] & LOW_HALF] += np.int64(rank_of[keys[at] >> HALF]) - zeros.rank
    return cubes


@kernel
def add_sorted(room, n_left, tuning, numbers, zeros, sums, ties):
    """Add the ranks of keys sorted by all but the last `n_left` bits; return the cubes."""
    keys = room.keys
    shift = HALF + np.uint64(n_left)
    cubes = zeros.cubes
    # A key that agrees with the last key in no bit ends its group, without a test for the end.
    keys[numbers.n_keys] = ~keys[numbers.n_keys - 1]
    first, key = START, keys[0]
    for at in range(1, numbers.n_keys + 1):
        next_key = keys[at]
        if next_key >> shift == key >> shift:
            continue
        # Most values agree with no other, and so add nothing to ties and cubes.
        if at - first == 1:
            rank = 2 * at + (2 * zeros.n_zeros if first >= zeros.n_negative else 0)
            sums[key & LOW_HALF] += rank - zeros.rank
        else:
            if n_left > 0:
                sort_by_bits(room, first, at, START, n_left, tuning)
            cubes = add_group(keys, first, at, zeros, sums, ties, cubes)
        first, key = at, next_key
    return cubes


@kernel
def add_group(keys, start, stop, zeros, sums, ties, cubes):
    """Add the ranks of a few sorted keys, ties among them; return the cubes with theirs."""
    first = start
    for at in range(start + 1, stop + 1):
        if at < stop and keys[at] >> HALF == keys[first] >> HALF:
            continue
        # Positions do not count the zeros, which come before all positive values.
        rank = first + at + 1 + (2 * zeros.n_zeros if first >= zeros.n_negative else 0)
        for tied in range(first, at):
            sums[keys[tied] & LOW_HALF] += rank - zeros.rank
        if at - first > 1:
            cubes += count_ties(at - first, rank - (zeros.n_samples + 1), ties)
        first = at
    return cubes


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
