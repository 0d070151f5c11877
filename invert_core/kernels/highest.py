"""The highest samples of a unit, or the lowest, and how many of them are inside an extent."""

from typing import NamedTuple, Self

import numpy as np

from invert_core.kernels._jit import inner


class Top(NamedTuple):
    """What to count from the top of their units on for F formulas.

    `is_lowest`, bool [F], says whether the top are the lowest samples. About `share`, float64 [F],
    of the samples on which a formula is defined count as the highest. `cuts`, int64 [K], are
    further numbers of samples at the top, ascending from 1 or more.
    """

    is_lowest: np.ndarray
    share: np.ndarray
    cuts: np.ndarray

    @classmethod
    def none(cls, n_formulas: int) -> Self:
        """Return what to give if no one asks for the highest samples."""
        return cls(np.zeros(n_formulas, np.bool_), np.zeros(n_formulas), np.zeros(0, np.int64))

    def take(self, formulas: slice) -> Self:
        """Return what to count for some formulas."""
        return type(self)(self.is_lowest[formulas], self.share[formulas], self.cuts)


@inner
def count_highest(inside, outside, n_groups, is_lowest, share):
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


@inner
def count_hits(inside, outside, n_groups, is_lowest, cuts, hits):
    """Fill in how many samples inside are among the n at the top, float32 [K], for each cut n.

    The arguments are those of `count_highest`. Of a tie group that is cut, the share counts; where
    there are fewer samples than n, all of them do.
    """
    before, seen, at = np.int64(0), np.int64(0), 0
    for place in range(n_groups):
        group = place if is_lowest else n_groups - 1 - place
        size = inside[group] + outside[group]
        while at < cuts.size and cuts[at] <= before + size:
            # An exact integer before the one division.
            hits[at] = (seen * size + inside[group] * (cuts[at] - before)) / size
            at += 1
        before += size
        seen += inside[group]
    hits[at:] = seen
