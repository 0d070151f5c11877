"""The beam search for objectives other than the AUC."""

from collections.abc import Iterable

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.kernels.beam_search import search_units
from invert_core.kernels.bits import whole_set
from invert_core.kernels.formulas import LENGTH, N_POSITIVE, RANK_SUM, add_over_extents
from invert_core.kernels.jobs import DENSE_MEASURED_SEARCH, MEASURED_SEARCH
from invert_core.kernels.sample_scores import ScoreSums
from invert_core.kernels.scores import score_of
from invert_core.kernels.sums import concept_sums
from invert_core.kernels.ties import Ties
from invert_core.search.beam_search import BeamSearch, most_separated
from invert_core.search.objectives import Objective, Scored
from invert_core.search.search import UNWATCHED, Watch
from invert_core.search.search_result import SearchResult
from invert_core.settings import Settings
from invert_core.statistics.highest import rank_sum_of_highest, ties_of_highest
from invert_core.statistics.tails import RankSpread


class MeasuredSearch(BeamSearch):
    """A beam search by one objective that is not the AUC; the parameters are those of `BeamSearch`.

    In direction "negative" it searches -1 times the activations.
    """

    _JOBS = MEASURED_SEARCH, DENSE_MEASURED_SEARCH

    def __init__(
        self,
        concepts: ConceptSet,
        settings: Settings,
        dtypes: Iterable[np.dtype] = (),
        other: BeamSearch | None = None,
    ):
        objective = Objective.of(settings, concepts.n_samples)
        assert objective is not None
        self._objective = objective
        super().__init__(concepts, settings, dtypes, other)

    @property
    def objective(self) -> Objective:
        """What is maximised."""
        return self._objective

    def explain_scored(self, scored: Scored, watch: Watch = UNWATCHED) -> SearchResult:
        """Search units whose scores are added over the atoms of this search."""
        ranks, tie_sums, ties = scored.ranked
        spread = RankSpread.of_units(self.n_samples, tie_sums)
        result = SearchResult.empty(self.n_beam, self.n_concepts, self.settings, spread, ties)
        alive = np.flatnonzero(~spread.is_dead)
        profile = np.broadcast_to(np.arange(len(ranks))[:, None, None], result.length.shape).copy()
        profiles, tested = [ties], np.zeros(result.length.shape, np.int64)
        for way, sign in enumerate(self.signs):
            sums = self._objective.sums(scored, sign < 0, self._atoms.sizes).take(alive)
            codes = self._searched_by(sums, alive, way, result)
            of_way = codes[:, :, RANK_SUM].copy()
            codes[:, :, RANK_SUM] = self._rank_sums(codes, ranks[alive], sign)
            result.put_codes(alive, way, codes)
            if self._objective.is_of_highest:
                # All highest samples are tied, and so are all others.
                profile[alive, way] = len(ranks) * len(profiles) + np.arange(alive.size)[:, None]
                n_highest = np.ones(len(ranks), np.int64)
                n_highest[: alive.size] = sums.total
                profiles.append(ties_of_highest(n_highest, self.n_samples))
                tested[alive, way] = rank_sum_of_highest(
                    codes[:, :, N_POSITIVE], of_way, sums.total[:, None], self.n_samples
                )
                result.n_highest[alive, way] = sums.total
            else:
                tested[alive, way] = codes[:, :, RANK_SUM]
        if scored.wants_concepts:
            sums = concept_sums(ranks[alive], self._index, self._index.dense)
            self.note_concepts(scored, alive, sums)
        result.test(profile, Ties.join(profiles), tested)
        return result

    def _searched_by(
        self, sums: ScoreSums, alive: np.ndarray, way: int, result: SearchResult
    ) -> np.ndarray:
        """Search living units, note scores and counts, and return the formulas with their sums."""
        measures = self._objective.measures(sums, self.n_samples)
        searched = self._most_different(sums)
        made = search_units(sums.sums, self._index, searched, self._limits, measures)
        codes, result.n_scored[alive, way] = made.codes, made.n_scored
        unit, place = used = np.nonzero(codes[:, :, LENGTH])
        found = codes[used]
        score = score_of(
            *(found[:, N_POSITIVE], found[:, RANK_SUM], 1.0, self.n_samples), measures.take(unit)
        )
        result.score[alive[unit], way, place] = self._objective.value(score)
        return codes

    def _rank_sums(self, codes: np.ndarray, ranks: np.ndarray, sign: float) -> np.ndarray:
        """Return the sums of the doubled midranks over the extents of formulas: int64 [k, R]."""
        if self._objective.scores_ranks:
            sums = codes[:, :, RANK_SUM]
            if sign > 0:
                return sums
            return 2 * (self.n_samples + 1) * codes[:, :, N_POSITIVE] - sums
        sums = np.empty(codes.shape[:2], np.int64)
        whole = whole_set(self._atoms.sizes.size)
        add_over_extents(codes, self._index.bits, whole, ranks, np.empty_like(whole), sums)
        return sums

    def _most_different(self, sums: ScoreSums) -> np.ndarray:
        """Return the concepts that are joined from step 2 on: bool [K, C], or [1, C] for all.

        They have the largest difference of the mean scores inside and outside, as for the AUC.
        """
        counts = self._index.counts
        if self._limits.n_searched == counts.size:
            return np.ones((1, counts.size), np.bool_)
        inside = concept_sums(sums.sums, self._index, self._index.dense)
        with np.errstate(invalid="ignore", divide="ignore"):
            outside = sums.total[:, None] - inside
            difference = inside / counts - outside / (self.n_samples - counts)
        return most_separated(0.5 + difference, self._limits.n_searched)
