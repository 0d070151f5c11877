"""The p-value of a rank sum given the ties, by counting."""

import math
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

import numpy as np

from tests.naive.ranks import doubled_midranks


def log10_p_given_ties(
    activations: Iterable[float], extent: AbstractSet[int], alternative: str = "two-sided"
) -> float:
    """log10 of the share of all extents of this size with a rank sum as extreme, or more.

    Two-sided, it is twice the share on the side of the mean where the rank sum is, but at most 1.
    """
    values = [float(a) for a in activations]
    if 2 * len(extent) > len(values):
        # What is high inside is low outside; the smaller of the two has fewer sums to count.
        return log10_p_given_ties(
            [-a for a in values], set(range(len(values))) - set(extent), alternative
        )
    ranks, size = doubled_midranks(values), len(extent)
    found = sum(ranks[i] for i in extent)
    # Entry [k, s] counts the choices of k samples whose ranks add up to s. Floats lose no digits
    # that matter, as nothing is subtracted.
    ways = np.zeros((size + 1, sum(sorted(ranks)[-size:]) + 1))
    ways[0, 0] = 1.0
    for rank in ranks:
        ways[1:, rank:] += ways[:-1, :-rank]
    of_size = ways[size]
    n_all, n_lower, n_upper = of_size.sum(), of_size[: found + 1].sum(), of_size[found:].sum()
    above_mean = found - size * (len(values) + 1)
    if alternative == "two-sided":
        n_extreme = min(n_all, 2 * (n_upper if above_mean > 0 else n_lower)) if above_mean else n_all
    else:
        n_extreme = n_upper if alternative == "greater" else n_lower
    return math.log10(n_extreme) - math.log10(n_all)
