"""What held-out samples say of found formulas."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple, Self

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.formula.formula import Formula
from invert_core.kernels.bits import whole_set
from invert_core.kernels.highest import Top
from invert_core.kernels.placements import Placements, placements
from invert_core.search.objectives import value_of_highest
from invert_core.search.search import Units
from invert_core.settings import OF_HIGHEST
from invert_core.statistics.conditional import log10_p_given_ties
from invert_core.statistics.grouped_auc import log10_p_between_groups
from invert_core.statistics.highest import log10_p_of_hits
from invert_core.statistics.intervals import auc_interval

Columns = dict[str, np.ndarray]

_COMPARED = (
    *("auc_held_out", "auc_held_out_low", "auc_held_out_high", "score_held_out"),
    *("optimism", "log10_p_held_out"),
)
"""Columns of formulas that are true on some held-out samples and false on others."""


@dataclass(frozen=True, eq=False)
class Asked:
    """F formulas to test, in the order of their units.

    Attributes
    ----------
    unit : int64 [F]
        The position of the unit.
    formula : object [F]
        The formula as text in concept ids.
    direction, objective : object [F]
        What the search was for.
    auc, score : float64 [F]
        The AUC and the value of the objective on the searched samples.
    share : float64 [F]
        The share of the samples that are the highest, if the search asked for these.
    """

    unit: np.ndarray
    formula: np.ndarray
    direction: np.ndarray
    objective: np.ndarray
    auc: np.ndarray
    score: np.ndarray
    share: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the formulas of all parts, one part after the other."""
        return cls(
            *(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(cls))
        )

    def take(self, formulas: np.ndarray | slice) -> Self:
        """Return some of the formulas."""
        return type(self)(*(getattr(self, one.name)[formulas] for one in fields(self)))

    @property
    def is_of_highest(self) -> np.ndarray:
        """Whether only the set of the highest samples mattered to the search: bool [F]."""
        return np.isin(self.objective.astype(str), OF_HIGHEST)

    @property
    def is_negative(self) -> np.ndarray:
        """Whether the search was for what is low: bool [F]."""
        return self.direction == "negative"


