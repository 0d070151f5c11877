"""The edges that another concept file uses, for the same columns of other tables."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from invert_core.concepts.hdf5_file import read_hdf5
from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.concepts.sets.intervals import Interval, interval_in
from invert_core.errors import DataError, SettingError


@dataclass(frozen=True)
class KnownInterval:
    """An interval of a column, with the id, name and definition of its concept."""

    interval: Interval
    id: str
    name: str
    definition: str


@dataclass(frozen=True)
class Edges:
    """The intervals in a concept file; they are known by the ids of their concepts.

    Parameters
    ----------
    source : Path
    concepts : ConceptSet
    """

    source: Path
    concepts: ConceptSet

    def of_column(self, title: str) -> list[KnownInterval]:
        """The intervals of a column, in the order of the file; none if it is about others."""
        described = zip(self.concepts.id, self.concepts.name, self.concepts.definition, strict=True)
        return [
            KnownInterval(interval, id, name, definition)
            for id, name, definition in described
            if (interval := interval_in(id, title)) is not None
        ]

    def check(self, titles: Collection[str], binned: Collection[str]) -> None:
        """Refuse edges of no column, of columns with ids in common, or of a column in `binned`."""
        column_of: dict[str, str] = {}
        for title in titles:
            known = self.of_column(title)
            if known and title in binned:
                raise SettingError(
                    f"The groups of {title!r} cannot come from both --bin and --edges.",
                    f"Leave --bin {title} out, or --edges.",
                )
            for each in known:
                other = column_of.setdefault(each.id, title)
                if other != title:
                    raise DataError(
                        f"The concept {each.id!r} in {str(self.source)!r} may be about the column "
                        f"{other!r} or {title!r}.",
                        "Rename one of these columns in all tables.",
                    )
        if not column_of:
            raise DataError(
                f"{str(self.source)!r} has no edges of a column of the sources.",
                "Give a concept file that was built with --bin or --threshold from the same "
                "columns; its ids end like '.ge.0.12.lt.0.5'.",
            )


def read_edges(path: Path) -> Edges:
    """Read the edges in a concept file."""
    return Edges(path, read_hdf5(path))
