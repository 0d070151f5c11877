"""P-values corrected for the search, which is free to choose among very many formulas."""

import logging
import math

import numpy as np

from invert_core.activations.groups import Groups
from invert_core.nulls.arrangements import PERMUTATION, SPACE, Arrangements, any_order
from invert_core.nulls.grouped import arrangements_of
from invert_core.nulls.own import Permuting
from invert_core.nulls.shared import SharedNulls, places_in
from invert_core.search.findings import Findings
from invert_core.search.search import Search
from invert_core.search.search_result import SearchResult
from invert_core.statistics.corrections import SHARE_OF_PERMUTATIONS, log10_p_search

_log = logging.getLogger("invert")


class Correct:
    """Corrects the p-values of what one search found.

    `p_search` is min(1, p_perm / 0.99, 100 p_space). p_perm is the share of searches on permuted
    samples with as small a p, the real search among them. p_space is Šidák's correction for the
    number of possible formulas. If there is nothing to find, the chance that p_search is at most a
    level is at most 0.99 of the level by the first and 0.01 of it by the second. The first is sharp
    where permutations can tell, the second goes on where they cannot. If the samples are in groups,
    `p_search` is p_perm, because the second takes samples as independent.

    The row of each rank has a null distribution of its own, and so has the headline, which is the
    best of up to L formulas by a p that is corrected for all formulas that are not longer: its
    p_space is L times this p.

    Parameters
    ----------
    search : Search
    nulls : SharedNulls
        Null distributions of the search, or of it on other samples with the same marks.
    groups : Groups or None
        The groups of the samples; None if they are independent.
    n_formulas : int
        How many formulas the search could return.
    other : Correct, optional
        Corrects what another search of the same units found; the groups are arranged alike.

    Attributes
    ----------
    search : Search
        The search whose results can be corrected: the one given, or one that also permutes units
        that need null distributions of their own.
    """

    def __init__(
        self,
        search: Search,
        nulls: SharedNulls,
        groups: Groups | None,
        n_formulas: int,
        other: "Correct | None" = None,
    ):
        self.search = search
        self._n_formulas = n_formulas
        self._n_permutations = search.settings.permutations
        self._shared = nulls
        self._of_permutations = PERMUTATION
        self._arrangements: Arrangements | None = None
        if self._n_permutations and groups is not None:
            arranged = None if other is None else other._arrangements
            self._arrangements = arranged or arrangements_of(groups, search.atoms)
            self._of_permutations = self._arrangements.correction
            self.search = Permuting(search, self._arrangements, _every_unit)
        elif self._n_permutations:

            def are_unlike_nodes(result: SearchResult) -> np.ndarray:
                return places_in(search, result).above < 0

            self.search = Permuting(search, any_order(search.n_samples), are_unlike_nodes)
        elif groups is not None and other is None:
            _log.warning(
                "With --permutations 0, p_search takes samples as independent, whatever their "
                "groups are."
            )

    def __call__(
        self, result: SearchResult, found: Findings, is_headline: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return p_search and its log10, float64 [F], and numbers of `CORRECTIONS`, int64 [F].

        Parameters
        ----------
        result : SearchResult
            All that was found for some units.
        found : Findings
            The F formulas to correct; all are reported.
        is_headline : bool [F]
            Which of them are headlines.
        """
        n_lengths = self.search.settings.length
        space = np.where(
            is_headline,
            np.minimum(0.0, found.log10_p_of_length + math.log10(n_lengths)),
            log10_p_search(10.0**found.log10_p, found.log10_p, self._n_formulas),
        )
        none = np.full(space.size, SPACE)
        if not self._n_permutations:
            return 10.0**space, space, none
        share = self._permuted(result, found, is_headline)
        if self._of_permutations != PERMUTATION:
            return share, np.log10(share), none + self._of_permutations
        log10_share = np.log10(share / SHARE_OF_PERMUTATIONS)
        log10_space = space - np.log10(1 - SHARE_OF_PERMUTATIONS)
        bounded = np.minimum(0.0, np.minimum(log10_share, log10_space))
        correction = np.where(log10_share <= log10_space, PERMUTATION, SPACE)
        return 10.0**bounded, bounded, correction

    def _permuted(
        self, result: SearchResult, found: Findings, is_headline: np.ndarray
    ) -> np.ndarray:
        """Return (1 + n_as_small) / (1 + P) of each formula."""
        beam = self.search.settings.beam
        place = np.where(is_headline, beam + found.length - 1, found.rank - 1)
        counts = result.n_as_small[found.unit, found.way, place]
        left = np.flatnonzero(counts < 0)
        if left.size:
            statistic = np.where(is_headline, found.log10_p_of_length, found.log10_p)
            counts[left] = self._shared.n_as_small(
                places_in(self.search, result),
                found.unit[left],
                np.where(is_headline, beam, found.rank - 1)[left],
                statistic[left],
            )
        return (1.0 + counts) / (1.0 + self._n_permutations)


def _every_unit(result: SearchResult) -> np.ndarray:
    return np.ones(len(result), np.bool_)
