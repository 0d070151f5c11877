"""Tests of found formulas on held-out samples, in one pass over the units."""

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields, replace
from typing import NamedTuple, Self

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.formula.formula import Formula
from invert_core.kernels.bits import whole_set
from invert_core.kernels.highest import Top
from invert_core.kernels.jobs import GROUP_PLACEMENTS, PLACEMENTS, TAILS, jobs_of_types
from invert_core.kernels.placements import Placements, placements
from invert_core.kernels.warm_up import compile_jobs
from invert_core.labelling.workload import Workload
from invert_core.results.label_table import LabelTable
from invert_core.search.objectives import share_of_highest, value_of_highest
from invert_core.search.search import Units
from invert_core.settings import OF_HIGHEST
from invert_core.statistics.conditional import log10_p_given_ties
from invert_core.statistics.grouped_auc import FEWEST, log10_p_between_groups
from invert_core.statistics.highest import log10_p_of_hits
from invert_core.statistics.intervals import auc_interval
from invert_core.wording import counted

_UNITS = 16
"""The most units that a thread tests at once."""

_COMPARED = (
    *("auc_held_out", "auc_held_out_low", "auc_held_out_high", "score_held_out"),
    *("optimism", "log10_p_held_out"),
)
"""Columns of formulas that are true on some held-out samples and false on others."""

_log = logging.getLogger("invert")

