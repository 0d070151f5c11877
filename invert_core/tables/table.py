"""What every format of tables offers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

ID_COLUMN = "sample_id"


class Rows(Protocol):
    """Reads the rows of an open table."""

    def __call__(
        self, chosen: Sequence[str], *, whole: bool = False
    ) -> Iterator[tuple[int, Sequence[object]]]:
        """The cells of chosen columns, each row with its number.

        Where `whole` is true, a row that has still other columns is a FileFormatError.
        """


@dataclass(frozen=True)
class Table:
    """An open table, whose rows are read once.

    Parameters
    ----------
    titles : sequence of str
        Of the columns; in JSONL the keys of the first object.
    rows : Rows
    where : callable
        What a message calls a row, by its number.
    """

    titles: Sequence[str]
    rows: Rows
    where: Callable[[int], str]
