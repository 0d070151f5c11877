"""Results of the test of formulas by their AUC, as columns."""

from dataclasses import dataclass

import numpy as np

from invert_core.labelling.row_columns import Columns, chosen
from invert_core.statistics.conditional import METHODS
from invert_core.statistics.tails import RankSpread, z_score


@dataclass(frozen=True)
class Tested:
    """Results of F tests: of F formulas, or of one formula on F units.

    Attributes
    ----------
    columns : Columns
        The columns of `Explanation` that hold numbers.
    rung : int8 [F]
        How the p-values were computed, see `kernels.tails`.
    is_constant : bool [F]
        Whether the unit was constant, so that there was nothing to test.
    """

    columns: Columns
    rung: np.ndarray
    is_constant: np.ndarray

    def methods(self) -> np.ndarray:
        """Return the `method` of each row: the distribution that its p-value comes from."""
        return chosen(METHODS, self.rung)

    def take(self, rows: np.ndarray) -> "Tested":
        """Return some of the tests, by position int64 [k]."""
        picked = {name: column[rows] for name, column in self.columns.items()}
        return Tested(picked, self.rung[rows], self.is_constant[rows])


def tested_formulas(
    n_positive: np.ndarray,
    doubled_u: np.ndarray,
    spread: RankSpread,
    log10_p: np.ndarray,
    rung: np.ndarray,
    score: np.ndarray | float,
) -> Tested:
    """Return the results of tests of formulas.

    Parameters
    ----------
    n_positive, doubled_u : int64 [F]
        n1 and 2U of each formula.
    spread : RankSpread
        Rank spread of each formula's unit, arrays [F].
    log10_p, rung : float64 [F], int8 [F]
        Decimal logarithms of the p-values, and how they were computed.
    score : float64 [F] or NaN
        Values of what was searched for, if anything was.
    """
    found = {
        "auc": doubled_u / (2 * n_positive * (spread.n_samples - n_positive)),
        "u": doubled_u / 2.0,
        "z": z_score(doubled_u, n_positive, spread),
        "p_value": 10.0**log10_p,
        "log10_p": log10_p,
        "n_positive": n_positive,
        "n_samples": np.broadcast_to(spread.n_samples, n_positive.shape),
        "concept_fraction": n_positive / spread.n_samples,
        "score": np.broadcast_to(score, n_positive.shape),
    }
    return Tested(found, rung, spread.is_dead)


def rank_correlation(auc: np.ndarray, n_positive: np.ndarray, spread: RankSpread) -> np.ndarray:
    """Return the correlation of midranks and marks: (AUC - 1/2) sqrt(12 N n1 n0 / D).

    NaN if all values are equal; the parameters are those of `tested_formulas`.
    """
    n = np.asarray(spread.n_samples, np.float64)
    pairs = 12.0 * n * n_positive * (n - n_positive)
    is_spread = spread.d > 0.0
    share = np.full(auc.shape, np.nan)
    np.divide(pairs, spread.d, out=share, where=is_spread)
    return np.clip((auc - 0.5) * np.sqrt(share), -1.0, 1.0)
