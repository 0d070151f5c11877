"""What a search returns: plain integer arrays, and the formulas among them that are reported."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from invert_core.kernels.formulas import LENGTH, LITERALS, N_POSITIVE, RANK_SUM
from invert_core.kernels.scores import auc_of, doubled_u
from invert_core.kernels.ties import Ties
from invert_core.settings import Settings
from invert_core.statistics.conditional import log10_p_given_ties
from invert_core.statistics.corrections import log10_p_search, n_formulas
from invert_core.statistics.tails import RankSpread


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The formulas that a search found for K units in W directions.

    It consists of plain arrays, so that it is small, and another process can make it. Each search
    of one unit in one direction has R = B + L places for formulas of up to L literals: first the
    last beam of B formulas, best first, then the best formula of each length, shortest first. A
    place of length 0 is empty. All places of a dead unit are empty.

    Attributes
    ----------
    n_beam : int
        B; 0 for an exhaustive search.
    n_concepts : int
        Number of concepts C.
    length, n_positive, rank_sum : int64 [K, W, R]
        Number of literals, size of the extent, and the sum of the doubled midranks over it.
    literals, connectives : int64 [K, W, R, L]
        Literal 2c stands for concept c, and 2c + 1 for its negation. Connective k > 0 joins
        literal k to the formula before it: 0 is ``&``, 1 is ``|``. Unused entries are 0.
    n_scored : int64 [K, W]
        Number of formulas scored.
    gap : float64 [K, W]
        How much better, in AUC, the best possible formula can be than the best one found; NaN if
        nothing is known.
    log10_p : float64 [K, W, R]
        Decimal logarithm of the two-sided p-value, given the ties.
    rung : int8 [K, W, R]
        How this p was computed, see `kernels.tails`.
    score : float64 [K, W, R]
        Value of the objective, by which formulas are ordered, from the best on; NaN if it is the
        AUC, which `rank_sum` gives.
    n_highest : int64 [K, W]
        If the objective only asks which samples are the highest: how many they are; 0 otherwise.
    n_as_small : int64 [K, W, B + L]
        In how many searches on permutations of the unit itself the row of each rank had a p as
        small as here, or smaller; then, in how many the headline had one as small as the best
        formula of each length has here. -1 if the unit was not permuted itself.
    spread : RankSpread
        Rank spread of each unit, [K], or of each formula, [K, W, R], if formulas are compared on
        different samples.
    ties : Ties
        Tie profiles of the units over all samples.
    """

    n_beam: int
    n_concepts: int
    length: np.ndarray
    n_positive: np.ndarray
    rank_sum: np.ndarray
    literals: np.ndarray
    connectives: np.ndarray
    n_scored: np.ndarray
    gap: np.ndarray
    log10_p: np.ndarray
    rung: np.ndarray
    score: np.ndarray
    n_highest: np.ndarray
    n_as_small: np.ndarray
    spread: RankSpread
    ties: Ties

    def __len__(self) -> int:
        """Number of units."""
        return len(self.length)

    @classmethod
    def empty(
        cls, n_beam: int, n_concepts: int, settings: Settings, spread: RankSpread, ties: Ties
    ) -> Self:
        """Return a result in which every place is still empty."""
        searches = (ties.n_samples.size, len(settings.directions))
        places = (*searches, n_beam + settings.length)
        length, n_positive, rank_sum = np.zeros((3, *places), np.int64)
        literals, connectives = np.zeros((2, *places, settings.length), np.int64)
        n_scored, gap = np.zeros(searches, np.int64), np.full(searches, np.nan)
        return cls(
            n_beam=n_beam,
            n_concepts=n_concepts,
            length=length,
            n_positive=n_positive,
            rank_sum=rank_sum,
            literals=literals,
            connectives=connectives,
            n_scored=n_scored,
            gap=gap,
            log10_p=np.zeros(places),
            rung=np.zeros(places, np.int8),
            score=np.full(places, np.nan),
            n_highest=np.zeros(searches, np.int64),
            n_as_small=np.full((*searches, settings.beam + settings.length), -1),
            spread=spread,
            ties=ties,
        )

    @classmethod
    def joined(cls, results: Sequence[Self]) -> Self:
        """Return the results of one search for the units of all parts, in order."""
        if len(results) == 1:
            return results[0]
        first = results[0]
        arrays = {
            one.name: np.concatenate([getattr(result, one.name) for result in results])
            for one in fields(cls)
            if one.name not in ("n_beam", "n_concepts", "spread", "ties")
        }
        spreads = [result.spread for result in results]
        spread = RankSpread(
            first.spread.n_samples
            if np.ndim(first.spread.n_samples) == 0
            else np.concatenate([one.n_samples for one in spreads]),
            np.concatenate([one.d for one in spreads]),
        )
        ties = Ties.join([result.ties for result in results])
        return cls(
            n_beam=first.n_beam,
            n_concepts=first.n_concepts,
            spread=spread,
            ties=ties,
            **arrays,
        )

    def test(self, profile: np.ndarray, ties: Ties, rank_sum: np.ndarray | None = None) -> None:
        """Fill in the p-values of all formulas.

        `profile` int64 [K, W, R] says which tie profile of `ties` belongs to each place; `rank_sum`
        are the rank sums to test, if they are not those of the units.
        """
        used = np.nonzero(self.length)
        sums = self.rank_sum if rank_sum is None else rank_sum
        # Most formulas that are the best of their length are in the beam, too.
        first, of_place = _distinct(profile[used], self.n_positive[used], sums[used])
        tested = tuple(positions[first] for positions in used)
        log10_p, rung = log10_p_given_ties(
            self.n_positive[tested], sums[tested], profile[tested], ties
        )
        self.log10_p[used], self.rung[used] = log10_p[of_place], rung[of_place]

    def put_codes(self, units: np.ndarray, way: int, codes: np.ndarray) -> None:
        """Write the formulas of some units in one direction, given as `kernels.formulas` does.

        Parameters
        ----------
        units : int64 [k]
            Positions of the units.
        way : int
            Position of the direction.
        codes : int64 [k, R, columns]
        """
        middle = (LITERALS + codes.shape[2]) // 2
        self.length[units, way] = codes[:, :, LENGTH]
        self.n_positive[units, way] = codes[:, :, N_POSITIVE]
        self.rank_sum[units, way] = codes[:, :, RANK_SUM]
        self.literals[units, way] = codes[:, :, LITERALS:middle]
        self.connectives[units, way] = codes[:, :, middle:]

    def put(
        self,
        place: tuple[int, int, int],
        literals: Sequence[int],
        connectives: Sequence[str],
        n_positive: int,
        rank_sum: int,
    ) -> None:
        """Write one formula to a place, given by unit, direction and number."""
        self.length[place] = len(literals)
        self.n_positive[place] = n_positive
        self.rank_sum[place] = rank_sum
        self.literals[place][: len(literals)] = literals
        self.connectives[place][1 : len(literals)] = ["&|".index(one) for one in connectives]


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
        first = np.flatnonzero(_is_new(order, search, length, text))
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


def _distinct(*keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each distinct tuple of keys [F] is first, and the number of that of each."""
    order = np.lexsort(keys)
    is_new = _is_new(order, *keys)
    number = np.empty(order.size, np.int64)
    number[order] = np.cumsum(is_new) - 1
    return order[is_new], number


def _is_new(order: np.ndarray, *keys: np.ndarray) -> np.ndarray:
    """Return which places of an order have other keys than the place before: bool [F]."""
    is_new = np.ones(order.size, np.bool_)
    is_new[1:] = np.any([key[order[1:]] != key[order[:-1]] for key in keys], axis=0)
    return is_new


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
