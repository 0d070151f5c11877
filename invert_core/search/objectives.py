"""Objectives besides the AUC: what the samples score, and what a search makes of the sums."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from invert_core.kernels.atoms import Atoms
from invert_core.kernels.blocks import add_blocks
from invert_core.kernels.ranks import RankSums, StoredUnits, rank_sums
from invert_core.kernels.sample_scores import (
    ScoreSums,
    Scoring,
    n_top,
    savage_scores,
    savage_table,
    score_sums,
    top_scores,
    value_scores,
)
from invert_core.kernels.scores import Measures, score_of
from invert_core.settings import OF_HIGHEST, OF_VALUES, Settings
from invert_core.statistics.tails import RankSpread

_RANKS, _HIGHEST, _VALUES, _SAVAGE = "ranks", "highest", "values", "Savage scores"


class Scored:
    """Units scored in several ways, each when it is first asked for; scores are added over atoms.

    Parameters
    ----------
    units : floats [K, N] or StoredUnits
        Activations without NaN.
    atoms : Atoms
        The atoms of the N samples.
    wants_concepts : bool
        Whether a search of the units shall write `of_concepts`.

    Attributes
    ----------
    wants_concepts : bool
        Whether this was not done yet.
    of_concepts : int64 [K, C] or None
        Doubled midranks of each unit, added over each concept. If labels are missing, they are the
        midranks among the samples on which the concept is defined, and a concept that no formula
        may have has any number.
    """

    wants_concepts = False
    of_concepts: np.ndarray | None = None

    def __init__(
        self, units: np.ndarray | StoredUnits, atoms: Atoms, *, wants_concepts: bool = False
    ):
        self.wants_concepts = wants_concepts
        self._units = units
        self._atoms = atoms
        self._ranked: RankSums | None = None
        self._made: dict[tuple[str, bool], ScoreSums] = {}

    @property
    def ranked(self) -> RankSums:
        """The ranks of the units."""
        if self._ranked is None:
            self._ranked = rank_sums(self._units, self._atoms)
        return self._ranked

    def note_concepts(self, sums: np.ndarray) -> None:
        """Write `of_concepts`."""
        self.of_concepts, self.wants_concepts = sums, False

    def sums(self, kind: str, scoring: Scoring, is_negated: bool) -> ScoreSums:
        """Return the sums of the scores of one kind, of the units or of -1 times the units."""
        key = kind, is_negated
        if key not in self._made:
            self._made[key] = score_sums(self._units, self._atoms, scoring, is_negated)
        return self._made[key]

    def moved(self, of_block: np.ndarray, n_atoms: int) -> "Scored":
        """Return the units with their samples, which are atoms here, in other atoms.

        `of_block` int32 [B] is the atom of each of them.
        """
        return _Moved(self, of_block, n_atoms)


class Given(Scored):
    """Units whose scores are known already.

    `made` are the sums for each kind of scores, and for -1 times the units if the bool is true.
    """

    def __init__(self, ranked: RankSums, made: dict[tuple[str, bool], ScoreSums] | None = None):
        self._ranked = ranked
        self._made = made or {}


class _Moved(Scored):
    def __init__(self, scored: Scored, of_block: np.ndarray, n_atoms: int):
        self._scored, self._of_block, self._n_atoms = scored, of_block, n_atoms
        self._ranked = None
        self._made = {}

    @property
    def ranked(self) -> RankSums:
        if self._ranked is None:
            of_blocks = self._scored.ranked
            self._ranked = of_blocks._replace(sums=self._added(of_blocks.sums))
        return self._ranked

    def sums(self, kind: str, scoring: Scoring, is_negated: bool) -> ScoreSums:
        key = kind, is_negated
        if key not in self._made:
            of_blocks = self._scored.sums(kind, scoring, is_negated)
            self._made[key] = of_blocks._replace(sums=self._added(of_blocks.sums))
        return self._made[key]

    def _added(self, sums: np.ndarray) -> np.ndarray:
        return add_blocks(sums, self._of_block, self._n_atoms)


_WITHIN_1 = ("correlation", "phi", "pearson", "cosine")
MeasuresOf = Callable[[ScoreSums, int], Measures]


@dataclass(frozen=True)
class Objective:
    """What a search maximises, over N samples.

    Attributes
    ----------
    name : str
        One of `settings.OBJECTIVES`, but not "auc".
    n_samples : int
        N.
    kind : str
        The kind of scores of the samples.
    scoring : callable
        Scores the samples; ranks need none.
    measures : callable
        Returns the measures of units, given their scores and N.
    target : int
        About how many samples are the highest.
    """

    name: str
    n_samples: int
    kind: str
    scoring: Scoring | None
    measures: MeasuresOf
    target: int

    @classmethod
    def of(cls, settings: Settings, n_samples: int) -> "Objective | None":
        """Return the objective of a search by one objective, None for the AUC."""
        (name,) = settings.objectives
        if name == "auc":
            return None
        kind, measures = _TABLE[name]
        target = n_top(n_samples, settings.quantile)
        return cls(name, n_samples, kind, _scoring(kind, n_samples, target), measures, target)

    @property
    def is_of_highest(self) -> bool:
        """Whether only the set of the highest samples matters, so that p-values follow from it."""
        return self.name in OF_HIGHEST

    @property
    def is_of_values(self) -> bool:
        """Whether the activations themselves matter, and not only their order."""
        return self.name in OF_VALUES

    @property
    def scores_ranks(self) -> bool:
        """Whether the scores are the ranks themselves."""
        return self.kind == _RANKS

    def sums(self, scored: Scored, is_negated: bool, sizes: np.ndarray) -> ScoreSums:
        """Return the sums of the scores of units over atoms of some sizes, int64 [S]."""
        if self.scoring is not None:
            return scored.sums(self.kind, self.scoring, is_negated)
        sums, tie_sums, _ = scored.ranked
        if is_negated:
            # The ranks of a sample, from below and from above, add up to N + 1.
            sums = 2 * (self.n_samples + 1) * sizes - sums
        deviation = np.sqrt(RankSpread.of_units(self.n_samples, tie_sums).d / 3.0)
        total = np.full(len(sums), self.n_samples * (self.n_samples + 1))
        return ScoreSums(sums, total, deviation, np.zeros(len(sums)))

    def value(self, score: np.ndarray) -> np.ndarray:
        """Return the value of the objective, given that of its measure."""
        return _value(self.name, score)


def _value(name: str, score: np.ndarray) -> np.ndarray:
    if name == "iou":
        # It orders formulas as F1 does, of which it is a function.
        return score / (2.0 - score)
    # Rounding can take a perfect correlation a little beyond 1.
    return np.clip(score, -1.0, 1.0) if name in _WITHIN_1 else score


def share_of_highest(n_samples: int, quantile: float) -> float:
    """Return about which share of the samples of a search are the highest."""
    return n_top(n_samples, quantile) / n_samples


def value_of_highest(
    name: str, n_positive: np.ndarray, hits: np.ndarray, n_highest: np.ndarray, n_samples: int
) -> np.ndarray:
    """Return the value of an objective that only asks which samples are the highest.

    Parameters
    ----------
    name : str
        One of `settings.OF_HIGHEST`.
    n_positive, hits, n_highest : int64 [F]
        How many samples are inside each formula, how many of these are among the highest, and how
        many samples are.
    n_samples : int
        N.

    Returns
    -------
    float64 [F]
        0 where none of the samples is higher than the others: nothing of what was found is there.
    """
    of = ScoreSums(hits[:, None], n_highest, _deviation(n_highest, n_samples), 0.0 * n_highest)
    _, measures = _TABLE[name]
    with np.errstate(invalid="ignore", divide="ignore"):
        score = score_of(n_positive, hits, 1.0, n_samples, measures(of, n_samples))
    return np.where(n_highest > 0, _value(name, score), 0.0)


def _deviation(n_highest: np.ndarray, n_samples: int) -> np.ndarray:
    """Return the root of the sum of squared deviations of marks of the highest samples."""
    return np.sqrt(n_highest * (n_samples - n_highest) / n_samples)


def given_highest(
    ranked: RankSums, counts: dict[bool, np.ndarray], n_drawn: int, n_samples: int
) -> Scored:
    """Return units of which only the highest samples, or the lowest, are asked for.

    `counts` are the samples among them over the atoms, int64 [K, S], keyed by whether they are the
    lowest; there are `n_drawn`.
    """
    total = np.full(len(ranked.sums), n_drawn)
    deviation = _deviation(total, n_samples)
    made = {
        (_HIGHEST, is_lowest): ScoreSums(sums, total, deviation, np.zeros(total.size))
        for is_lowest, sums in counts.items()
    }
    return Given(ranked, made)


def _scoring(kind: str, n_samples: int, target: int) -> Scoring | None:
    if kind == _HIGHEST:
        return top_scores(target)
    if kind == _SAVAGE:
        return savage_scores(savage_table(n_samples))
    return value_scores if kind == _VALUES else None


def _centred(of: ScoreSums, n_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return `lift` and `shift` of lift (S - n T / N), exact integers where they can be."""
    is_whole = of.total % n_samples == 0
    lift = np.where(is_whole, 1.0, float(n_samples))
    return lift, of.total / np.where(is_whole, n_samples, 1)


