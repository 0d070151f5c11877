"""P-values corrected for the search, which is free to choose among very many formulas."""

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.nulls.shared import SharedNulls
from invert_core.search.search import Search
from invert_core.search.search_result import Findings, SearchResult
from invert_core.statistics.corrections import log10_p_search

SPACE, PERMUTATION, GROUPS, SHIFT = range(4)
CORRECTIONS = ("space", "permutation", "group permutation", "shift")
"""The values of the column `correction` of rows that were searched."""

_OF_PERMUTATIONS = 0.99
"""The share of the level that is spent on permutations; the rest is spent on the space."""


class Correct:
    """Corrects the p-values of what one search found.

    `p_search` is min(1, p_perm / 0.99, 100 p_space). p_perm is the share of searches on permuted
    samples with as small a p, the real search among them. p_space is Šidák's correction for the
    number of possible formulas. If there is nothing to find, the chance that p_search is at most a
    level is at most 0.99 of the level by the first and 0.01 of it by the second. The first is sharp
    where permutations can tell, the second goes on where they cannot.

    Parameters
    ----------
    search : Search
    concepts : ConceptSet
        The concepts of the search.
    n_formulas : int
        How many formulas the search could return.
    n_threads : int
        Number of threads for permuted searches.
    """

    def __init__(self, search: Search, concepts: ConceptSet, n_formulas: int, n_threads: int):
        self._n_formulas = n_formulas
        self._n_permutations = search.settings.permutations
        self._shared = SharedNulls(search, concepts, n_threads)

    def __call__(self, result: SearchResult, found: Findings) -> tuple[np.ndarray, np.ndarray]:
        """Return log10 p_search, float64 [F], and numbers of `CORRECTIONS`, int64 [F].

        Parameters
        ----------
        result : SearchResult
            All that was found for some units.
        found : Findings
            The F formulas to correct; all are reported.
        """
        space = log10_p_search(10.0**found.log10_p, found.log10_p, self._n_formulas)
        none = np.full(space.size, SPACE)
        if not self._n_permutations:
            return space, none
        log10_share = self._permuted(result, found) - np.log10(_OF_PERMUTATIONS)
        bounded = np.minimum(0.0, np.minimum(log10_share, space - np.log10(1 - _OF_PERMUTATIONS)))
        return bounded, np.where(log10_share <= bounded + 1e-12, PERMUTATION, SPACE)

    def _permuted(self, result: SearchResult, found: Findings) -> np.ndarray:
        """Return the decimal logarithm of (1 + n_as_small) / (1 + P) of each formula."""
        own = result.n_as_small[found.unit, found.way, found.rank - 1]
        counts = own.copy()
        left = np.flatnonzero(own < 0)
        if left.size:
            counts[left] = self._shared.n_as_small(
                result.ties, found.unit[left], found.rank[left], found.log10_p[left]
            )
        counts = np.where(counts < 0, self._n_permutations, counts)
        return np.log10((1.0 + counts) / (1.0 + self._n_permutations))
