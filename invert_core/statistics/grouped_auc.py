"""What groups of samples say of an AUC: its variance, and a test against one half.

Groups are independent of each other; the samples of a group need not be.
"""

import math

import numpy as np

from invert_core.kernels.placements import Placements
from invert_core.statistics.student import log_upper_tail_t

FEWEST = 2
"""From fewer groups with samples inside the formula, or outside, nothing is inferred."""
_LEAST_FREEDOM = 0.5
_ROUNDING = 1e-14
"""A standard error this small is rounding: the samples of all groups say the same."""


def are_enough(placed: Placements) -> np.ndarray:
    """Return whether at least two groups have samples inside, and two outside: bool [F]."""
    assert placed.between is not None
    return np.minimum(placed.between.n_inside, placed.between.n_outside) >= FEWEST


def grouped_variance(placed: Placements) -> np.ndarray:
    """Return Obuchowski's estimate of the variance of each AUC: float64 [F].

    Let a group deviate by a, the sum of what the placements of its samples inside the extent, as
    shares, differ from the AUC, divided by the number of all samples inside, and by b likewise for
    those outside. The variance is

        I10 / (I10 - 1) sum(a**2) + I01 / (I01 - 1) sum(b**2) + 2 I / (I - 1) sum(a b),

    where I10, I01 and I are the numbers of groups that have samples inside, outside, and either. If
    each sample is a group, this is DeLong's variance. Obuchowski, "Nonparametric analysis of
    clustered ROC curve data", Biometrics 53 (1997). It is NaN with fewer than two groups inside or
    outside.

    Parameters
    ----------
    placed : Placements
        Formulas that are true on some samples and false on others, compared between groups.
    """
    between = placed.between
    assert between is not None
    with np.errstate(divide="ignore", invalid="ignore"):
        inside, outside, both = (
            np.where(n >= FEWEST, n / (n - 1), np.nan)
            for n in (between.n_inside, between.n_outside, between.n_groups)
        )
    # With 2 a b as (a + b)**2 - a**2 - b**2, no weight is negative, so that nothing cancels.
    total = (
        both * between.spread_both
        + (inside - both) * between.spread_inside
        + (outside - both) * between.spread_outside
    )
    return total / _doubled_pairs(placed) ** 2


def log10_p_between_groups(placed: Placements, is_negative: np.ndarray) -> np.ndarray:
    """Return log10 p of the test that an AUC is above one half, or below: float64 [F].

    It is a t test of the logit of the AUC by `grouped_variance`. The degrees of freedom are one
    less than the effective number of groups inside or outside, whichever is smaller, and at least
    a half. Where all groups say the same or the AUC is 0 or 1, so that this variance says nothing,
    the AUC itself is tested, by the variance that it would have if each group were one sample and
    the AUC one half. It is NaN where groups are too few; see `are_enough`.

    Parameters
    ----------
    placed : Placements
        As for `grouped_variance`.
    is_negative : bool [F]
        Whether to test for an AUC below one half.
    """
    between = placed.between
    assert between is not None
    found = np.full(len(is_negative), np.nan)
    some = np.flatnonzero(are_enough(placed))
    doubled_pairs = _doubled_pairs(placed)[some]
    auc = placed.doubled_u[some] / doubled_pairs
    other = (doubled_pairs - placed.doubled_u[some]) / doubled_pairs
    n_inside, n_outside = between.effective_inside[some], between.effective_outside[some]
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(grouped_variance(placed)[some])
        z = np.log(auc / other) * auc * other / error
        of_groups = (auc - 0.5) / np.sqrt((n_inside + n_outside + 1) / (12 * n_inside * n_outside))
    varies = (error > _ROUNDING) & (auc > 0) & (other > 0)
    t = np.where(varies, z, of_groups) * np.where(is_negative[some], -1, 1)
    freedom = np.maximum(np.minimum(n_inside, n_outside) - 1.0, _LEAST_FREEDOM)
    found[some] = log_upper_tail_t(t, freedom) / math.log(10)
    return found


def _doubled_pairs(placed: Placements) -> np.ndarray:
    return 2 * placed.n_positive * (placed.n_samples - placed.n_positive)
