"""A hierarchy: which concepts are kinds of which others, from any kind of file."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from invert_core.concepts.hierarchy.paths import find_cycle, reached
from invert_core.errors import DataError

_SHOWN = 8


@dataclass(frozen=True)
class Hierarchy:
    """Which concepts are kinds of which others; a cycle is refused.

    Attributes
    ----------
    source : str
        The name of the hierarchy in messages.
    parents : mapping of str to tuple of str
        The direct parents of each concept. Every id is a key, also the ids of parents.
    name, definition : mapping of str to str
        Names and definitions of concepts by id; any id may lack them.

    Examples
    --------
    >>> pets = Hierarchy("pets", {"pug": ("dog",), "dog": ("pet",), "pet": ()})
    >>> sorted(pets.closure("pug"))
    ['dog', 'pet', 'pug']
    """

    source: str
    parents: Mapping[str, tuple[str, ...]]
    name: Mapping[str, str] = field(default_factory=dict)
    definition: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        cycle = find_cycle(self.parents)
        if cycle:
            raise DataError(
                f"{self.source} leads in a circle: {arrows(cycle)}.", "Remove one of these edges."
            )

    def closure(self, id: str) -> set[str]:
        """A concept and all its ancestors."""
        return set(reached([id], self.parents))


def arrows(way: list[str]) -> str:
    """A chain of parents as messages show it.

    >>> arrows(["a", "b", "a"])
    "'a' -> 'b' -> 'a'"
    """
    shown = list(map(repr, way))
    if len(shown) > _SHOWN:
        shown[_SHOWN - 2 : -1] = [f"({len(way) - _SHOWN + 1:,} more)"]
    return " -> ".join(shown)
