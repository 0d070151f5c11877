"""Tests of found formulas on held-out samples, in one pass over the units."""

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.formula.formula import Formula
from invert_core.kernels.bits import whole_set
from invert_core.kernels.jobs import GROUP_PLACEMENTS, PLACEMENTS, TAILS, jobs_of_types
from invert_core.kernels.placements import Placements, placements
from invert_core.kernels.warm_up import compile_jobs
from invert_core.labelling.workload import Workload
from invert_core.results.label_table import LabelTable
from invert_core.search.search import Units
from invert_core.settings import OF_HIGHEST
from invert_core.statistics.conditional import log10_p_given_ties
from invert_core.statistics.grouped_auc import FEWEST, log10_p_between_groups
from invert_core.statistics.intervals import auc_interval
from invert_core.wording import counted

_UNITS = 16
"""The most units that a thread tests at once."""

_INFERRED = ("auc_held_out_low", "auc_held_out_high", "p_held_out", "log10_p_held_out")
"""The columns that need to know which samples are independent."""

_OF_SEARCHED_AUC = ("p_held_out", "log10_p_held_out", "optimism")
"""The columns that compare a held-out AUC with what the search found."""

_log = logging.getLogger("invert")

Columns = dict[str, np.ndarray]


class Asked(NamedTuple):
    """F formulas to test, in the order of their units.

    `unit` int64 [F] is the position of the unit; `formula` are formulas in concept ids, and
    `direction` [F] those of the searches. `auc` float64 [F] is the AUC on the searched samples.
    """

    unit: np.ndarray
    formula: Sequence[str]
    direction: np.ndarray
    auc: np.ndarray


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
                of_units = asked.unit[at] - start
                return _tested(part, of_units, asked.formula[at], asked.direction[at], basis)

            found = list(_in_flight(pool, of_part, ahead.take(n_units), n_threads + 1))
            columns = {name: np.concatenate([of[name] for of in found]) for name in found[0]}
            sign = np.where(asked.direction == "negative", -1.0, 1.0)
            columns["optimism"] = sign * (asked.auc - columns["auc_held_out"])
            is_tested = np.isfinite(columns["auc_held_out"])
            n_tested += int(is_tested.sum())
            n_lacking += int((is_tested & np.isnan(columns["p_held_out"])).sum())
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


def leave_out_tests_of_auc(columns: Columns, is_of_highest: np.ndarray | bool) -> Columns:
    """Empty the columns that say how an AUC holds where the search did not ask for one.

    `is_of_highest`, a bool or bool [F], says which formulas were found by what is true of the
    highest samples only.
    """
    emptied = {name: np.where(is_of_highest, np.nan, columns[name]) for name in _OF_SEARCHED_AUC}
    return columns | emptied


def with_held_out(table: LabelTable, test: Test) -> LabelTable:
    """Fill in the columns of held-out samples of a table of whole units."""
    unit = np.cumsum(table.begins_unit()) - 1
    formulas = table.values("formula")
    at = np.array([row for row, text in enumerate(formulas) if text], np.int64)  # no dead units
    texts = [formulas[row] for row in at.tolist()]
    asked = Asked(unit[at], texts, table.array("direction")[at], table.array("auc")[at])
    filled = {}
    is_of_highest = np.isin(table.array("objective")[at].astype(str), OF_HIGHEST)
    tested = leave_out_tests_of_auc(test(asked, int(unit[-1]) + 1), is_of_highest)
    for name, values in tested.items():
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


def _tested(
    units: Units,
    unit: np.ndarray,
    formulas: Sequence[str],
    direction: np.ndarray,
    basis: _Basis,
) -> Columns:
    """Return the columns of formulas, each on one of the units and searched in a direction."""
    concepts = basis.concepts
    words = {text: _words(Formula.parse(text), concepts) for text in dict.fromkeys(formulas)}
    n_words = concepts.bits.shape[1]
    extents = np.array([words[text][0] for text in formulas], np.uint64).reshape(-1, n_words)
    domains = np.array([words[text][1] for text in formulas], np.uint64).reshape(-1, n_words)
    placed = placements(
        *(units, unit, extents, None if concepts.defined is None else domains),
        *(concepts.n_samples, basis.group),
    )
    columns = {
        "n_positive_held_out": placed.n_positive.astype(np.float64),
        "n_samples_held_out": placed.n_samples.astype(np.float64),
    }
    some = np.flatnonzero((placed.n_positive > 0) & (placed.n_positive < placed.n_samples))
    compared = _compared(placed.take(some), direction[some] == "negative", basis.independent)
    for name, values in compared.items():
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


def _compared(placed: Placements, is_negative: np.ndarray, independent: bool) -> Columns:
    """Return the columns of formulas that are true on some samples and false on others."""
    n_others = placed.n_samples - placed.n_positive
    auc = placed.doubled_u / (2 * placed.n_positive * n_others)
    if placed.between is not None:
        log10_p = log10_p_between_groups(placed, is_negative)
    elif independent:
        log10_p = _log10_p_of_samples(placed, is_negative)
    else:
        return {"auc_held_out": auc} | dict.fromkeys(_INFERRED, np.full(auc.size, np.nan))
    inferred = *auc_interval(placed), 10.0**log10_p, log10_p
    return {"auc_held_out": auc} | dict(zip(_INFERRED, inferred, strict=True))


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
