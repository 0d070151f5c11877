import threading
import time

import numpy as np
import pytest

from invert_core.activations.sparse import SparseUnits
from invert_core.concepts import ConceptSet
from invert_core.errors import SettingError
from invert_core.executors.threads import Threads
from invert_core.search.beam_search import BeamSearch
from invert_core.search.exhaustive_search import ExhaustiveSearch
from invert_core.search.masked_search import MaskedSearch
from invert_core.search.masked_unit import RankedUnit
from invert_core.search.search_result import SearchResult
from invert_core.search.unit_result import unit_results
from invert_core.settings import Settings

N_SAMPLES, N_CONCEPTS = 300, 12


def concepts(*, are_missing=False, seed=3):
    rng = np.random.default_rng(seed)
    labels = rng.random((N_SAMPLES, N_CONCEPTS)) < 0.2
    defined = (rng.random((N_SAMPLES, 3)) < 0.8)[:, np.arange(N_CONCEPTS) % 3]
    names = [f"c{i}" for i in range(N_CONCEPTS)]
    if not are_missing:
        return ConceptSet.from_arrays(labels, names)
    return ConceptSet.from_arrays(np.where(defined, labels, -1), names)


def rectified_units(n_units, seed=4):
    """Make units of which the last but one is dead."""
    values = np.random.default_rng(seed).normal(size=(n_units, N_SAMPLES))
    values[n_units - 2] = 0.0
    return np.maximum(values, 0).astype(np.float32)


def as_sparse(units):
    rows, samples = np.nonzero(units)
    starts = np.searchsorted(rows, np.arange(len(units) + 1)).astype(np.int64)
    return SparseUnits(units.shape[1], starts, samples.astype(np.int32), units[rows, samples])


SEARCHES = {
    "beam": lambda: BeamSearch(concepts(), Settings()),
    "exhaustive": lambda: ExhaustiveSearch(concepts(), Settings(length=2)),
    "masked": lambda: MaskedSearch(concepts(are_missing=True), Settings()),
}


@pytest.mark.parametrize("kind", SEARCHES)
def test_results_come_in_the_order_of_the_units_whatever_the_threads_and_blocks(kind):
    search, units = SEARCHES[kind](), rectified_units(30)
    expected = [search.unit(unit) for unit in units]
    assert [one.reported for one in expected[28]] == [()]
    assert expected[0][0].reported
    for jobs, size in ((1, 30), (2, 7), (3, 1)):
        blocks = [units[start : start + size] for start in range(0, 30, size)]
        found = [piece.found for piece in Threads(jobs).pieces(search, blocks)]
        assert unit_results(SearchResult.joined(found), search.settings) == expected


@pytest.mark.parametrize("size", [1, 7, 30])
def test_a_piece_keeps_the_activations_that_it_was_made_of(size):
    search, units = SEARCHES["beam"](), rectified_units(30)
    blocks = [units[start : start + size] for start in range(0, 30, size)]
    pieces = list(Threads(2).pieces(search, blocks))
    assert sum(map(len, pieces)) == 30
    assert np.array_equal(np.concatenate([piece.units for piece in pieces]), units)


def test_pieces_of_sparse_units_stay_sparse():
    search, units = SEARCHES["beam"](), rectified_units(30)
    at = 0
    for piece in Threads(2).pieces(search, [as_sparse(units)]):
        for number in range(len(piece)):
            samples, values = piece.units[number]
            assert np.array_equal(samples, np.flatnonzero(units[at]))
            assert np.array_equal(values, units[at][samples])
            at += 1
    assert at == 30


def test_an_interrupt_while_reading_ends_the_threads():
    search = SEARCHES["beam"]()

    def blocks():
        yield rectified_units(20)
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        list(Threads(2).pieces(search, blocks()))
    assert threading.active_count() == before


def test_whoever_stops_early_leaves_no_thread_and_no_unit_that_was_not_begun():
    search, begun = SEARCHES["beam"](), []
    explain = search.explain

    def slowly(units, watch):
        begun.append(len(units))
        time.sleep(0.02)
        return explain(units, watch)

    search.explain = slowly
    before = threading.active_count()
    pieces = Threads(2).pieces(search, iter([rectified_units(2)] * 100))
    next(pieces)
    pieces.close()
    assert threading.active_count() == before
    assert sum(begun) < 20


