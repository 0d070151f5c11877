"""Placements: how many samples outside an extent lie below each sample inside it, and vice versa.

A sample's placement among the others counts those below it, ties one half. The placements of all
samples inside add up to the Mann-Whitney U, and their spread gives the variance of the AUC. A unit
is sorted once for all its formulas, and its zeros never are.
"""

from typing import NamedTuple, Self

import numpy as np

from invert_core.kernels._jit import kernel
from invert_core.kernels.atoms import Atoms
from invert_core.kernels.bits import popcount, whole_set
from invert_core.kernels.radix import HALF, LOW_HALF
from invert_core.kernels.ranks import StoredUnits, sorted_keys
from invert_core.kernels.ties import N_LARGE, Ties

_ONE = np.uint64(1)


class Placements(NamedTuple):
    """Placements of F formulas, each on one unit; arrays [F].

    A formula is defined on `n_samples` and true on `n_positive` samples, int64; `doubled_u`, int64,
    is 2U. `spread_inside` and `spread_outside`, float64, are the sums of squared deviations of the
    doubled placements from their mean, over the samples inside and outside the extent. `ties` are
    the profiles of the units on the samples on which the formulas are defined, one per formula.
    """

    n_positive: np.ndarray
    n_samples: np.ndarray
    doubled_u: np.ndarray
    spread_inside: np.ndarray
    spread_outside: np.ndarray
    ties: Ties

    def take(self, formulas: np.ndarray) -> Self:
        """Return those of some formulas, int64 [G]."""
        picked = {name: getattr(self, name)[formulas] for name in self._fields[:-1]}
        return self._replace(**picked, ties=self.ties.take(formulas))


def placements(
    units: np.ndarray | StoredUnits,
    unit: np.ndarray,
    extents: np.ndarray,
    domains: np.ndarray | None,
    n_samples: int,
) -> Placements:
    """Place the samples inside formulas among those outside.

    Parameters
    ----------
    units : float16, float32 or float64 [K, N], or StoredUnits
        Activations without NaN.
    unit : int64 [F]
        The unit of each formula, ascending.
    extents : uint64 [F, ceil(N / 64)]
        The samples on which each formula is true.
    domains : uint64 [F, ceil(N / 64)] or None
        The samples on which each formula is defined, its extent among them; None if all are.
    n_samples : int
        N.

    Returns
    -------
    Placements
    """
    n_formulas = len(extents)
    counts = np.zeros((n_formulas, 4), np.int64)
    spreads = np.zeros((n_formulas, 2))
    groups = np.empty((n_formulas, 2, N_LARGE), np.int64)
    if domains is None:
        domains = whole_set(n_samples)[None]
    of_sample = Atoms(np.arange(n_samples, dtype=np.int32), np.ones(n_samples, np.int64))
    starts = np.flatnonzero(np.diff(unit, prepend=-1))
    for start, stop in zip(starts, np.append(starts, n_formulas)[1:], strict=True):
        keys, n_negative = sorted_keys(units, int(unit[start]), of_sample)
        one = slice(start, stop)
        of_unit = domains if len(domains) == 1 else domains[one]
        room = counts[one], spreads[one], groups[one]
        place_unit(keys, n_negative, extents[one], of_unit, *room)
    n_positive, n_defined, doubled_u, n_large = counts.T
    below, size = groups.swapaxes(0, 1)[:, np.arange(N_LARGE) < n_large[:, None]]
    ties = Ties(below, size, np.append(0, np.cumsum(n_large)), n_defined)
    return Placements(n_positive, n_defined, doubled_u, spreads[:, 0], spreads[:, 1], ties)


@kernel
def place_unit(keys, n_negative, extents, domains, counts, spreads, groups):
    """Fill in the fields of `Placements` for formulas on one unit, given by its sorted keys.

    `counts` is int64 [F, 4], the last for the number of large tie groups; `spreads` float64 [F, 2];
    `groups` int64 [F, 2, N_LARGE], below and size of these groups. `domains` has one row for all
    formulas, or one for each.
    """
    # At most one group for each key, and one for the zeros.
    inside = np.empty(keys.size + 1, np.int64)
    outside = np.empty(keys.size + 1, np.int64)
    for formula in range(extents.shape[0]):
        domain = domains[min(formula, domains.shape[0] - 1)]
        n_groups = count_groups(keys, n_negative, extents[formula], domain, inside, outside)
        n_positive = inside[:n_groups].sum()
        n_others = outside[:n_groups].sum()
        counts[formula, 0] = n_positive
        counts[formula, 1] = n_positive + n_others
        counts[formula, 3] = large_groups(inside, outside, n_groups, groups[formula])
        if n_positive == 0 or n_others == 0:
            continue
        doubled_u = np.int64(0)
        below = np.int64(0)
        for group in range(n_groups):
            doubled_u += inside[group] * (2 * below + outside[group])
            below += outside[group]
        counts[formula, 2] = doubled_u
        # The deviations are squared in a second pass: a difference of sums would lose their digits.
        mean_inside = doubled_u / n_positive
        mean_outside = doubled_u / n_others
        inside_below = np.int64(0)
        outside_below = np.int64(0)
        for group in range(n_groups):
            n_inside, n_outside = inside[group], outside[group]
            deviation = 2 * outside_below + n_outside - mean_inside
            spreads[formula, 0] += n_inside * deviation * deviation
            deviation = 2 * (n_positive - inside_below) - n_inside - mean_outside
            spreads[formula, 1] += n_outside * deviation * deviation
            inside_below += n_inside
            outside_below += n_outside


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
def large_groups(inside, outside, n_groups, groups):
    """Write below and size of the large tie groups to `groups`, and return how many there are."""
    n_samples = inside[:n_groups].sum() + outside[:n_groups].sum()
    least = max(np.int64(1), n_samples // N_LARGE) + 1
    n_large = 0
    below = np.int64(0)
    for group in range(n_groups):
        size = inside[group] + outside[group]
        if size >= least:
            groups[0, n_large] = below
            groups[1, n_large] = size
            n_large += 1
        below += size
    return n_large
