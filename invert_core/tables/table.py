"""What every format of tables offers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """An open table: its titles, and the cells of chosen columns, each row with its place."""

    titles: Sequence[str]
    cells: Callable[[Sequence[str]], Iterator[tuple[str, Sequence[object]]]]
