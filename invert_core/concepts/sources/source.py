"""The contract of a reader of sources, and the options that readers follow."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.concepts.sets.missing import Missing
from invert_core.concepts.sources.edges import Edges

_log = logging.getLogger("invert")


@dataclass(frozen=True)
class Reading:
    """How sources are read; a field that is not its default needs a source that follows it.

    Parameters
    ----------
    id_column : str or None
        The column of a table that holds the sample ids; None takes ``sample_id``, else the first.
    tags : tuple of str
        Columns with several values in a cell; each value is a concept.
    separator : str or None
        The text between these values; None means blanks, and "list" means that a cell is a list
        in the form of JSON or Python.
    classes : tuple of str
        Columns with one value in a cell; each value is a concept ``column.value``.
    marks : tuple of str
        Columns of 0 and 1, each of which is a concept; a pattern such as ``"*"`` stands for the
        columns that no other field names.
    bins : tuple of (str, int)
        Numeric columns, and the number of quantile groups of each; each group is a concept.
    thresholds : tuple of (str, float)
        Numeric columns, each with a threshold; the concept is true if the cell is at least that.
    edges : path, optional
        A concept file that was built with `bins` or `thresholds`; tables get the same concepts of
        the same columns, with the same edges.
    supercategories : bool
        Whether the supercategories of an annotation file are concepts too, as parents of their
        categories.
    min_area : float
        The least area of an object in pixels; smaller objects do not count.
    min_confidence : float or None
        The least confidence of a label of Open Images that a machine made; labels below it do not
        count. None refuses such labels.
    follow_links : bool
        Whether symbolic links in a folder of class folders are followed, wherever they lead.
    """

    id_column: str | None = None
    tags: tuple[str, ...] = ()
    separator: str | None = None
    classes: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    bins: tuple[tuple[str, int], ...] = ()
    thresholds: tuple[tuple[str, float], ...] = ()
    edges: Path | Edges | None = None
    supercategories: bool = False
    min_area: float = 0.0
    min_confidence: float | None = None
    follow_links: bool = False

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
        The name of the kind in messages, such as "arrays (.npz)".
    matches : callable
        Tells whether a path is of this kind, by its suffix or, for a folder, by what is in it.
    read : callable
        Reads a source of this kind. A label that the source leaves open is undefined in the set,
        unless `Missing` gives its kind another meaning. A log message names what is left out. It
        raises the errors that `build_concepts` lists.
    knows : frozenset of str
        The fields of `Reading` that the reader follows.
    titles : callable
        Gives the titles of the columns of a table, which fields of `Reading` may name.
    """

    what: str
    matches: Callable[[Path], bool]
    read: Callable[[Path, Reading, Missing], ConceptSet]
    knows: frozenset[str] = frozenset()
    titles: Callable[[Path], Sequence[str]] = lambda path: ()


def by_suffix(*suffixes: str) -> Callable[[Path], bool]:
    """A test for paths that end in one of these suffixes, in any case."""
    return lambda path: path.suffix.lower() in suffixes


def log_ignored(path: Path, what: str, titles: Sequence[str] | set[str]) -> None:
    """Log which columns or arrays of a file are not used."""
    if titles:
        kind = what if len(titles) == 1 else f"{what}s"
        named = ", ".join(map(repr, sorted(titles)))
        _log.info("%s: ignored the %s %s.", path.name, kind, named)
