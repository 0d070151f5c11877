"""Searches of the same units by several objectives, which share ranks and atoms."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from invert_core.search.objectives import Scored
from invert_core.search.search import UNWATCHED, PartOfWatch, Search, Units, Watch
from invert_core.search.search_result import SearchResult


@dataclass(frozen=True, eq=False)
class Found:
    """What several searches found for some units.

    Attributes
    ----------
    results : tuple of SearchResult
        One for each search.
    of_concepts : array [K, ...] or None
        What was made of the rank sums of the concepts.
    """

    results: tuple[SearchResult, ...]
    of_concepts: np.ndarray | None = None

    def __len__(self) -> int:
        """Number of units."""
        return len(self.results[0])

    @classmethod
    def joined(cls, parts: Sequence["Found"]) -> "Found":
        """Return what was found for the units of all parts, in order."""
        results = zip(*(part.results for part in parts), strict=True)
        made = [part.of_concepts for part in parts if part.of_concepts is not None]
        return cls(
            tuple(map(SearchResult.joined, results)),
            np.concatenate(made) if made else None,
        )


class Several:
    """Several searches of the same concepts, one after the other.

    Parameters
    ----------
    searches : sequence of Search
        One for each objective.
    make : callable, optional
        Makes an array [K, ...] of the rank sums of the concepts; see `Scored.of_concepts`.
    """

    def __init__(
        self,
        searches: Sequence[Search],
        make: Callable[[np.ndarray], np.ndarray] | None = None,
    ):
        self._searches = tuple(searches)
        self._make = make

    @property
    def most_units(self) -> int:
        """The most units that a thread should search at once."""
        return min(one.most_units for one in self._searches)

    @property
    def places(self) -> int:
        """Number of places for formulas of one unit."""
        return sum(one.places for one in self._searches)

    def explain(self, units: Units, watch: Watch = UNWATCHED) -> Found:
        """Return what each search finds for some units; several threads may call this at once."""
        make = self._make
        scored = Scored(units, self._searches[0].atoms, wants_concepts=make is not None)
        number_of = len(self._searches)
        results = tuple(
            one.explain(units, PartOfWatch(watch, number, number_of), scored)
            for number, one in enumerate(self._searches)
        )
        if make is None:
            return Found(results)
        assert scored.of_concepts is not None
        return Found(results, make(scored.of_concepts))
