"""An open table of any format."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

ID_COLUMN = "sample_id"


class Rows(Protocol):
    """Reads the rows of an open table."""

    def __call__(
        self, chosen: Sequence[str], *, whole: bool = False
    ) -> Iterator[tuple[int, Sequence[object]]]:
        """The cells of the chosen columns, each row with its number.

        If `whole` is true, a row with a column that the table lacks is a FileFormatError.
        """


@dataclass(frozen=True)
class Table:
    """An open table; its rows can be read once.

    Parameters
    ----------
    titles : sequence of str
        Titles of the columns; in JSONL the keys of the first object.
    rows : Rows
    where : callable
        Names a row in messages, given its number.
    """

    titles: Sequence[str]
    rows: Rows
    where: Callable[[int], str]
