"""Decides how samples in groups are permuted: what may change places if chance alone is at work."""

import logging
import math

import numpy as np

from invert_core.activations.groups import Groups
from invert_core.errors import DataError
from invert_core.kernels.atoms import Atoms
from invert_core.nulls.arrangements import (
    Arrangements,
    any_order_of_groups,
    exchanges,
    places_by_size,
    shifts,
)
from invert_core.settings import SIGNIFICANT
from invert_core.wording import counted

_log = logging.getLogger("invert")

_FEWEST = round(1 / SIGNIFICANT)
"""With fewer arrangements no p-value can be below the level."""
_MANY = 50.0
"""The natural logarithm of a number of arrangements that nobody needs to know exactly."""


def arrangements_of(groups: Groups, atoms: Atoms) -> Arrangements:
    """Choose how groups of samples are permuted, and say so.

    If the concepts are constant within groups, the marks of groups change places, whatever their
    sizes. Otherwise whole groups of one size change places. If there are too few arrangements of
    either kind, the samples are shifted in order, provided that the samples of each group are next
    to each other.

    Parameters
    ----------
    groups : Groups
        The groups of the samples, at least two.
    atoms : Atoms
        Samples of one atom carry the same marks.
    """
    n_groups = len(groups.names)
    _, first = np.unique(groups.number, return_index=True)
    of_group = atoms.of_sample[first]
    if np.array_equal(of_group[groups.number], atoms.of_sample):
        n_arrangements = _rounded(
            math.lgamma(n_groups + 1) - _log_orders(np.bincount(of_group).tolist())
        )
        chosen = any_order_of_groups(groups)
        what = (
            f"Labels are the same within each of the {n_groups:,} groups, so the labels of whole "
            "groups change places"
        )
    else:
        counts = [len(places) for places in places_by_size(groups)]
        n_arrangements = _rounded(_log_orders(counts))
        chosen = exchanges(groups)
        what = f"{sum(counts):,} of {n_groups:,} groups can change places with others of their size"
    if n_arrangements >= _FEWEST:
        _log.info("%s.", what)
        return chosen
    is_only = "is only" if n_arrangements == 1 else "are only"
    return _shifts(
        groups, f"there {is_only} {counted(n_arrangements, 'arrangement')} of the {n_groups} groups"
    )


def _shifts(groups: Groups, few: str) -> Arrangements:
    n_samples = groups.number.size
    n_runs = 1 + np.count_nonzero(np.diff(groups.number))
    if n_runs > len(groups.names) or n_samples < _FEWEST:
        raise DataError(
            f"Groups cannot be permuted: {few}, but {_FEWEST} are needed for a p-value below "
            f"{SIGNIFICANT:g}, and "
            + (
                f"{counted(n_samples, 'sample')} cannot be shifted in {_FEWEST} ways."
                if n_samples < _FEWEST
                else "samples can be shifted in order only if those of a group are next to each "
                "other."
            ),
            "Give smaller groups, more of them, or samples sorted by group; --permutations 0 takes "
            "samples as independent.",
        )
    _log.warning(
        "T%s, so samples are shifted in order instead, which takes for granted that activations "
        "and labels behave alike from the first sample to the last.",
        few[1:],
    )
    return shifts(n_samples)


def _log_orders(counts: list[int]) -> float:
    """Return the natural logarithm of the number of orders of sets, each by itself."""
    return sum(math.lgamma(count + 1) for count in counts)


def _rounded(logarithm: float) -> int:
    return round(math.exp(min(logarithm, _MANY)))
