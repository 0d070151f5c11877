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
from invert_core.kernels.ties import Large, Ties, least_large, most_large, note_large, ties_of

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

    Of N samples `n_zeros` are 0 and `n_negative` are below; `rank` is the doubled midrank of zeros.
    """

    n_zeros: int
    n_negative: int
    rank: int


class Noted(NamedTuple):
    """What is noted about the tie groups of a unit.

    `sums` int64 [2] are the two parts of the tie sum. `large` takes the groups of at least `least`
    samples.
    """

    sums: np.ndarray
    least: int
    large: Large


class RankSums(NamedTuple):
    """The ranks of K units, added over S atoms, and what is known of the ties.

    `sums` int64 [K, S] are twice the midranks, added over each atom; those of a unit add up to
    N(N + 1). `tie_sums` are K exact sums of t**3 - t over all tie groups, and `ties` the large tie
    groups.
    """

    sums: np.ndarray
    tie_sums: list[int]
    ties: Ties


def rank_sums(units: np.ndarray | StoredUnits, atoms: Atoms, tuning: Tuning = TUNING) -> RankSums:
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
    RankSums
    """
    n_units, n_samples = len(units), int(atoms.sizes.sum())
    sums = np.empty((n_units, atoms.sizes.size), np.int64)
    tie_sums, n_large = np.empty((n_units, 2), np.int64), np.zeros((n_units, 1), np.int64)
    below, size = np.empty((2, n_units, most_large(n_samples)), np.int64)
    room = room_for(_most_values(units), tuning)
    for part, values, of_values in _parts(units, atoms):
        codes = codes_of(values, room, tuning)
        large = Large(below[part], size[part], n_large[part])
        rank_units(codes, of_values, room, tuning, sums[part], tie_sums[part], large)
    return RankSums(
        sums,
        [high * TIE_BASE + low for high, low in tie_sums.tolist()],
        ties_of(below, size, n_large[:, 0], np.full(n_units, n_samples)),
    )


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
def rank_units(codes, atoms, room, tuning, sums, tie_sums, large):
    """Rank units given by codes uint32 [K, n]; samples without a code are 0.

    `atoms.of_sample` int32 [n] are the atoms of the samples that have a code. `sums` int64 [K, S]
    are filled in as `rank_sums` says, `tie_sums` int64 [K, 2] with the two parts of the tie sums,
    and `large` with the large tie groups; its arrays are those of `Large` for each unit.
    """
    sizes = atoms.sizes
    n_samples = START
    for size in sizes:
        n_samples += size
    least = least_large(n_samples)
    for unit in range(codes.shape[0]):
        numbers = make_keys(codes[unit], atoms.of_sample, room.keys)
        n_negative = numbers.n_negative
        n_zeros = n_samples - numbers.n_keys
        # Zeros have ranks n_negative + 1 to n_negative + n_zeros; twice their mean is an integer.
        zeros = Zeros(n_zeros, n_negative, 2 * n_negative + n_zeros + 1)
        # All samples get the rank of zero; then those that have a key are corrected.
        for atom in range(sizes.size):
            sums[unit, atom] = sizes[atom] * zeros.rank
        of_unit = Large(large.below[unit], large.size[unit], large.n[unit])
        noted = Noted(tie_sums[unit], least, of_unit)
        noted.sums[0] = 0
        noted.sums[1] = 0
        if n_zeros > 0:
            note_ties(n_negative, n_zeros, noted)
        if numbers.n_numbers <= tuning.counted * numbers.n_keys:
            add_counted(room, numbers, zeros, sums[unit], noted)
        else:
            n_bits = n_bits_of(np.uint64(numbers.n_numbers - 1))
            n_left = sort_mostly(room, START, numbers.n_keys, n_bits, tuning)
            add_sorted(room, n_left, tuning, numbers, zeros, sums[unit], noted)


@kernel
def add_counted(room, numbers, zeros, sums, noted):
    """Add the ranks of keys in any order, by counting the keys of each number."""
    keys, counts, rank_of = room.keys, room.counts, room.counts
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
        if tied > 1:
            note_ties(below, tied, noted)
        # A count gives way to the rank, which fits into 32 bits as well.
        rank_of[number] = 2 * below + tied + 1
        below += tied
    # The second look at the keys adds what the counts became.
    for at in range(numbers.n_keys):
        sums[keys[at] & LOW_HALF] += np.int64(rank_of[keys[at] >> HALF]) - zeros.rank


@kernel
def add_sorted(room, n_left, tuning, numbers, zeros, sums, noted):
    """Add the ranks of keys sorted by all but the last `n_left` bits."""
    keys = room.keys
    shift = HALF + np.uint64(n_left)
    # A key that agrees with the last key in no bit ends its group, without a test for the end.
    keys[numbers.n_keys] = ~keys[numbers.n_keys - 1]
    first, key = START, keys[0]
    for at in range(1, numbers.n_keys + 1):
        next_key = keys[at]
        if next_key >> shift == key >> shift:
            continue
        # Most values agree with no other, and so add nothing to the ties.
        if at - first == 1:
            rank = 2 * at + (2 * zeros.n_zeros if first >= zeros.n_negative else 0)
            sums[key & LOW_HALF] += rank - zeros.rank
        else:
            if n_left > 0:
                sort_by_bits(room, first, at, START, n_left, tuning)
            add_group(keys, first, at, zeros, sums, noted)
        first, key = at, next_key


@kernel
def add_group(keys, start, stop, zeros, sums, noted):
    """Add the ranks of a few sorted keys, ties among them."""
    first = start
    for at in range(start + 1, stop + 1):
        if at < stop and keys[at] >> HALF == keys[first] >> HALF:
            continue
        # Positions do not count the zeros, which come before all positive values.
        below = first + (zeros.n_zeros if first >= zeros.n_negative else 0)
        rank = 2 * below + at - first + 1
        for tied in range(first, at):
            sums[keys[tied] & LOW_HALF] += rank - zeros.rank
        if at - first > 1:
            note_ties(below, at - first, noted)
        first = at


@kernel
def note_ties(below, size, noted):
    """Note a tie group of `size` samples above `below` others."""
    # size**3 needs up to 81 bits; cut in two, each part stays below 2**55 over all groups.
    square = size * size - 1
    noted.sums[0] += (square // TIE_BASE) * size
    noted.sums[1] += (square % TIE_BASE) * size
    note_large(below, size, noted.least, noted.large)
