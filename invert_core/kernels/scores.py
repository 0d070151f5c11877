"""The measure that a search maximises: a function of the size and the rank sum of an extent.

A beam search uses the measure through these two functions alone. It needs a score that rises with
`sign` times the rank sum if the size stays the same.
"""

from invert_core.kernels._jit import inner

_ROUNDING = 2.0**-48
"""More than the relative error of `least_sum`, which takes about ten operations in float64."""


@inner
def doubled_u(n_positive, rank_sum):
    """Return twice the Mann-Whitney U of an extent."""
    return rank_sum - n_positive * (n_positive + 1)


@inner
def auc_of(n_positive, rank_sum, n_samples):
    """Return the AUC of an extent that holds some of the samples, but not all."""
    # Both integers are at most N**2 / 2, which float64 holds exactly up to N = 2**27. Only the
    # division rounds, so equal extents get equal scores, however they were found.
    return doubled_u(n_positive, rank_sum) / (2 * n_positive * (n_samples - n_positive))


@inner
def score_of(n_positive, rank_sum, sign, n_samples):
    """Return the score of an extent, sign * AUC."""
    return sign * auc_of(n_positive, rank_sum, n_samples)


@inner
def least_sum(n_positive, threshold, sign, n_samples):
    """Return a lower bound on sign * rank sum of all extents of this size with this score.

    All arguments are floats. A score of at least `threshold` is
    sign (S - n(n + 1)) >= 2 threshold n (N - n).
    """
    own = sign * n_positive * (n_positive + 1.0)
    others = 2.0 * threshold * n_positive * (n_samples - n_positive)
    # The bound may let too much through, but never too little.
    return own + others - _ROUNDING * n_samples * n_samples