@dataclass(frozen=True, eq=False)
class Unseen:
    """What held-out samples say of F formulas.

    Attributes
    ----------
    columns : dict of str to float64 array [F]
        The columns of held-out samples, NaN where there is nothing to say.
    hits : float32 [F, K]
        On how many of the samples at the top of its unit each formula is true; see `Basis`.
    """

    columns: Columns
    hits: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return what was found for all parts, one after the other."""
        columns = {
            name: np.concatenate([part.columns[name] for part in parts])
            for name in parts[0].columns
        }
        return cls(columns, np.concatenate([part.hits for part in parts]))

    def take(self, formulas: np.ndarray) -> Self:
        """Return what was found for some of the formulas, by position int64 [k]."""
        columns = {name: column[formulas] for name, column in self.columns.items()}
        return type(self)(columns, self.hits[formulas])


class Basis(NamedTuple):
    """What formulas are tested on: concepts over the held-out samples, and what is independent.

    `group` is the group of each sample, int32 [N], if groups are known to be independent; if not,
    `independent` says whether samples are. Hits are counted at `cuts`, int64 [K].
    """

    concepts: ConceptSet
    group: np.ndarray | None
    independent: bool
    cuts: np.ndarray


def tested(units: Units, first: int, asked: Asked, basis: Basis) -> Unseen:
    """Test formulas on some units, of which the first has position `first`."""
    concepts = basis.concepts
    formulas = asked.formula.tolist()
    words = {text: _words(Formula.parse(text), concepts) for text in dict.fromkeys(formulas)}
    n_words = concepts.bits.shape[1]
    extents = np.array([words[text][0] for text in formulas], np.uint64).reshape(-1, n_words)
    domains = np.array([words[text][1] for text in formulas], np.uint64).reshape(-1, n_words)
    placed = placements(
        *(units, asked.unit - first, extents, None if concepts.defined is None else domains),
        *(concepts.n_samples, basis.group, Top(asked.is_negative, asked.share, basis.cuts)),
    )
    columns = {
        "n_positive_held_out": placed.n_positive.astype(np.float64),
        "n_samples_held_out": placed.n_samples.astype(np.float64),
    }
    some = np.flatnonzero((placed.n_positive > 0) & (placed.n_positive < placed.n_samples))
    for name, values in _compared(placed.take(some), asked.take(some), basis.independent).items():
        columns[name] = np.full(len(formulas), np.nan)
        columns[name][some] = values
    return Unseen(columns, placed.hits)


def _words(formula: Formula, concepts: ConceptSet) -> tuple[np.ndarray, np.ndarray]:
    """Return where a formula is true and where it is defined, as words."""
    domain = whole_set(concepts.n_samples)
    if concepts.defined is not None:
        for id in formula.ids:
            domain = domain & concepts.defined[concepts.index(id)]
    return formula.combine(lambda id: concepts.bits[concepts.index(id)]) & domain, domain


def _compared(placed: Placements, asked: Asked, independent: bool) -> Columns:
    """Return the columns of formulas that are true on some samples and false on others."""
    n_others = placed.n_samples - placed.n_positive
    auc = placed.doubled_u / (2 * placed.n_positive * n_others)
    columns = {name: np.full(auc.size, np.nan) for name in _COMPARED}
    columns["auc_held_out"] = auc
    if independent or placed.between is not None:
        columns["auc_held_out_low"], columns["auc_held_out_high"] = auc_interval(placed)
    for test, which in ((_by_auc, ~asked.is_of_highest), (_by_highest, asked.is_of_highest)):
        at = np.flatnonzero(which)
        if at.size:
            for name, values in test(placed.take(at), asked.take(at), independent).items():
                columns[name][at] = values
    return columns | {"p_held_out": 10.0 ** columns["log10_p_held_out"]}


def _by_auc(placed: Placements, asked: Asked, independent: bool) -> Columns:
    """Return what tests formulas by their AUC."""
    auc = placed.doubled_u / (2 * placed.n_positive * (placed.n_samples - placed.n_positive))
    columns = {"optimism": np.where(asked.is_negative, -1.0, 1.0) * (asked.auc - auc)}
    if placed.between is not None:
        columns["log10_p_held_out"] = log10_p_between_groups(placed, asked.is_negative)
    elif independent:
        columns["log10_p_held_out"] = _log10_p_of_samples(placed, asked.is_negative)
    return columns


def _by_highest(placed: Placements, asked: Asked, independent: bool) -> Columns:
    """Return what tests formulas by their hits among the highest samples.

    If all values are equal, none is among the highest: the score is 0, and p is 1.
    """
    score, log10_p = np.full((2, placed.n_hits.size), np.nan)
    for name in OF_HIGHEST:
        for n_samples in np.unique(placed.n_samples).tolist():
            at = np.flatnonzero((asked.objective == name) & (placed.n_samples == n_samples))
            of_name = placed.take(at)
            counts = of_name.n_positive, of_name.n_hits, of_name.n_highest
            score[at] = value_of_highest(name, *counts, n_samples)
    if independent and placed.between is None:
        log10_p[:] = 0.0  # where no sample is higher than the others
        some = np.flatnonzero(placed.n_highest)
        tested = placed.take(some)
        log10_p[some] = log10_p_of_hits(
            tested.n_positive, tested.n_hits, tested.n_highest, tested.n_samples
        )
    return {
        "score_held_out": score,
        "optimism": asked.score - score,
        "log10_p_held_out": log10_p,
    }


def _log10_p_of_samples(placed: Placements, is_negative: np.ndarray) -> np.ndarray:
    """Return log10 of the one-sided p given the ties, of independent samples: float64 [F]."""
    rank_sum = placed.doubled_u + placed.n_positive * (placed.n_positive + 1)
    log10_p = np.zeros(len(rank_sum))
    for alternative, which in (("greater", ~is_negative), ("less", is_negative)):
        at = np.flatnonzero(which)
        log10_p[at], _ = log10_p_given_ties(
            placed.n_positive[at], rank_sum[at], at, placed.ties, alternative
        )
    return log10_p