Columns = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Asked:
    """F formulas to test, in the order of their units.

    Attributes
    ----------
    unit : int64 [F]
        The position of the unit.
    formula : object [F]
        The formula as text in concept ids.
    direction, objective : object [F]
        What the search was for.
    auc, score : float64 [F]
        The AUC and the value of the objective on the searched samples.
    share : float64 [F]
        The share of the samples that are the highest, if the search asked for these.
    """

    unit: np.ndarray
    formula: np.ndarray
    direction: np.ndarray
    objective: np.ndarray
    auc: np.ndarray
    score: np.ndarray
    share: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the formulas of all parts, one part after the other."""
        return cls(
            *(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(cls))
        )

    def take(self, formulas: np.ndarray | slice) -> Self:
        """Return some of the formulas."""
        return type(self)(*(getattr(self, one.name)[formulas] for one in fields(self)))

    @property
    def is_of_highest(self) -> np.ndarray:
        """Whether only the set of the highest samples mattered to the search: bool [F]."""
        return np.isin(self.objective.astype(str), OF_HIGHEST)

    @property
    def is_negative(self) -> np.ndarray:
        """Whether the search was for what is low: bool [F]."""
        return self.direction == "negative"


Test = Callable[[Asked, int], Columns]
"""Returns the columns of held-out samples, [F] each, of formulas on the next K units, given K."""


@contextmanager
def held_out_test(
    work: Workload, n_threads: int, block: int | None = None, *, independent: bool
) -> Iterator[Test]:
    """Yield a function that tests formulas on held-out samples.

    Parameters
    ----------
    work : Workload
        The units over the held-out samples. If it has groups, these are independent.
    n_threads : int
    block : int, optional
        Number of units to read at once.
    independent : bool
        Whether samples without groups are independent; if not, p-values and intervals stay empty.
    """
    group = None if work.groups is None else np.array(work.groups.number)
    basis = _Basis(work.concepts, group, independent)
    compile_jobs(
        *(PLACEMENTS, TAILS if group is None else GROUP_PLACEMENTS),
        *jobs_of_types(work.dtypes),
    )
    n_tested = n_lacking = 0
    with closing(work.blocks(block)) as blocks, ThreadPoolExecutor(n_threads) as pool:
        ahead = _Ahead(blocks)

        def test(asked: Asked, n_units: int) -> Columns:
            nonlocal n_tested, n_lacking

            def of_part(part: Units, start: int) -> Columns:
                at = slice(*np.searchsorted(asked.unit, [start, start + len(part)]).tolist())
                return _tested(part, start, asked.take(at), basis)

            found = list(_in_flight(pool, of_part, ahead.take(n_units), n_threads + 1))
            columns = {name: np.concatenate([of[name] for of in found]) for name in found[0]}
            is_tested = np.isfinite(columns["auc_held_out"])
            n_tested += int(is_tested.sum())
            n_lacking += int((is_tested & np.isnan(columns["auc_held_out_low"])).sum())
            return columns

        yield test
    if n_lacking and group is not None:
        _log.info(
            "For %s of %s, p_held_out and the interval of auc_held_out stay empty, because the "
            "formula is true, or false, in fewer than %d of the held-out groups.",
            f"{n_lacking:,}",
            counted(n_tested, "tested formula"),
            FEWEST,
        )


def with_held_out(table: LabelTable, test: Test, quantile: float) -> LabelTable:
    """Fill in the columns of held-out samples of a table of whole units.

    `quantile` is that of the settings of the search.
    """
    at = np.flatnonzero(table.array("formula") != "")  # no dead units
    unit = np.cumsum(table.begins_unit()) - 1
    of_rows = {
        name: table.array(name)[at]
        for name in ("formula", "direction", "objective", "auc", "score")
    }
    counts = table.array("n_samples")[at].tolist()
    share = np.array([share_of_highest(count, quantile) for count in counts])
    asked = Asked(unit=unit[at], share=share, **of_rows)
    filled = {}
    for name, values in test(asked, int(unit[-1]) + 1).items():
        filled[name] = np.full(len(table), np.nan)
        filled[name][at] = values
    return replace(table, rows=dict(table.rows) | filled)


def _in_flight(
    pool: ThreadPoolExecutor,
    test: Callable[[Units, int], Columns],
    parts: Iterable[Units],
    n_parts: int,
) -> Iterator[Columns]:
    """Yield what the test of each part finds, with few parts in memory at a time."""
    waiting: deque[Future[Columns]] = deque()
    start = 0
    for part in parts:
        waiting.append(pool.submit(test, part, start))
        start += len(part)
        if len(waiting) == n_parts:
            yield waiting.popleft().result()
    for left in waiting:
        yield left.result()


class _Ahead:
    """Hands out units from blocks, as many at a time as are asked for."""

    def __init__(self, blocks: Generator[Units]):
        self._blocks = blocks
        self._left: Units | None = None

    def take(self, n_units: int) -> Iterator[Units]:
        """Yield the next units, a few at a time."""
        while n_units:
            block = next(self._blocks) if self._left is None else self._left
            n_taken = min(n_units, len(block), _UNITS)
            yield _part(block, 0, n_taken)
            self._left = _part(block, n_taken, len(block)) if n_taken < len(block) else None
            n_units -= n_taken


def _part(units: Units, start: int, stop: int) -> Units:
    return units[start:stop] if isinstance(units, np.ndarray) else units.part(start, stop)


class _Basis(NamedTuple):
    """What formulas are tested on: concepts over the held-out samples, and what is independent.

    `group` is the group of each sample, int32 [N], if groups are known to be independent; if not,
    `independent` says whether samples are.
    """

    concepts: ConceptSet
    group: np.ndarray | None
    independent: bool


def _tested(units: Units, first: int, asked: Asked, basis: _Basis) -> Columns:
    """Return the columns of formulas on some units, of which the first has position `first`."""
    concepts = basis.concepts
    formulas = asked.formula.tolist()
    words = {text: _words(Formula.parse(text), concepts) for text in dict.fromkeys(formulas)}
    n_words = concepts.bits.shape[1]
    extents = np.array([words[text][0] for text in formulas], np.uint64).reshape(-1, n_words)
    domains = np.array([words[text][1] for text in formulas], np.uint64).reshape(-1, n_words)
    placed = placements(
        *(units, asked.unit - first, extents, None if concepts.defined is None else domains),
        *(concepts.n_samples, basis.group, Top(asked.is_negative, asked.share)),
    )
    columns = {
        "n_positive_held_out": placed.n_positive.astype(np.float64),
        "n_samples_held_out": placed.n_samples.astype(np.float64),
    }
    some = np.flatnonzero((placed.n_positive > 0) & (placed.n_positive < placed.n_samples))
    for name, values in _compared(placed.take(some), asked.take(some), basis.independent).items():
        columns[name] = np.full(len(formulas), np.nan)
        columns[name][some] = values
    return columns


def _words(formula: Formula, concepts: ConceptSet) -> tuple[np.ndarray, np.ndarray]:
    """Return where a formula is true and where it is defined, as words."""
    domain = whole_set(concepts.n_samples)
    if concepts.defined is not None:
        for id in formula.ids:
            domain = domain & concepts.defined[concepts.index(id)]
    return formula.combine(lambda id: concepts.bits[concepts.index(id)]) & domain, domain


def _compared(placed: Placements, asked: Asked, independent: bool) -> Columns:
    """Return the columns of formulas that are true on some samples and false on others."""
    n_others = placed.n_samples - placed.n_positive
    auc = placed.doubled_u / (2 * placed.n_positive * n_others)
    columns = {name: np.full(auc.size, np.nan) for name in _COMPARED}
    columns["auc_held_out"] = auc
    if independent or placed.between is not None:
        columns["auc_held_out_low"], columns["auc_held_out_high"] = auc_interval(placed)
    for test, which in ((_by_auc, ~asked.is_of_highest), (_by_highest, asked.is_of_highest)):
        at = np.flatnonzero(which)
        if at.size:
            for name, values in test(placed.take(at), asked.take(at), independent).items():
                columns[name][at] = values
    return columns | {"p_held_out": 10.0 ** columns["log10_p_held_out"]}


def _by_auc(placed: Placements, asked: Asked, independent: bool) -> Columns:
    """Return what tests formulas by their AUC."""
    auc = placed.doubled_u / (2 * placed.n_positive * (placed.n_samples - placed.n_positive))
    columns = {"optimism": np.where(asked.is_negative, -1.0, 1.0) * (asked.auc - auc)}
    if placed.between is not None:
        columns["log10_p_held_out"] = log10_p_between_groups(placed, asked.is_negative)
    elif independent:
        columns["log10_p_held_out"] = _log10_p_of_samples(placed, asked.is_negative)
    return columns


def _by_highest(placed: Placements, asked: Asked, independent: bool) -> Columns:
    """Return what tests formulas by their hits among the highest samples.

    If all values are equal, none is among the highest, and nothing is tested.
    """
    score, log10_p = np.full((2, placed.n_hits.size), np.nan)
    for name in OF_HIGHEST:
        for n_samples in np.unique(placed.n_samples).tolist():
            at = np.flatnonzero((asked.objective == name) & (placed.n_samples == n_samples))
            of_name = placed.take(at)
            counts = of_name.n_positive, of_name.n_hits, of_name.n_highest
            score[at] = value_of_highest(name, *counts, n_samples)
    if independent and placed.between is None:
        some = np.flatnonzero(placed.n_highest)
        tested = placed.take(some)
        log10_p[some] = log10_p_of_hits(
            tested.n_positive, tested.n_hits, tested.n_highest, tested.n_samples
        )
    return {
        "score_held_out": score,
        "optimism": asked.score - score,
        "log10_p_held_out": log10_p,
    }


def _log10_p_of_samples(placed: Placements, is_negative: np.ndarray) -> np.ndarray:
    """Return log10 of the one-sided p given the ties, of independent samples: float64 [F]."""
    rank_sum = placed.doubled_u + placed.n_positive * (placed.n_positive + 1)
    log10_p = np.zeros(len(rank_sum))
    for alternative, which in (("greater", ~is_negative), ("less", is_negative)):
        at = np.flatnonzero(which)
        log10_p[at], _ = log10_p_given_ties(
            placed.n_positive[at], rank_sum[at], at, placed.ties, alternative
        )
    return log10_p
