"""Null distributions that all units with like ties share."""

import functools
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.kernels.atoms import Atoms
from invert_core.kernels.jobs import CODES_OF_FLOAT64, DRAWS
from invert_core.kernels.ranks import RankSums
from invert_core.kernels.shuffles import drawn_counts, shuffled_sums
from invert_core.kernels.warm_up import compile_jobs
from invert_core.nulls.kept import Kept
from invert_core.nulls.nodes import Node, Places, places_of, places_of_highest, profile_of
from invert_core.nulls.statistic import n_as_small, row_statistics
from invert_core.parallel import step
from invert_core.search.complete_search import CompleteSearch
from invert_core.search.objectives import Given, Objective, Scored, given_highest
from invert_core.search.search import Search
from invert_core.search.search_result import SearchResult
from invert_core.settings import Settings

_STREAM = 5
"""Besides the seed: random numbers for other purposes must not be the same."""


class SharedNulls:
    """Null distributions of a search, each computed when the first unit needs it.

    Parameters
    ----------
    search : Search
    concepts : ConceptSet
        The concepts of the search.
    n_threads : int
        Number of threads; results do not depend on it.
    """

    def __init__(self, search: Search, concepts: ConceptSet, n_threads: int):
        self._search = search
        self._settings = search.settings
        self._n_threads = n_threads
        random = np.random.default_rng((self._settings.seed, _STREAM))
        self._seeds = random.bit_generator.random_raw(self._settings.permutations)
        self._kept = Kept(_identity(concepts, self._settings))
        self._nulls: dict[Node, np.ndarray] = {}

    def n_as_small(
        self, places: Places, unit: np.ndarray, column: np.ndarray, log10_p: np.ndarray
    ) -> np.ndarray:
        """Count the permuted searches with a statistic as small as that of each row, or smaller.

        Parameters
        ----------
        places : Places
            Where the units lie between the nodes; see `places_in`.
        unit, column, log10_p : int64 [F], int64 [F], float64 [F]
            Unit of each row, which of the `row_statistics` it has, and its value.

        Returns
        -------
        int64 [F]
            The larger count of both nodes next to a unit; -1 for units that are unlike all nodes.
        """
        self._compute([node for node in places.nodes if node not in self._nulls])
        counts = np.full(unit.size, -1)
        above, below = places.above[unit], places.below[unit]
        for number, node in enumerate(places.nodes):
            rows = np.flatnonzero((above == number) | (below == number))
            found = n_as_small(self._nulls[node], column[rows], log10_p[rows])
            counts[rows] = np.maximum(counts[rows], found)
        return counts

    def _compute(self, nodes: list[Node]) -> None:
        """Compute the null distributions of some nodes, float64 [P, B + 1] each, or read them."""
        kept = {node: self._kept.read(node, self._shape) for node in nodes}
        self._nulls |= {node: null for node, null in kept.items() if null is not None}
        left = [node for node in nodes if node not in self._nulls]
        if not left:
            return
        objective = self._search.objective
        if objective is not None and objective.is_of_highest:
            compile_jobs(DRAWS)
        elif not isinstance(self._search, CompleteSearch) or not _is_of_ranks(objective):
            compile_jobs(CODES_OF_FLOAT64)
        size = max(1, min(self._search.most_units, -(-self._seeds.size // self._n_threads)))
        starts = range(0, self._seeds.size, size)
        pieces = [(node, self._seeds[start : start + size]) for node in left for start in starts]
        nulls: dict[Node, list[np.ndarray]] = {node: [] for node in left}
        n_searches = len(left) * self._seeds.size
        told = step("Searching permuted samples", n_searches)
        with ThreadPoolExecutor(self._n_threads) as pool, told as tell:
            try:
                for (node, _), found in zip(
                    pieces, pool.map(self._search_piece, pieces), strict=True
                ):
                    nulls[node].append(found)
                    if sum(map(len, nulls[node])) == self._seeds.size:
                        self._nulls[node] = np.concatenate(nulls[node])
                        self._kept.write(node, self._nulls[node])
                    n_done = sum(len(part) for parts in nulls.values() for part in parts)
                    tell(n_done)
            finally:
                pool.shutdown(cancel_futures=True)

    @property
    def _shape(self) -> tuple[int, int]:
        return self._seeds.size, self._settings.beam + 1

    def _search_piece(self, piece: tuple[Node, np.ndarray]) -> np.ndarray:
        node, seeds = piece
        search, objective = self._search, self._search.objective
        if node.is_of_highest:
            assert isinstance(search, CompleteSearch)
            found = search.explain_scored(
                drawn_highest(node, seeds, search.atoms, self._settings.directions)
            )
        elif isinstance(search, CompleteSearch) and _is_of_ranks(objective):
            found = search.explain_scored(Given(permuted_ranks(node, seeds, search.atoms)))
        else:
            found = search.explain(permuted_units(node, seeds, search.n_samples))
        return row_statistics(found, self._settings)


def _is_of_ranks(objective: Objective | None) -> bool:
    return objective is None or objective.scores_ranks


def places_in(search: Search, result: SearchResult) -> Places:
    """Return where the units of a result lie between the nodes of a search."""
    objective = search.objective
    if objective is None:
        return places_of(result.ties)
    if objective.is_of_highest:
        return places_of_highest(result.n_highest, search.n_samples, objective.target)
    if objective.is_of_values:
        # Units with the same ties have other values, so none is like another.
        return Places([], *np.full((2, len(result)), -1))
    return places_of(result.ties)


def drawn_highest(
    node: Node, seeds: np.ndarray, atoms: Atoms, directions: tuple[str, ...]
) -> Scored:
    """Return units whose highest samples, or lowest, or both, are drawn at random."""
    n_samples, n_drawn = atoms.of_sample.size, node.n_untied
    counts = drawn_counts(seeds, atoms, n_drawn, len(directions))
    by_direction = {
        direction == "negative": of_way
        for direction, of_way in zip(directions, counts, strict=True)
    }
    # The ranks play no part, so those of a unit of two values will do.
    tied = Node(n_drawn)
    sums = (n_samples - n_drawn + 1) * atoms.sizes + n_samples * counts[0]
    ranked = RankSums(sums, *profile_of(tied, n_samples, seeds.size))
    return given_highest(ranked, by_direction, n_drawn, n_samples)


def permuted_ranks(node: Node, seeds: np.ndarray, atoms: Atoms) -> RankSums:
    """Return the ranks of units that are like a node, their samples in random order.

    `seeds` uint64 [P] has a seed for each unit.
    """
    n_samples = atoms.of_sample.size
    sums = shuffled_sums(seeds, atoms, max(1, n_samples - node.n_untied))
    if node.is_highest:
        # Ranks in falling order: the tie group is the highest one.
        sums = 2 * (n_samples + 1) * atoms.sizes - sums
    return RankSums(sums, *profile_of(node, n_samples, seeds.size))


def permuted_units(node: Node, seeds: np.ndarray, n_samples: int) -> np.ndarray:
    """Return the activations float64 [P, N] of the units that `permuted_ranks` ranks."""
    each_sample = Atoms(np.arange(n_samples, dtype=np.int32), np.ones(n_samples, np.int64))
    return permuted_ranks(node, seeds, each_sample).sums.astype(np.float64)


_IRRELEVANT = ("adjust", "evidence")
"""The settings that no null distribution depends on."""


def _identity(concepts: ConceptSet, settings: Settings) -> str | None:
    """Return a digest of all that determines null distributions, or None if time does, too."""
    if settings.time_limit is not None:
        return None
    chosen = {name: value for name, value in asdict(settings).items() if name not in _IRRELEVANT}
    arrays = [one for one in (concepts.bits, concepts.defined) if one is not None]
    made_by = [_digest_of_code(), concepts.n_samples, [one.shape for one in arrays], chosen]
    digest = hashlib.sha256(json.dumps(made_by).encode())
    for one in arrays:
        digest.update(np.ascontiguousarray(one).data)
    return digest.hexdigest()


@functools.cache
def _digest_of_code() -> str:
    """Return a digest of the code that null distributions come from."""
    digest = hashlib.sha256(np.__version__.encode())
    home = Path(__file__).parents[1]
    for room in ("kernels", "search", "statistics", "nulls"):
        for source in sorted((home / room).glob("*.py")):
            digest.update(source.read_bytes())
    return digest.hexdigest()
