"""The distinct formulas that a search found, in order, and which of them are reported."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from invert_core.kernels.scores import auc_of, doubled_u
from invert_core.search.search_result import SearchResult, is_new
from invert_core.settings import Settings
from invert_core.statistics.corrections import log10_p_search, n_formulas
from invert_core.statistics.tails import RankSpread


@dataclass(frozen=True, eq=False)
class Findings:
    """The F distinct formulas of a `SearchResult`, by unit and direction, best first.

    Attributes
    ----------
    unit, way : int64 [F]
        Positions of the unit and of the direction.
    sign : float64 [F]
        1 for a search for the largest AUC, -1 for the smallest.
    rank : int64 [F]
        Rank among the formulas to report, from 1; 0 for a formula that is not reported.
    place_in_beam : int64 [F]
        Place in the last beam, from 1; 0 for a formula that is not in it.
    is_best_of_length : bool [F]
        Whether it is the best formula of its length.
    length, n_positive, doubled_u : int64 [F]
        Number of literals, size of the extent, and 2U.
    auc, score, log10_p : float64 [F]
        The score is the value of the objective, for the AUC that of the search direction.
    log10_p_of_length : float64 [F]
        Decimal logarithm of p, corrected for all formulas that are not longer.
    rung : int8 [F]
        As in `SearchResult`.
    literals, connectives : int64 [F, L]
        As in `SearchResult`.
    spread : RankSpread
        Rank spread of each formula's unit, [F].
    """

    unit: np.ndarray
    way: np.ndarray
    sign: np.ndarray
    rank: np.ndarray
    place_in_beam: np.ndarray
    is_best_of_length: np.ndarray
    length: np.ndarray
    n_positive: np.ndarray
    doubled_u: np.ndarray
    auc: np.ndarray
    score: np.ndarray
    log10_p: np.ndarray
    log10_p_of_length: np.ndarray
    rung: np.ndarray
    literals: np.ndarray
    connectives: np.ndarray
    spread: RankSpread

    @classmethod
    def of(cls, result: SearchResult, settings: Settings) -> Self:
        """Put the formulas of all units in order, and choose those to report.

        A formula is worth its length, and reported, if no shorter formula is reported, or if its
        score is better than that of every shorter reported formula by at least `min_gain`. At most
        `beam` formulas are reported, the best ones.
        """
        used = np.nonzero(result.length)
        unit, way, place = used
        length, n_positive = result.length[used], result.n_positive[used]
        spread = result.spread.of_each(unit if result.spread.d.ndim == 1 else used)
        rank_sum = result.rank_sum[used]
        auc = auc_of(n_positive, rank_sum, spread.n_samples)
        signs = np.array([-1.0 if one == "negative" else 1.0 for one in settings.directions])
        score = result.score[used]
        score = np.where(np.isnan(score), signs[way] * auc, score)
        search = unit * len(signs) + way
        text = _as_text(result.literals[used], result.connectives[used])

        # The sort is stable, so the place in the beam comes before that among the lengths.
        order = np.lexsort((text, length, -score, search))
        first = np.flatnonzero(is_new(order, search, length, text))
        last = np.append(first, order.size)[1:] - 1
        rows = order[first]
        in_beam, of_length = place[rows], place[order[last]]
        log10_p = result.log10_p[used][rows]
        return cls(
            unit=unit[rows],
            way=way[rows],
            sign=signs[way[rows]],
            rank=_ranks(search[rows], length[rows], score[rows], settings),
            place_in_beam=np.where(in_beam < result.n_beam, in_beam + 1, 0),
            is_best_of_length=of_length >= result.n_beam,
            length=length[rows],
            n_positive=n_positive[rows],
            doubled_u=doubled_u(n_positive, rank_sum)[rows],
            auc=auc[rows],
            score=score[rows],
            log10_p=log10_p,
            log10_p_of_length=_within_length(log10_p, length[rows], result, settings),
            rung=result.rung[used][rows],
            literals=result.literals[used][rows],
            connectives=result.connectives[used][rows],
            spread=spread.of_each(rows),
        )

    def take(self, rows: np.ndarray) -> Self:
        """Return some of the formulas, by position or by a bool array [F]."""
        arrays = {
            one.name: getattr(self, one.name)[rows] for one in fields(self) if one.name != "spread"
        }
        return type(self)(spread=self.spread.of_each(rows), **arrays)


def _as_text(literals: np.ndarray, connectives: np.ndarray) -> np.ndarray:
    """Return bytes [F] that compare like formulas of one length: literals, then connectives.

    As one key of a sort they are far faster than 2L columns.
    """
    codes = np.concatenate([literals, connectives], axis=1, dtype=">u4", casting="unsafe")
    return codes.view(f"S{codes.shape[1] * codes.itemsize}")[:, 0]


def _within_length(
    log10_p: np.ndarray, length: np.ndarray, result: SearchResult, settings: Settings
) -> np.ndarray:
    """Correct each p for the number of possible formulas that are not longer: float64 [F]."""
    corrected = np.empty(log10_p.size)
    for n_literals in np.unique(length).tolist():
        rows = np.flatnonzero(length == n_literals)
        n_tests = n_formulas(result.n_concepts, n_literals, len(settings.directions))
        corrected[rows] = log10_p_search(10.0 ** log10_p[rows], log10_p[rows], n_tests)
    return corrected


def _ranks(
    search: np.ndarray, length: np.ndarray, score: np.ndarray, settings: Settings
) -> np.ndarray:
    """Return the rank of each formula among those to report, 0 for the others: int64 [F].

    The formulas, given by the number of their search, length and score, are in order.
    """
    is_reported = np.zeros(search.size, np.bool_)
    best_of_shorter = np.full(search.max(initial=-1) + 1, -np.inf)
    for n_literals in range(1, settings.length + 1):
        of_length = np.flatnonzero(length == n_literals)
        gain = score[of_length] - best_of_shorter[search[of_length]]
        reported = of_length[gain >= settings.min_gain]
        is_reported[reported] = True
        np.maximum.at(best_of_shorter, search[reported], score[reported])
    n_before = np.append(0, np.cumsum(is_reported))
    rank = n_before[1:] - n_before[np.searchsorted(search, search)]
    return np.where(is_reported & (rank <= settings.beam), rank, 0)
