"""Placements: how many samples outside an extent lie below each sample inside it, and vice versa.

A sample's placement among the others counts those below it, ties one half. The placements of all
samples inside add up to the Mann-Whitney U, and their spread gives the variance of the AUC: the
spread between samples if these are independent, and the spread between groups of samples if not. A
unit is sorted once for all its formulas, and its zeros never are.
"""

from typing import NamedTuple, Self

import numpy as np

from invert_core.kernels._jit import kernel
from invert_core.kernels.atoms import Atoms
from invert_core.kernels.bits import popcount, whole_set
from invert_core.kernels.highest import Top, count_highest
from invert_core.kernels.radix import HALF, LOW_HALF
from invert_core.kernels.ranks import StoredUnits, sorted_keys
from invert_core.kernels.ties import N_LARGE, Ties, least_large

_ONE = np.uint64(1)


class Between(NamedTuple):
    """How the placements of F formulas vary between groups of samples; arrays [F].

    `n_inside` and `n_outside`, int64, count the groups that have samples inside and outside the
    extent, and `n_groups` those that have either. The others are float64. `effective_inside` and
    `effective_outside` are Kish's effective numbers of such groups, the squared number of samples
    over the sum of the squares of what each group has of them: less than the number of groups if a
    few groups have most samples. A group deviates by what the sum of the doubled placements of its
    samples differs from as many means. `spread_inside`, `spread_outside` and `spread_both` are the
    sums over groups of the squared deviations of the samples inside, of those outside, and of all.
    """

    n_inside: np.ndarray
    n_outside: np.ndarray
    n_groups: np.ndarray
    effective_inside: np.ndarray
    effective_outside: np.ndarray
    spread_inside: np.ndarray
    spread_outside: np.ndarray
    spread_both: np.ndarray


class Placements(NamedTuple):
    """Placements of F formulas, each on one unit; arrays [F].

    A formula is defined on `n_samples` and true on `n_positive` samples, int64; `doubled_u`, int64,
    is 2U. `spread_inside` and `spread_outside`, float64, are the sums of squared deviations of the
    doubled placements from their mean, over the samples inside and outside the extent. Of the
    `n_highest` samples at the top, `n_hits` are inside, both int64. `ties` are the profiles of the
    units on the samples on which the formulas are defined, one per formula. `between` is there if
    the samples are in groups.
    """

    n_positive: np.ndarray
    n_samples: np.ndarray
    doubled_u: np.ndarray
    spread_inside: np.ndarray
    spread_outside: np.ndarray
    n_highest: np.ndarray
    n_hits: np.ndarray
    ties: Ties
    between: Between | None = None

    def take(self, formulas: np.ndarray) -> Self:
        """Return those of some formulas, int64 [G]."""
        picked = {name: getattr(self, name)[formulas] for name in self._fields[:7]}
        between = None
        if self.between is not None:
            between = Between(*(each[formulas] for each in self.between))
        return self._replace(**picked, ties=self.ties.take(formulas), between=between)


class Placed(NamedTuple):
    """Room for what is found of F formulas on one unit.

    `counts` is int64 [F, 6]: n1, n, 2U, the number of large tie groups, and the numbers of samples
    at the top and of those of them that are inside. `spreads` is float64 [F, 2], and `large` int64
    [F, 2, N_LARGE], below and size of the large tie groups.
    """

    counts: np.ndarray
    spreads: np.ndarray
    large: np.ndarray

    @classmethod
    def empty(cls, n_formulas: int) -> Self:
        """Return room for so many formulas."""
        counts, spreads = np.zeros((n_formulas, 6), np.int64), np.zeros((n_formulas, 2))
        return cls(counts, spreads, np.empty((n_formulas, 2, N_LARGE), np.int64))

    def take(self, formulas: slice) -> Self:
        """Return the room of some formulas."""
        return type(self)(*(each[formulas] for each in self))


