"""The settings of a search, with their defaults and ranges."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from numbers import Integral, Real

from invert_core.errors import SettingError
from invert_core.wording import choice

DIRECTIONS = ("positive", "negative", "both")
SEARCHES = ("beam", "exhaustive")
SIGNIFICANT = 0.05
"""The level of every test: a corrected p-value below it is significant."""
MAX_LENGTH = 100
"""Nobody reads longer formulas, and the number of possible formulas must stay printable."""
MAX_EXHAUSTIVE_LENGTH = 3
"""There are too many longer formulas to be certain of the best one."""
MAX_PERMUTATIONS = 1_000_000
"""More would take days and could only tell apart p-values that nobody needs to."""
ADJUSTMENTS = ("bh", "by", "holm")
OBJECTIVES = ("auc", "correlation", "phi", "iou", "f1", "mad", "pearson", "cosine", "top")
OF_HIGHEST = ("phi", "iou", "f1")
"""The objectives that only ask which samples have the highest activations."""
BOTH_ANSWERS = ("auc", "phi")
"""The default: what the whole activation separates, and what its peak shares."""
OF_VALUES = ("mad", "pearson", "cosine")
"""The objectives that use the activations themselves, and not only their order."""
MAX_BEAM = 100_000
"""A wider beam no longer prunes anything, and memory grows with beam x samples."""


@dataclass(frozen=True)
class Settings:
    """Settings of a search; the paper's symbols are in brackets.

    Parameters
    ----------
    length : int
        The most literals that a formula may have [L].
    beam : int
        Number of formulas to keep at each step and to report at the end [B].
    min_fraction, max_fraction : float
        Smallest and largest share of the samples that an extent may cover [alpha, beta]. Only
        samples on which the formula is defined count.
    direction : {"positive", "negative", "both"}
        Whether to search for the largest AUC, the smallest AUC, or for each in turn; by other
        objectives, for what the highest activations tell, the lowest, or each.
    limit_search : int or None
        Number of concepts to use from the second literal on: those with the largest
        abs(AUC - 0.5), or difference of mean scores by other objectives. None uses all concepts.
    min_gain : float
        A longer formula is reported only if it is better than every shorter reported formula by at
        least this much: in AUC, or in the objective of its search.
    search : {"beam", "exhaustive"}
        "exhaustive" finds the best of all formulas of up to `length` literals, at most 3, and
        certifies it. It reports the best formula of each length that satisfies `min_gain`; `beam`
        only limits how many.
    time_limit : float or None
        Most seconds of an exhaustive search for one unit and direction. A search that is stopped
        reports the best formula so far and the remaining gap; both then depend on the machine.
    min_defined : float
        Smallest share of all samples on which a formula must be defined. If no labels are missing,
        every formula is defined on all samples.
    permutations : int
        Number of searches on permuted samples, from which `p_search` is computed; 0 corrects for
        the number of possible formulas instead.
    seed : int
        Seed of the permutations and of the choice of held-out samples.
    adjust : {"bh", "by", "holm"}
        Correction of `q_value` for the units of a layer: Benjamini-Hochberg, Benjamini-Yekutieli
        or Holm.
    evidence : bool
        Whether to look at the samples with the highest activations, too, which the `verdict` and
        the columns beside it rest on.
    objective : tuple of str or None
        What to search for, one search of each unit after the other: the largest "auc", rank
        "correlation", "phi", "iou" or "f1" of the highest activations, difference of means "mad",
        "pearson" correlation, "cosine", or difference of Savage scores "top". With direction
        "negative", that of -1 times the activations. A str such as "auc,phi" is taken apart. None
        searches by "auc" and "phi", or by "auc" alone if the search is exhaustive or must leave out
        missing labels, which "phi" cannot.
    quantile : float
        The share of the samples whose activations count as the highest, for "phi", "iou" and "f1".

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
    permutations: int = 200
    seed: int = 0
    adjust: str = "bh"
    evidence: bool = True
    objective: tuple[str, ...] | None = None
    quantile: float = 0.01

    def __post_init__(self) -> None:
        self._convert_numbers()
        self._check_ranges()
        for name, known in (
            ("direction", DIRECTIONS),
            ("search", SEARCHES),
            ("adjust", ADJUSTMENTS),
        ):
            if getattr(self, name) not in known:
                raise choice(name, getattr(self, name), known)
        self._check_objectives()
        if self.search == "exhaustive":
            self._check_exhaustive()
        elif self.time_limit is not None:
            raise SettingError(
                "A time limit works only with an exhaustive search.",
                "Leave out --time-limit, or add --search exhaustive.",
            )

    def _convert_numbers(self) -> None:
        """Make Python's numbers of NumPy's, so that they can be written as JSON."""
        for name, value in (
            ("length", self.length),
            ("beam", self.beam),
            ("limit-search", self.limit_search),
            ("permutations", self.permutations),
            ("seed", self.seed),
        ):
            if value is not None and not isinstance(value, Integral):
                raise SettingError(f"--{name} is {value!r}.", "Give a whole number.")
            object.__setattr__(self, name.replace("-", "_"), None if value is None else int(value))
        for name in ("min_fraction", "max_fraction", "min_gain", "min_defined", "quantile"):
            share = getattr(self, name)
            if not isinstance(share, Real):
                raise SettingError(f"--{name.replace('_', '-')} is {share!r}.", "Give a number.")
            object.__setattr__(self, name, float(share))

    def _check_objectives(self) -> None:
        given = self.objective
        if given is None:
            self._check_quantile()
            return
        if not isinstance(given, Iterable):
            raise SettingError(f"--objective is {given!r}.", "Give names, as in auc,phi.")
        names = tuple(map(str.strip, given.split(",")) if isinstance(given, str) else given)
        for name in names:
            if name not in OBJECTIVES:
                raise choice("objective", name, OBJECTIVES)
        if not names:
            raise SettingError(
                "--objective names no objective.", "Give one or several, as in --objective auc,phi."
            )
        if len(set(names)) < len(names):
            raise SettingError(
                f"--objective names {max(names, key=names.count)!r} twice.", "Give each one once."
            )
        if self.search == "exhaustive" and names != ("auc",):
            raise SettingError(
                "An exhaustive search knows no objective but auc.",
                "Leave out --objective, or --search exhaustive.",
            )
        object.__setattr__(self, "objective", names)
        self._check_quantile()

    def _check_quantile(self) -> None:
        if self.quantile != type(self).quantile and not set(self.objectives) & set(OF_HIGHEST):
            raise SettingError(
                "--quantile is of use only with the objectives phi, iou and f1, which neither "
                "exhaustive searches nor those that leave out missing labels know.",
                "Leave out --quantile, or add --objective auc,phi where labels are complete.",
            )

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
        if not 0 <= self.permutations <= MAX_PERMUTATIONS:
            raise SettingError(
                f"--permutations is {self.permutations}.", f"Give 0 to {MAX_PERMUTATIONS:,}."
            )
        check_seed(self.seed)
        if not 0.0 <= self.min_defined <= 1.0:
            raise SettingError(f"--min-defined is {self.min_defined}.", "Give 0 to 1.")
        if not 0.0 < self.quantile < 1.0:
            raise SettingError(
                f"--quantile is {self.quantile}.", "Give a share between 0 and 1, such as 0.01."
            )

    def _check_exhaustive(self) -> None:
        if self.length > MAX_EXHAUSTIVE_LENGTH:
            raise SettingError(
                f"An exhaustive search of length {self.length} would not finish.",
                f"Give --length 1 to {MAX_EXHAUSTIVE_LENGTH}, or leave out --search exhaustive.",
            )
        if self.limit_search is not None:
            raise SettingError(
                "An exhaustive search uses all concepts.",
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
        """The directions to search in, one after the other."""
        return DIRECTIONS[:2] if self.direction == "both" else (self.direction,)

    @property
    def objectives(self) -> tuple[str, ...]:
        """The objectives to search by, if no labels are missing."""
        if self.objective is not None:
            return self.objective
        return BOTH_ANSWERS[:1] if self.search == "exhaustive" else BOTH_ANSWERS

    def of_each_objective(self) -> "list[Settings]":
        """Return the settings of the search by each objective; what it does not use is left out."""
        return [
            replace(
                self,
                objective=(name,),
                quantile=self.quantile if name in OF_HIGHEST else type(self).quantile,
            )
            for name in self.objectives
        ]


def check_seed(seed: int) -> None:
    """Raise a SettingError unless a number can be the seed of random numbers.

    >>> check_seed(7)
    """
    if not isinstance(seed, Integral):
        raise SettingError(f"--seed is {seed!r}.", "Give a whole number.")
    if not 0 <= seed < 2**63:
        raise SettingError(f"--seed is {seed}.", "Give 0 or more, below 2**63.")
