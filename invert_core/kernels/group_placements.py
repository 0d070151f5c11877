"""How the placements of formulas vary between groups of samples; see `kernels.placements`."""

from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import kernel
from invert_core.kernels.radix import HALF, LOW_HALF
from invert_core.kernels.tie_counts import count_groups

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