def test_an_interrupt_ends_a_unit_that_takes_long(monkeypatch):
    # 40 concepts with samples of their own: 40 rankings for the literals alone, of 50 ms each.
    rng = np.random.default_rng(6)
    labels, defined = rng.random((200, 40)) < 0.3, rng.random((200, 40)) < 0.8
    lone = ConceptSet.from_arrays(np.where(defined, labels, -1), [f"c{i}" for i in range(40)])
    search = MaskedSearch(lone, Settings(length=1))
    rank, ranked = RankedUnit._rank, []

    def slow_rank(unit, domain, words):
        ranked.append(domain)
        time.sleep(0.05)
        return rank(unit, domain, words)

    def interrupt(_share):
        raise KeyboardInterrupt

    monkeypatch.setattr(RankedUnit, "_rank", slow_rank)
    with pytest.raises(KeyboardInterrupt):
        list(Threads(1).pieces(search, [rng.normal(size=(1, 200))], interrupt))
    assert len(ranked) < 40


def test_ticks_add_up_what_is_done_of_the_units_at_work_and_forget_what_was_handed_over():
    search, ticks = SEARCHES["masked"](), []
    explain = search.explain
    halfway, told = threading.Barrier(2), threading.Event()

    def with_a_rest(units, watch):
        watch.note(0.5)
        halfway.wait()
        assert told.wait(30)
        return explain(units, watch)

    def tick(n_done):
        ticks.append(n_done)
        if n_done == 1.0:
            told.set()

    search.explain = with_a_rest
    assert len(list(Threads(2).pieces(search, [rectified_units(2)], tick))) == 2
    assert ticks[-1] == 1.0
    assert max(ticks) == 1.0


@pytest.mark.parametrize("jobs", [0, -1, 1.5, "2"])
def test_a_number_of_threads_that_is_none_is_refused(jobs):
    with pytest.raises(SettingError, match="--jobs"):
        Threads(jobs)


class Nothing:
    """A search that finds nothing, at once."""

    def __init__(self, most_units=64):
        self.most_units = most_units

    def explain(self, units, watch):
        return None


def sparse_units(n_units, n_samples, n_stored):
    starts = np.arange(n_units + 1) * n_stored
    samples = np.tile(np.arange(n_stored, dtype=np.int32), n_units)
    return SparseUnits(n_samples, starts, samples, np.ones(n_units * n_stored, np.float32))


@pytest.mark.parametrize(
    ("block", "jobs", "expected"),
    [
        (np.zeros((64, 1_000), np.float32), 1, [64]),
        (np.zeros((64, 1_000), np.float32), 2, [32, 32]),
        (np.zeros((64, 1_000), np.float32), 64, [16] * 4),  # smaller ones cost more than they help
        (np.zeros((64, 100_000), np.float32), 1, [16] * 4),  # of 20, but all alike
        (np.zeros((5, 3_000_000), np.float32), 2, [1] * 5),
        (sparse_units(512, 1_000_000, 2_000), 2, [64] * 8),  # what is not stored costs nothing
        (sparse_units(512, 1_000_000, 200_000), 2, [10] * 51 + [2]),
        (sparse_units(100, 1_000_000, 0), 1, [50] * 2),
        (np.zeros((1, 10), np.float32), 2, [1]),
    ],
)
def test_pieces_are_sized_by_the_values_that_they_hold(block, jobs, expected):
    assert [len(piece) for piece in Threads(jobs).pieces(Nothing(), [block])] == expected


def test_a_search_that_takes_long_gets_one_unit_at_a_time():
    pieces = Threads(2).pieces(Nothing(most_units=1), [np.zeros((9, 10))])
    assert [len(piece) for piece in pieces] == [1] * 9


def test_units_before_an_error_are_searched_and_the_error_comes_after_them():
    def blocks():
        yield from [np.zeros((1, 10))] * 3
        raise ZeroDivisionError

    pieces = Threads(2).pieces(Nothing(), blocks())
    assert [len(next(pieces)) for _ in range(3)] == [1] * 3
    with pytest.raises(ZeroDivisionError):
        next(pieces)