def _correlation(of: ScoreSums, n_samples: int) -> Measures:
    """(S - n T / N) / sqrt(n (N - n) / N * sum of squared deviations)."""
    lift, shift = _centred(of, n_samples)
    scale = lift * of.deviation / math.sqrt(n_samples)
    return _between(of, lift, shift, scale, n_samples)._replace(is_root=True)


def _difference(of: ScoreSums, n_samples: int) -> Measures:
    """(S / n - (T - S) / (N - n)) / standard deviation."""
    lift, shift = _centred(of, n_samples)
    scale = lift * of.deviation / (n_samples * math.sqrt(n_samples))
    return _between(of, lift, shift, scale, n_samples)


def _between(
    of: ScoreSums, lift: np.ndarray, shift: np.ndarray, scale: np.ndarray, n_samples: int
) -> Measures:
    """Return measures with g = n (N - n)."""
    zeros = np.zeros(of.total.size)
    rest, slope = zeros + n_samples, zeros - 1.0
    return Measures(of.total, lift, shift, scale, zeros, rest, slope, is_root=False)


def _overlap(of: ScoreSums, n_samples: int) -> Measures:
    """2 S / (T + n)."""
    zeros = np.zeros(of.total.size)
    ones = zeros + 1.0
    return Measures(of.total, ones, zeros, zeros + 0.5, of.total * 1.0, ones, zeros, False)


def _cosine(of: ScoreSums, n_samples: int) -> Measures:
    """Sum of activations / (norm of activations * sqrt(n))."""
    zeros = np.zeros(of.total.size)
    ones = zeros + 1.0
    mean = of.total / n_samples - of.origin
    norm = np.sqrt(of.deviation * of.deviation + n_samples * (mean * mean))
    return Measures(of.total, ones, of.origin, norm, zeros, ones, zeros, True)


_TABLE: dict[str, tuple[str, MeasuresOf]] = {
    "correlation": (_RANKS, _correlation),
    "phi": (_HIGHEST, _correlation),
    "iou": (_HIGHEST, _overlap),
    "f1": (_HIGHEST, _overlap),
    "mad": (_VALUES, _difference),
    "pearson": (_VALUES, _correlation),
    "cosine": (_VALUES, _cosine),
    "top": (_SAVAGE, _difference),
}
"""The kind of scores and the measures of each objective."""
