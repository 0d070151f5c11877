"""AUC and the Mann-Whitney U test on arrays, for many units and many labels at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from invert_core.activations.dense import read_units
from invert_core.errors import DataError
from invert_core.kernels.atoms import Atoms
from invert_core.kernels.bits import pack_columns
from invert_core.kernels.ranks import rank_sums
from invert_core.kernels.sums import LabelIndex, concept_sums, index_by_atoms
from invert_core.parallel import n_threads
from invert_core.statistics.conditional import log10_p_given_ties
from invert_core.statistics.tails import ALTERNATIVES, RankSpread, p_values, z_score
from invert_core.values import as_labels, as_matrix, as_rows, find_nan
from invert_core.wording import choice

METHODS = ("normal", "conditional")
_VALUES_AT_ONCE = 2**22
"""The most activations that one thread ranks at once.

Samples lie one after the other, so that reading few units at once would load the same memory often.
"""


class MannWhitney(NamedTuple):
    """The result of `mann_whitney`; all fields have the same shape."""

    u: np.ndarray
    """U of the samples inside the label, ties counting one half."""
    auc: np.ndarray
    """The AUC, U / (n1 n0)."""
    z: np.ndarray
    """Standard score: sign(U - mu) max(0, |U - mu| - 1/2) / sigma, whatever the alternative."""
    p_value: np.ndarray
    """P-value of the chosen alternative."""
    log10_p: np.ndarray
    """Decimal logarithm of the p-value, finite even if the p-value underflows to 0."""


def auc(activations: npt.ArrayLike, labels: npt.ArrayLike) -> np.ndarray:
    """Return the area under the ROC curve of activations as scores for labels, with ties.

    The AUC is the probability that a sample inside the label has a higher activation than one
    outside, ties counting one half. It is U / (n1 n0) of the Mann-Whitney test, computed by one
    float64 division of two exact integers. Constant activations have 0.5.

    Parameters
    ----------
    activations : float [N] or [N, K]
        One column per unit. Infinities are ranked, and -0.0 equals 0.0.
    labels : bool or 0/1 [N] or [N, C]
        One column per label. Each label is true on some samples and false on others. If both are
        pandas objects, they are matched by their indexes.

    Returns
    -------
    float64 [], [K], [C] or [K, C]
        One AUC for each unit and label; an input [N] has no axis of its own.

    Raises
    ------
    DataError
        An activation is NaN, a dtype or shape does not fit, or a label is true everywhere or
        nowhere.

    Examples
    --------
    >>> from invert_core import auc
    >>> float(auc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]))
    0.75
    """
    return mann_whitney(activations, labels).auc


def mann_whitney(
    activations: npt.ArrayLike,
    labels: npt.ArrayLike,
    alternative: str = "two-sided",
    jobs: int | None = None,
    method: str = "normal",
) -> MannWhitney:
    """Test activations inside a label against those outside with the Mann-Whitney U test.

    By default, the result equals ``scipy.stats.mannwhitneyu(inside, outside, alternative=...,
    method="asymptotic")``: the normal approximation, corrected for ties and continuity. Where most
    activations are equal, or a label holds on few samples, it can be wrong by many orders of
    magnitude, and ``method="conditional"`` is right. Each unit is sorted only once for all labels.

    Parameters
    ----------
    activations, labels
        As for `auc`.
    alternative : {"two-sided", "less", "greater"}
        The alternative hypothesis; "greater" means that activations inside the label tend to be
        larger.
    jobs : int, optional
        Number of threads; None takes all cores. Results do not depend on it.
    method : {"normal", "conditional"}
        How p-values are found. "conditional" is the exact null distribution given the ties: of all
        labels with as many samples, the share that has such a U or a more extreme one. It is
        counted, or computed to within 0.1 in log10 p by the double saddlepoint approximation
        (Booth and Butler, "Randomization distributions and saddlepoint approximations in
        generalized linear models", Biometrika 77, 1990). Two-sided, p is twice the tail on the
        side of U, and at most 1.

    Returns
    -------
    MannWhitney
        A named tuple of float64 arrays [], [K], [C] or [K, C].

    Raises
    ------
    DataError
        As for `auc`.
    SettingError
        `alternative` or `method` is none of those above.

    Examples
    --------
    >>> from invert_core import mann_whitney
    >>> test = mann_whitney([5.0, 6.0, 7.0, 1.0, 2.0, 3.0], [1, 1, 1, 0, 0, 0], "greater")
    >>> float(test.u), round(float(test.p_value), 4)
    (9.0, 0.0404)

    That is the largest U, which 1 of 20 labels has:

    >>> ranked = [5.0, 6.0, 7.0, 1.0, 2.0, 3.0]
    >>> test = mann_whitney(ranked, [1, 1, 1, 0, 0, 0], "greater", method="conditional")
    >>> round(float(test.p_value), 12)
    0.05
    """
    if alternative not in ALTERNATIVES:
        raise choice("alternative", alternative, ALTERNATIVES)
    if method not in METHODS:
        raise choice("method", method, METHODS)
    jobs = n_threads(jobs)
    rows, _ = as_rows({"activations": activations, "labels": labels}, "the {}".format)
    matrix, one_unit = as_matrix(rows["activations"])
    table, one_label = as_labels(rows["labels"])
    n_samples, n_units = matrix.shape
    if table.shape[0] != n_samples:
        raise DataError(
            f"There are {n_samples} activations but {table.shape[0]} labels.",
            "Give one label per sample, along the first axis.",
        )
    test = _Test(matrix, *_indexed(table), alternative, method)
    # Four pieces for each thread: the first runs alone, and the last may take longer.
    size = max(1, min(_VALUES_AT_ONCE // n_samples, n_units // (4 * jobs)))
    pieces = [range(start, min(start + size, n_units)) for start in range(0, n_units, size)]
    with ThreadPoolExecutor(jobs) as pool:
        # The first piece runs alone, so that no two threads compile the same kernel.
        parts = [test.of(pieces[0]), *pool.map(test.of, pieces[1:])]
    picked = (0 if one_unit else slice(None), 0 if one_label else slice(None))
    return MannWhitney(*(np.concatenate(of_field)[picked] for of_field in zip(*parts, strict=True)))


def _indexed(table: np.ndarray) -> tuple[Atoms, LabelIndex]:
    """Index the labels bool [N, C], each of which must be true on some samples only."""
    n_samples = len(table)
    atoms, index = index_by_atoms(pack_columns(table), n_samples)
    empty = np.flatnonzero((index.counts == 0) | (index.counts == n_samples))
    if empty.size:
        where = "nowhere" if index.counts[empty[0]] == 0 else "everywhere"
        raise DataError(
            f"Label {empty[0]} is true {where}, so there is nothing to compare.",
            "Leave it out.",
        )
    return atoms, index


@dataclass(frozen=True, eq=False)
class _Test:
    """The test of activations [N, K] and indexed labels."""

    matrix: np.ndarray
    atoms: Atoms
    index: LabelIndex
    alternative: str
    method: str

    def of(self, units: range) -> MannWhitney:
        """Test some units: arrays [k, C]."""
        values = read_units(self.matrix, units)
        nan = find_nan(values)
        if nan is not None:
            raise DataError(
                f"The activations are NaN at unit {units[nan[0]]}, sample {nan[1]}.",
                "Leave such samples out, or find out why the model produces NaN.",
            )
        n_samples, n_positive = len(self.matrix), self.index.counts
        ranked = rank_sums(values, self.atoms)
        rank_sum = concept_sums(ranked.sums, self.index, self.index.dense)
        doubled = rank_sum - n_positive * (n_positive + 1)
        spread = RankSpread.of_units(n_samples, ranked.tie_sums).of_each(np.s_[:, None])
        if self.method == "normal":
            p_value, log10_p = p_values(doubled, n_positive, spread, self.alternative)
        else:
            unit = np.arange(len(values))[:, None]
            log10_p, _ = log10_p_given_ties(
                n_positive, rank_sum, unit, ranked.ties, self.alternative
            )
            p_value = 10.0**log10_p
        return MannWhitney(
            u=doubled / 2.0,
            auc=doubled / (2 * n_positive * (n_samples - n_positive)),
            z=z_score(doubled, n_positive, spread),
            p_value=p_value,
            log10_p=log10_p,
        )
