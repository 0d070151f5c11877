"""P-values of rank sums given the ties of a unit: the exact null of the Mann-Whitney test.

The n1 samples of an extent are drawn without replacement from the N samples, whose ranks, ties
included, are what they are. All functions are elementwise: no value depends on the other values in
the same array.
"""

import numpy as np

from invert_core.kernels.tails import GREATER, LESS, TWO_SIDED, log_tails
from invert_core.kernels.ties import Ties
from invert_core.statistics.tails import LN10

METHODS = ("none", "exact", "saddlepoint", "split")
"""How a p-value was found, by the number that `log_tails` gives.

- "none": nothing can be tested, because all values of the unit are equal.
- "exact": all extents of the size were counted.
- "saddlepoint": the double saddlepoint approximation, where many samples share in a deviation.
- "split": the sum of such tails, or of counted ones, over the number of samples of the extent that
  are outside the largest tie group.
"""
_CODES = {"two-sided": TWO_SIDED, "less": LESS, "greater": GREATER}


def log10_p_given_ties(
    n_positive: np.ndarray,
    rank_sum: np.ndarray,
    unit: np.ndarray,
    ties: Ties,
    alternative: str = "two-sided",
) -> tuple[np.ndarray, np.ndarray]:
    """Return log10 p of rank sums, and the number of the method: see `kernels.tails.log_tails`.

    Parameters
    ----------
    n_positive, rank_sum, unit : int64 arrays that broadcast against each other
        n1 and S of each extent, and its unit among those of `ties`.
    ties : Ties
        Tie profiles.
    alternative : {"two-sided", "less", "greater"}
        The alternative hypothesis.

    Returns
    -------
    log10_p : float64 array
        Decimal logarithms of p, finite even if p underflows.
    method : int8 array
        Indexes into `METHODS`.
    """
    n, s, k = np.broadcast_arrays(n_positive, rank_sum, unit)
    log_p, method = log_tails(n.ravel(), s.ravel(), k.ravel(), ties, _CODES[alternative])
    return (log_p / LN10).reshape(n.shape), method.reshape(n.shape)