def placements(
    units: np.ndarray | StoredUnits,
    unit: np.ndarray,
    extents: np.ndarray,
    domains: np.ndarray | None,
    n_samples: int,
    group: np.ndarray | None = None,
    top: Top | None = None,
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
    group : int32 [N], optional
        The number of the group of each sample, from 0.
    top : Top, optional
        Which samples are at the top for each formula.

    Returns
    -------
    Placements
    """
    n_formulas = len(extents)
    placed = Placed.empty(n_formulas)
    n_with, compared = np.zeros((n_formulas, 3), np.int64), np.zeros((n_formulas, 5))
    top = Top.none(n_formulas) if top is None else top
    if domains is None:
        domains = whole_set(n_samples)[None]
    of_sample = Atoms(np.arange(n_samples, dtype=np.int32), np.ones(n_samples, np.int64))
    starts = np.flatnonzero(np.diff(unit, prepend=-1))
    for start, stop in zip(starts, np.append(starts, n_formulas)[1:], strict=True):
        keys, n_negative = sorted_keys(units, int(unit[start]), of_sample)
        one = slice(start, stop)
        of_unit = domains if len(domains) == 1 else domains[one]
        place_unit(keys, n_negative, extents[one], of_unit, top.take(one), placed.take(one))
        if group is not None:
            room_between = n_with[one], compared[one]
            compare_groups(keys, n_negative, extents[one], of_unit, group, *room_between)
    n_positive, n_defined, doubled_u, n_large, n_highest, n_hits = placed.counts.T
    below, size = placed.large.swapaxes(0, 1)[:, np.arange(N_LARGE) < n_large[:, None]]
    ties = Ties(below, size, np.append(0, np.cumsum(n_large)), n_defined)
    between = None if group is None else Between(*n_with.T, *compared.T)
    return Placements(
        *(n_positive, n_defined, doubled_u, placed.spreads[:, 0], placed.spreads[:, 1]),
        *(n_highest, n_hits),
        ties,
        between,
    )


@kernel
def place_unit(keys, n_negative, extents, domains, top, placed):
    """Fill in the room for formulas on one unit, given by its sorted keys.

    `domains` has one row for all formulas, or one for each.
    """
    counts, spreads, large = placed.counts, placed.spreads, placed.large
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
        counts[formula, 3] = note_large_groups(inside, outside, n_groups, large[formula])
        if n_positive == 0 or n_others == 0:
            continue
        counts[formula, 4], counts[formula, 5] = count_highest(
            inside, outside, n_groups, top.share[formula], top.is_lowest[formula]
        )
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


@kernel
def compare_groups(keys, n_negative, extents, domains, group, n_with, compared):
    """Fill in the fields of `Between` for formulas on one unit, given by its sorted keys.

    `n_with` is int64 [F, 3] and `compared` float64 [F, 5]. `domains` has one row for all formulas,
    or one for each.
    """
    tie = ties_of_samples(keys, n_negative, group.size)
    inside = np.empty(keys.size + 1, np.int64)
    outside = np.empty(keys.size + 1, np.int64)
    n_inside, n_outside, sum_inside, sum_outside = np.empty((4, group.max() + 1), np.int64)
    for formula in range(extents.shape[0]):
        extent = extents[formula]
        domain = domains[min(formula, domains.shape[0] - 1)]
        n_ties = count_groups(keys, n_negative, extent, domain, inside, outside)
        n_positive = inside[:n_ties].sum()
        n_others = outside[:n_ties].sum()
        if n_positive == 0 or n_others == 0:
            continue
        doubled_u = place_ties(inside, outside, n_ties, n_positive)
        for table in (n_inside, n_outside, sum_inside, sum_outside):
            table[:] = 0
        for sample in range(group.size):
            word, bit = sample >> 6, np.uint64(sample & 63)
            if domain[word] >> bit & _ONE == 0:
                continue
            if extent[word] >> bit & _ONE:
                n_inside[group[sample]] += 1
                sum_inside[group[sample]] += inside[tie[sample]]
            else:
                n_outside[group[sample]] += 1
                sum_outside[group[sample]] += outside[tie[sample]]
        # Sums are exact; only what they are compared with is rounded.
        mean_inside = doubled_u / n_positive
        mean_outside = doubled_u / n_others
        squares_inside = 0.0
        squares_outside = 0.0
        for number in range(n_inside.size):
            n_with[formula, 0] += n_inside[number] > 0
            n_with[formula, 1] += n_outside[number] > 0
            n_with[formula, 2] += n_inside[number] + n_outside[number] > 0
            of_inside = sum_inside[number] - n_inside[number] * mean_inside
            of_outside = sum_outside[number] - n_outside[number] * mean_outside
            squares_inside += n_inside[number] * n_inside[number]
            squares_outside += n_outside[number] * n_outside[number]
            compared[formula, 2] += of_inside * of_inside
            compared[formula, 3] += of_outside * of_outside
            compared[formula, 4] += (of_inside + of_outside) * (of_inside + of_outside)
        compared[formula, 0] = n_positive * n_positive / squares_inside
        compared[formula, 1] = n_others * n_others / squares_outside


@kernel
def ties_of_samples(keys, n_negative, n_samples):
    """Return the number of the group of equal values of each sample, as `count_groups` counts."""
    tie = np.full(n_samples, -1, np.int32)
    number = -1
    zeros = 0
    for at in range(keys.size):
        if at == n_negative:
            number += 1
            zeros = number
        if at == 0 or keys[at] >> HALF != keys[at - 1] >> HALF:
            number += 1
        tie[keys[at] & LOW_HALF] = number
    if n_negative == keys.size:
        zeros = number + 1
    for sample in range(n_samples):
        if tie[sample] < 0:
            tie[sample] = zeros
    return tie


@kernel
def place_ties(inside, outside, n_ties, n_positive):
    """Replace the counts of each group of equal values by the doubled placements of its samples.

    Return 2U. `inside` becomes the placement of a sample inside the extent, `outside` that of one
    outside it, which counts the samples inside that are above.
    """
    doubled_u = np.int64(0)
    inside_below = np.int64(0)
    outside_below = np.int64(0)
    for tie in range(n_ties):
        n_inside, n_outside = inside[tie], outside[tie]
        inside[tie] = 2 * outside_below + n_outside
        outside[tie] = 2 * (n_positive - inside_below) - n_inside
        doubled_u += n_inside * inside[tie]
        inside_below += n_inside
        outside_below += n_outside
    return doubled_u
