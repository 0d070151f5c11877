"""Tests of found formulas on held-out samples, in one pass over the units."""

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace

import numpy as np

from invert_core.kernels.jobs import GROUP_PLACEMENTS, PLACEMENTS, TAILS, jobs_of_types
from invert_core.kernels.warm_up import compile_jobs
from invert_core.labelling.held_out_formulas import Asked, Basis, Unseen, tested
from invert_core.labelling.workload import Workload
from invert_core.results.label_table import LabelTable
from invert_core.results.verdicts import JUDGED_BY, verdicts
from invert_core.search.objectives import share_of_highest
from invert_core.search.search import Units
from invert_core.statistics.grouped_auc import FEWEST
from invert_core.wording import counted

_UNITS = 16
"""The most units that a thread tests at once."""

_log = logging.getLogger("invert")


Test = Callable[[Asked, int], Unseen]
"""Tests formulas on the next units, given how many these are."""
NO_CUTS = np.zeros(0, np.int64)


@contextmanager
def held_out_test(
    work: Workload,
    n_threads: int,
    block: int | None = None,
    *,
    independent: bool,
    cuts: np.ndarray = NO_CUTS,
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
    cuts : int64 [K], optional
        The numbers of samples at the top of a unit among which hits are counted.
    """
    group = None if work.groups is None else np.array(work.groups.number)
    basis = Basis(work.concepts, group, independent, cuts)
    compile_jobs(
        *(PLACEMENTS, TAILS if group is None else GROUP_PLACEMENTS),
        *jobs_of_types(work.dtypes),
    )
    n_tested = n_lacking = 0
    with closing(work.blocks(block)) as blocks, ThreadPoolExecutor(n_threads) as pool:
        ahead = _Ahead(blocks)

        def test(asked: Asked, n_units: int) -> Unseen:
            nonlocal n_tested, n_lacking

            def of_part(part: Units, start: int) -> Unseen:
                at = slice(*np.searchsorted(asked.unit, [start, start + len(part)]).tolist())
                return tested(part, start, asked.take(at), basis)

            parts = _in_flight(pool, of_part, ahead.take(n_units), n_threads + 1)
            found = Unseen.joined(list(parts))
            is_tested = np.isfinite(found.columns["auc_held_out"])
            n_tested += int(is_tested.sum())
            n_lacking += int((is_tested & np.isnan(found.columns["auc_held_out_low"])).sum())
            return found

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
    """Fill in the columns of held-out samples of a table of whole units, and judge labels by them.

    `quantile` is that of the settings of the search. Labels without evidence stay without verdict.
    """
    formula = np.array(table.values("formula"), object)
    at = np.flatnonzero(formula != "")  # no dead units
    unit = np.cumsum(table.begins_unit()) - 1
    of_rows = {name: table.array(name)[at] for name in ("direction", "objective", "auc", "score")}
    counts = table.array("n_samples")[at].tolist()
    share = np.array([share_of_highest(count, quantile) for count in counts])
    asked = Asked(unit=unit[at], formula=formula[at], share=share, **of_rows)
    filled = {}
    for name, values in test(asked, int(unit[-1]) + 1).columns.items():
        filled[name] = np.full(len(table), np.nan)
        filled[name][at] = values
    found = replace(table, rows=dict(table.rows) | filled)
    at = at[table.array("verdict")[at] != "none"]
    verdict = np.array(table.values("verdict"), object)
    verdict[at] = verdicts({name: found.array(name)[at] for name in JUDGED_BY}, is_made=True)
    return replace(found, rows=dict(found.rows) | {"verdict": verdict})


def _in_flight(
    pool: ThreadPoolExecutor,
    test: Callable[[Units, int], Unseen],
    parts: Iterable[Units],
    n_parts: int,
) -> Iterator[Unseen]:
    """Yield what the test of each part finds, with few parts in memory at a time."""
    waiting: deque[Future[Unseen]] = deque()
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
