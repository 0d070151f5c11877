"""How far labels agree with what is known: the same samples, and the samples that fire most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from invert_core.results.columns import Explanation, Label
from invert_core.results.labels import Labels
from invert_core.settings import Settings

HIGH_AUC = 0.95
"""An AUC from which on readers take a label for what the unit detects."""

Neuron = tuple[str, int]
"""Layer and number of a unit."""


class Rule(NamedTuple):
    """Which row is the label of its unit: the first by an objective, or its headline."""

    objective: str
    takes_headline: bool

    def chosen(self, labels: Labels) -> dict[Neuron, Label]:
        """Return the label of each unit."""
        return {
            (row.layer, row.unit): row
            for row in labels
            if row.objective == self.objective
            and (row.headline if self.takes_headline else row.rank == 1)
        }


RULES = {
    1: {"AUC, L = 1": Rule("auc", False), "peak, L = 1": Rule("phi", False)},
    3: {
        "AUC, rank 1, L = 3": Rule("auc", False),
        "AUC, headline, L = 3": Rule("auc", True),
        "peak, rank 1, L = 3": Rule("phi", False),
        "peak, headline, L = 3": Rule("phi", True),
    },
}
"""The rules that are compared, by the most literals of a formula and by name."""
OBJECTIVES = ("auc", "phi")


def settings_of(length: int, **given: object) -> Settings:
    """Return the settings of a search for labels by all rules of a length."""
    return Settings(length=length, objective=OBJECTIVES, **given)


def jaccard(one: np.ndarray, other: np.ndarray) -> float:
    """Return the share of the samples in either extent that lie in both; bool [N] each.

    >>> jaccard(np.array([True, True, False]), np.array([True, False, False]))
    0.5
    """
    return float(np.count_nonzero(one & other) / np.count_nonzero(one | other))


def share_at_top(values: np.ndarray, extent: np.ndarray, count: int) -> float:
    """Return the share of the `count` samples of the highest values that lie in an extent.

    Of samples that tie at the cut, each is as likely to be among them as the others.

    >>> share_at_top(np.array([3.0, 1.0, 1.0, 0.0]), np.array([True, True, False, False]), 2)
    0.75
    """
    cut = np.partition(values, values.size - count)[values.size - count]
    above, tied = values > cut, values == cut
    left = count - np.count_nonzero(above)
    hits = np.count_nonzero(extent & above) + left * np.mean(extent[tied])
    return float(hits / count)


@dataclass(frozen=True)
class Agreement:
    """A label beside what is known about its unit.

    `at_top` is the share of the n highest samples inside the label, n being the label's size.
    """

    label: str
    auc: float
    jaccard: float
    at_top: float

    @classmethod
    def of(
        cls, found: Explanation, extent: np.ndarray, truth: np.ndarray, values: np.ndarray
    ) -> "Agreement":
        """Compare the extent of a formula with the true one, and with the activations [N]."""
        at_top = share_at_top(values, extent, found.n_positive)
        return cls(found.label, found.auc, jaccard(extent, truth), at_top)


def summary(found: Sequence[Agreement]) -> Mapping[str, str]:
    """Return what a table says about the labels of several units."""
    high = [one for one in found if one.auc >= HIGH_AUC]
    missing = sum(one.at_top < 0.5 for one in high)
    return {
        "units": str(len(found)),
        "same samples": f"{np.mean([one.jaccard == 1 for one in found]):.3f}",
        "mean Jaccard": f"{np.mean([one.jaccard for one in found]):.3f}",
        f"AUC from {HIGH_AUC}": str(len(high)),
        "of these miss the top": str(missing),
    }
