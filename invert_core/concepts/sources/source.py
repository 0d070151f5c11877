"""What every reader of a source offers, and what it may be told."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from invert_core.concepts.sets.concept_set import ConceptSet

_log = logging.getLogger("invert")


@dataclass(frozen=True)
class Reading:
    """How sources are read; a field that is not its default is for sources that know it.

    Parameters
    ----------
    id_column : str or None
        The column of a table that holds the sample ids; None takes ``sample_id``, else the first.
    tags : tuple of str
        Columns with several values in a cell, each of which is a concept.
    separator : str or None
        What stands between these values; None means blanks.
    classes : tuple of str
        Columns with one value in a cell; each value is a concept ``column.value``.
    bins : tuple of (str, int)
        Numeric columns, and into how many quantile groups each is cut.
    thresholds : tuple of (str, float)
        Numeric columns, and a number; the concept is true where the cell is at least that.
    supercategories : bool
        The groups of an annotation file are concepts, too, and parents of their categories.
    min_area : float
        Objects of fewer pixels do not count.
    """

    id_column: str | None = None
    tags: tuple[str, ...] = ()
    separator: str | None = None
    classes: tuple[str, ...] = ()
    bins: tuple[tuple[str, int], ...] = ()
    thresholds: tuple[tuple[str, float], ...] = ()
    supercategories: bool = False
    min_area: float = 0.0

    @property
    def told(self) -> frozenset[str]:
        """The fields that are not their default."""
        return frozenset(
            field.name for field in fields(self) if getattr(self, field.name) != field.default
        )


@dataclass(frozen=True)
class SourceFormat:
    """One kind of source.

    Parameters
    ----------
    what : str
        What messages call it, as in "a folder of class folders".
    matches : callable
        Whether a path is of this kind, by its suffix or, of a folder, by a look into it.
    read : callable
        Reads it. A label that the source leaves open is undefined in the set. What is left out is
        said in a log message. Raises as `build_concepts` says.
    knows : frozenset of str
        The fields of `Reading` that it follows.
    titles : callable
        Of a table, the titles of its columns, which fields of `Reading` may name.
    """

    what: str
    matches: Callable[[Path], bool]
    read: Callable[[Path, Reading], ConceptSet]
    knows: frozenset[str] = frozenset()
    titles: Callable[[Path], Sequence[str]] = lambda path: ()


def by_suffix(*suffixes: str) -> Callable[[Path], bool]:
    """Whether a path ends in one of some suffixes, in any case."""
    return lambda path: path.suffix.lower() in suffixes


def log_ignored(path: Path, what: str, titles: Sequence[str] | set[str]) -> None:
    """Tell which columns or arrays of a file were not used."""
    if titles:
        kind = what if len(titles) == 1 else f"{what}s"
        named = ", ".join(map(repr, sorted(titles)))
        _log.info("%s: ignored the %s %s.", path.name, kind, named)
