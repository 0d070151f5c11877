"""The measure that a search maximises: a function of the size of an extent and of a sum over it.

A beam search uses the measure through these functions alone. It needs a score that rises with the
sum if the size stays the same. The AUC, and nothing else, is given as None, so that its code is
compiled apart from that of all other measures.
"""

from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import inner

_ROUNDING = 2.0**-48
"""More than the relative error of `least_sum`, which takes about ten operations in float64."""


class Measures(NamedTuple):
    """The measures of K units, each a function of the size n of an extent and its sum S.

    Every sample of N has a score, an integer that is not negative; S adds them up over the extent,
    and `total` int64 [K] over all samples. The measure of unit k is

        (lift S - shift n) / (scale g(n)),    g(n) = (n + more) (rest + slope n) or its root,

    with float64 arrays [K], all but `shift` and `slope` not negative. `is_root` is one bool for all
    units. With `more` 0, `rest` N and `slope` -1, g is n (N - n).
    """

    total: np.ndarray
    lift: np.ndarray
    shift: np.ndarray
    scale: np.ndarray
    more: np.ndarray
    rest: np.ndarray
    slope: np.ndarray
    is_root: bool

    def take(self, units: np.ndarray) -> "Measures":
        """Return the measures of some units, int64 [k]."""
        taken = {name: getattr(self, name)[units] for name in self._fields if name != "is_root"}
        return self._replace(**taken)


class Measure(NamedTuple):
    """The measure of one unit; see `Measures`."""

    total: int
    lift: float
    shift: float
    scale: float
    more: float
    rest: float
    slope: float
    is_root: bool


@inner
def measure_of(measures, unit):
    """Return the measure of one unit; None if the measures are None."""
    if measures is None:
        return None
    return Measure(
        measures.total[unit],
        measures.lift[unit],
        measures.shift[unit],
        measures.scale[unit],
        measures.more[unit],
        measures.rest[unit],
        measures.slope[unit],
        measures.is_root,
    )


@inner
def total_of(measure, n_samples):
    """Return the sum over all samples."""
    if measure is None:
        return n_samples * (n_samples + 1)
    return measure.total


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
def score_of(n_positive, total, sign, n_samples, measure):
    """Return the score of an extent: sign * AUC, or the measure, whose sign is always 1."""
    if measure is None:
        return sign * auc_of(n_positive, total, n_samples)
    n = n_positive * 1.0
    return (measure.lift * total - measure.shift * n) / _divisor(n, measure)


@inner
def _divisor(n, measure):
    """Return the divisor of a measure for extents of n samples, a float."""
    product = (n + measure.more) * (measure.rest + measure.slope * n)
    return measure.scale * (np.sqrt(product) if measure.is_root else product)


@inner
def least_sum(n_positive, threshold, sign, n_samples, measure):
    """Return a lower bound on sign * sum of all extents of this size with this score.

    All arguments but the last are floats. An AUC of at least `threshold` is
    sign (S - n(n + 1)) >= 2 threshold n (N - n).
    """
    # The bound may let too much through, but never too little.
    if measure is None:
        own = sign * n_positive * (n_positive + 1.0)
        others = 2.0 * threshold * n_positive * (n_samples - n_positive)
        return own + others - _ROUNDING * n_samples * n_samples
    own = measure.shift * n_positive
    others = threshold * _divisor(n_positive, measure)
    return (own + others - _ROUNDING * (abs(own) + abs(others))) / measure.lift
