"""How many rejections chance explains."""

import numpy as np
from scipy.stats import betabinom, binom

from invert_core.settings import SIGNIFICANT

RARE = 0.001
"""A valid test exceeds its bound in one of a thousand cells."""


def most_rejections(n_units: int, repeats: int, permutations: int) -> int:
    """Return the number of rejections among units of noise that chance exceeds with `RARE`.

    The units of one run share the searches on permuted samples. These place the threshold, and as
    many as 200 place it only roughly: the level of one run is a draw from a beta distribution whose
    mean is `SIGNIFICANT`. So the rejections of a run are beta-binomial, and those of `repeats` runs
    are the sum of as many draws. Without permutations they are binomial.

    >>> most_rejections(1000, 1, 200), most_rejections(50, 20, 200), most_rejections(1000, 1, 0)
    (116, 76, 73)
    """
    if not permutations:
        return int(binom.ppf(1 - RARE, n_units * repeats, SIGNIFICANT))
    rejected = SIGNIFICANT * (permutations + 1)
    accepted = (1 - SIGNIFICANT) * (permutations + 1)
    of_run = betabinom.pmf(np.arange(n_units + 1), n_units, rejected, accepted)
    of_all = np.ones(1)
    for _ in range(repeats):
        of_all = np.convolve(of_all, of_run)
    return int(np.searchsorted(np.cumsum(of_all), 1 - RARE))


def bound(n_units: int, repeats: int, permutations: int) -> float:
    """Return `most_rejections` as a share of all units."""
    return most_rejections(n_units, repeats, permutations) / (n_units * repeats)
