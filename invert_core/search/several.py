"""Searches of the same units by several objectives, which share ranks and atoms."""

from collections.abc import Sequence

from invert_core.search.objectives import Scored
from invert_core.search.search import UNWATCHED, PartOfWatch, Search, Units, Watch
from invert_core.search.search_result import SearchResult


class Several:
    """Several searches of the same concepts, one after the other.

    Parameters
    ----------
    searches : sequence of Search
        One for each objective.
    """

    def __init__(self, searches: Sequence[Search]):
        self._searches = tuple(searches)

    @property
    def most_units(self) -> int:
        """The most units that a thread should search at once."""
        return min(one.most_units for one in self._searches)

    @property
    def places(self) -> int:
        """Number of places for formulas of one unit."""
        return sum(one.places for one in self._searches)

    def explain(self, units: Units, watch: Watch = UNWATCHED) -> tuple[SearchResult, ...]:
        """Return what each search finds for some units; several threads may call this at once."""
        scored = Scored(units, self._searches[0].atoms)
        number_of = len(self._searches)
        return tuple(
            one.explain(units, PartOfWatch(watch, number, number_of), scored)
            for number, one in enumerate(self._searches)
        )
