"""What a search is told."""

import math
from dataclasses import dataclass
from numbers import Integral, Real

from invert_core.errors import SettingError
from invert_core.wording import choice

DIRECTIONS = ("positive", "negative", "both")
SEARCHES = ("beam", "exhaustive")
SIGNIFICANT = 0.05
"""The level of every test: a corrected p-value below it is significant."""
MAX_LENGTH = 100
"""Nobody reads longer formulas, and the number of formulas has to stay one that can be printed."""
MAX_EXHAUSTIVE_LENGTH = 3
"""Longer formulas are too many to be certain of the best one."""
MAX_BEAM = 100_000
"""A wider beam is no longer a beam, and its memory grows with beam x samples."""


@dataclass(frozen=True)
class Settings:
    """Settings of a search; the paper's symbols in brackets.

    Parameters
    ----------
    length : int
        The most literals of a formula [L].
    beam : int
        Formulas kept at each step and reported at the end [B].
    min_fraction, max_fraction : float
        Share of the samples that an extent may cover, both included [alpha, beta]; of those on
        which the formula is defined.
    direction : {"positive", "negative", "both"}
        Largest AUC, smallest AUC, or one search for each.
    limit_search : int or None
        From the second literal on, only the concepts with the largest abs(AUC - 0.5).
    min_gain : float
        A longer formula is reported only if its AUC beats the best reported shorter one by this.
    search : {"beam", "exhaustive"}
        "exhaustive" finds the best of all formulas of up to `length` literals, which is at most 3,
        and certifies it. It reports the best formula of each length that is worth it; `beam` only
        limits how many.
    time_limit : float or None
        Seconds for one unit and direction of an exhaustive search; one that takes longer reports
        the best formula so far and the gap that remains, which then depend on the machine.
    min_defined : float
        Share of all samples on which a formula has to be defined. Where no labels are missing, all
        are.

    Raises
    ------
    SettingError
        A value lies outside its range.
    """

    length: int = 3
    beam: int = 3
    min_fraction: float = 0.002
    max_fraction: float = 0.5
    direction: str = "positive"
    limit_search: int | None = None
    min_gain: float = 0.0
    search: str = "beam"
    time_limit: float | None = None
    min_defined: float = 0.5

    def __post_init__(self) -> None:
        self._convert_numbers()
        self._check_ranges()
        for name, known in (("direction", DIRECTIONS), ("search", SEARCHES)):
            if getattr(self, name) not in known:
                raise choice(name, getattr(self, name), known)
        if self.search == "exhaustive":
            self._check_exhaustive()
        elif self.time_limit is not None:
            raise SettingError(
                "A time limit belongs to an exhaustive search.", "Leave out --time-limit."
            )

    def _convert_numbers(self) -> None:
        """Make Python's numbers of NumPy's, so that they can be written as JSON."""
        for name, value in (
            ("length", self.length),
            ("beam", self.beam),
            ("limit-search", self.limit_search),
        ):
            if value is not None and not isinstance(value, Integral):
                raise SettingError(f"--{name} is {value!r}.", "Give a whole number.")
            object.__setattr__(self, name.replace("-", "_"), None if value is None else int(value))
        for name in ("min_fraction", "max_fraction", "min_gain", "min_defined"):
            share = getattr(self, name)
            if not isinstance(share, Real):
                raise SettingError(f"--{name.replace('_', '-')} is {share!r}.", "Give a number.")
            object.__setattr__(self, name, float(share))

    def _check_ranges(self) -> None:
        if not 1 <= self.length <= MAX_LENGTH:
            raise SettingError(f"--length is {self.length}.", f"Give 1 to {MAX_LENGTH}.")
        if not 1 <= self.beam <= MAX_BEAM:
            raise SettingError(f"--beam is {self.beam}.", f"Give 1 to {MAX_BEAM:,}.")
        if self.limit_search is not None and self.limit_search < 1:
            raise SettingError(f"--limit-search is {self.limit_search}.", "Give 1 or more.")
        if not 0.0 <= self.min_fraction <= self.max_fraction <= 1.0:
            raise SettingError(
                f"--min-fraction {self.min_fraction} and --max-fraction {self.max_fraction} "
                "are not in order.",
                "Give 0 <= min-fraction <= max-fraction <= 1.",
            )
        if not 0.0 <= self.min_gain < math.inf:
            raise SettingError(f"--min-gain is {self.min_gain}.", "Give 0 or more.")
        if not 0.0 <= self.min_defined <= 1.0:
            raise SettingError(f"--min-defined is {self.min_defined}.", "Give 0 to 1.")

    def _check_exhaustive(self) -> None:
        if self.length > MAX_EXHAUSTIVE_LENGTH:
            raise SettingError(
                f"An exhaustive search of length {self.length} would not end.",
                f"Give --length 1 to {MAX_EXHAUSTIVE_LENGTH}, or leave out --search exhaustive.",
            )
        if self.limit_search is not None:
            raise SettingError(
                "An exhaustive search leaves no concepts out.",
                "Leave out --limit-search, or --search exhaustive.",
            )
        if self.time_limit is not None:
            if not isinstance(self.time_limit, Real) or not 0 < self.time_limit < math.inf:
                raise SettingError(
                    f"--time-limit is {self.time_limit!r}.", "Give a number of seconds above 0."
                )
            object.__setattr__(self, "time_limit", float(self.time_limit))

    @property
    def directions(self) -> tuple[str, ...]:
        """The searches to run."""
        return DIRECTIONS[:2] if self.direction == "both" else (self.direction,)
