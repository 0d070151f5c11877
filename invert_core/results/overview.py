"""What is printed about a labelling, gathered while its rows pass by."""

from typing import Self

from invert_core.results.columns import Label
from invert_core.results.labels import Labels, conviction


class Overview:
    """The most convincing rows and the counts of a labelling; other rows are not kept.

    Parameters
    ----------
    top : int
        The most rows to keep.

    Attributes
    ----------
    best : tuple of Label
        The first `top` rows of `Labels.best`.
    n_units, n_dead : int
        Number of units, and of dead units among them.
    sample_counts : set of int
        All different numbers of samples on which formulas were compared.
    """

    def __init__(self, top: int):
        self._top = top
        self.best: tuple[Label, ...] = ()
        self.n_units = self.n_dead = 0
        self.sample_counts: set[int] = set()

    @classmethod
    def of(cls, labels: Labels, top: int) -> Self:
        """Return the overview of all rows."""
        made = cls(top)
        made.add(labels)
        return made

    def add(self, labels: Labels) -> None:
        """Take the rows of the next units."""
        best = (*self.best, *labels.best(self._top))
        self.best = tuple(sorted(best, key=conviction)[: self._top])
        for table in labels.tables:
            self.n_units += len(table.units())
            self.n_dead += int((table.array("status") == "dead").sum())
        self.sample_counts |= labels.sample_counts()
