"""What a search returns: plain integer arrays."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from invert_core.kernels.formulas import LENGTH, LITERALS, N_POSITIVE, RANK_SUM
from invert_core.kernels.ties import Ties
from invert_core.settings import Settings
from invert_core.statistics.conditional import log10_p_given_ties
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


def _distinct(*keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each distinct tuple of keys [F] is first, and the number of that of each."""
    order = np.lexsort(keys)
    is_first = is_new(order, *keys)
    number = np.empty(order.size, np.int64)
    number[order] = np.cumsum(is_first) - 1
    return order[is_first], number


def is_new(order: np.ndarray, *keys: np.ndarray) -> np.ndarray:
    """Return which places of an order have other keys than the place before: bool [F]."""
    differs = np.ones(order.size, np.bool_)
    differs[1:] = np.any([key[order[1:]] != key[order[:-1]] for key in keys], axis=0)
    return differs
