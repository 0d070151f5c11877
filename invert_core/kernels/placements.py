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
from invert_core.kernels.bits import whole_set
from invert_core.kernels.group_placements import Between, compare_groups
from invert_core.kernels.highest import Top, count_highest, count_hits
from invert_core.kernels.ranks import StoredUnits, sorted_keys
from invert_core.kernels.tie_counts import count_groups, note_large_groups
from invert_core.kernels.ties import N_LARGE, Ties


class Placements(NamedTuple):
    """Placements of F formulas, each on one unit; arrays [F], but for `hits` [F, K].

    A formula is defined on `n_samples` and true on `n_positive` samples, int64; `doubled_u`, int64,
    is 2U. `spread_inside` and `spread_outside`, float64, are the sums of squared deviations of the
    doubled placements from their mean, over the samples inside and outside the extent. Of the
    `n_highest` samples at the top, `n_hits` are inside, both int64; among as many as `Top.cuts`
    says, `hits` are, float32. `ties` are the profiles of the units on the samples on which the
    formulas are defined, one per formula. `between` is there if the samples are in groups.
    """

    n_positive: np.ndarray
    n_samples: np.ndarray
    doubled_u: np.ndarray
    spread_inside: np.ndarray
    spread_outside: np.ndarray
    n_highest: np.ndarray
    n_hits: np.ndarray
    hits: np.ndarray
    ties: Ties
    between: Between | None = None

    def take(self, formulas: np.ndarray) -> Self:
        """Return those of some formulas, int64 [G]."""
        picked = {name: getattr(self, name)[formulas] for name in self._fields[:8]}
        between = None
        if self.between is not None:
            between = Between(*(each[formulas] for each in self.between))
        return self._replace(**picked, ties=self.ties.take(formulas), between=between)


class Placed(NamedTuple):
    """Room for what is found of F formulas on one unit.

    `counts` is int64 [F, 6]: n1, n, 2U, the number of large tie groups, and the numbers of samples
    at the top and of those of them that are inside. `spreads` is float64 [F, 2], and `large` int64
    [F, 2, N_LARGE], below and size of the large tie groups. `hits` is float32 [F, K].
    """

    counts: np.ndarray
    spreads: np.ndarray
    large: np.ndarray
    hits: np.ndarray

    @classmethod
    def empty(cls, n_formulas: int, n_cuts: int) -> Self:
        """Return room for so many formulas and places at which hits are counted."""
        return cls(
            np.zeros((n_formulas, 6), np.int64),
            np.zeros((n_formulas, 2)),
            np.empty((n_formulas, 2, N_LARGE), np.int64),
            np.zeros((n_formulas, n_cuts), np.float32),
        )

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
    n_with, compared = np.zeros((n_formulas, 3), np.int64), np.zeros((n_formulas, 5))
    top = Top.none(n_formulas) if top is None else top
    placed = Placed.empty(n_formulas, top.cuts.size)
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
        *(n_highest, n_hits, placed.hits),
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
        is_lowest = top.is_lowest[formula]
        count_hits(inside, outside, n_groups, is_lowest, top.cuts, placed.hits[formula])
        if n_positive == 0 or n_others == 0:
            continue
        counts[formula, 4], counts[formula, 5] = count_highest(
            inside, outside, n_groups, is_lowest, top.share[formula]
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
