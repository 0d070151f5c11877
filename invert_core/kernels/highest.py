"""The highest samples of a unit, or the lowest, and how many of them are inside an extent."""

from typing import NamedTuple, Self

import numpy as np

from invert_core.kernels._jit import inner


class Top(NamedTuple):
    """Which samples of their units are at the top for F formulas; arrays [F].

    `is_lowest`, bool, says whether the top are the lowest samples. About `share`, float64, of the
    samples on which a formula is defined count as the highest.
    """

    is_lowest: np.ndarray
    share: np.ndarray

    @classmethod
    def none(cls, n_formulas: int) -> Self:
        """Return what to give if no one asks for the highest samples."""
        return cls(np.zeros(n_formulas, np.bool_), np.zeros(n_formulas))

    def take(self, formulas: slice) -> Self:
        """Return those of some formulas."""
        return type(self)(self.is_lowest[formulas], self.share[formulas])


@inner
def count_highest(inside, outside, n_groups, share, is_lowest):
    """Return how many samples are the highest, and how many of them are inside.

    The samples inside and outside are counted in each group of equal values, ascending; a group may
    be empty. The cut falls between two groups as that of `sample_scores.top_scores` does.
    """
    n_samples = inside[:n_groups].sum() + outside[:n_groups].sum()
    target = max(1, round(share * n_samples))
    n_above, hits_above, n_from, hits = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    for place in range(n_groups):
        group = place if is_lowest else n_groups - 1 - place
        n_above, hits_above = n_from, hits
        n_from += inside[group] + outside[group]
        hits += inside[group]
        if n_from >= target:
            break
    if n_from == n_samples or (n_above > 0 and target * target <= n_above * n_from):
        return n_above, hits_above
    return n_from, hits
