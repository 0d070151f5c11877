"""Null distributions of single units: every unit searched again in other arrangements."""

from concurrent.futures import CancelledError

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invert_core import label
from invert_core.activations.groups import Groups
from invert_core.activations.sparse import SparseUnits
from invert_core.concepts import ConceptSet
from invert_core.executors.threads import Threads
from invert_core.kernels.atoms import Atoms
from invert_core.kernels.tails import TWO_SIDED, log_tails
from invert_core.kernels.ties import Ties
from invert_core.nulls import own
from invert_core.nulls.arrangements import any_order, any_order_of_groups, exchanges, shifts
from invert_core.nulls.own import Permuting
from invert_core.nulls.statistic import row_statistics
from invert_core.search.beam_search import BeamSearch
from invert_core.search.exhaustive_search import ExhaustiveSearch
from invert_core.search.findings import Findings
from invert_core.search.masked_search import MaskedSearch
from invert_core.search.search import Watch
from invert_core.search.search_result import SearchResult
from invert_core.search.unit_result import unit_results
from invert_core.settings import Settings
from invert_core.statistics.tails import LN10
from tests import naive

SEARCHES = {"beam": BeamSearch, "exhaustive": ExhaustiveSearch, "masked": MaskedSearch}


def concept_set(labels):
    return ConceptSet.from_arrays(labels, [f"c{i}" for i in range(labels.shape[1])])


def every(result):
    return np.ones(len(result), bool)


def case(kind, seed, n_groups=9, n_concepts=4, n_units=3):
    """Units, and labels that are constant within groups, some of which are missing if masked."""
    rng = np.random.default_rng(seed)
    number = np.repeat(np.arange(n_groups), rng.integers(1, 6, size=n_groups))
    labels = (rng.random((n_groups, n_concepts)) < 0.4).astype(np.int8)
    labels[:2] = [[0] * n_concepts, [1] * n_concepts]
    if kind == "masked":
        labels[rng.random(labels.shape) < 0.2] = -1
        labels[:2] = [[0] * n_concepts, [-1] + [1] * (n_concepts - 1)]
    units = rng.normal(size=(n_units, number.size)).round(1)
    return np.maximum(units, -0.5), labels[number], number


def search_of(kind, labels, **changed):
    options = {"length": 2, "min_fraction": 0.0, "max_fraction": 1.0, "beam": 2} | changed
    if kind == "exhaustive":
        options["search"] = "exhaustive"
    return SEARCHES[kind](concept_set(labels), Settings(objective="auc", **options))


@pytest.mark.parametrize("kind", SEARCHES)
@given(seed=st.integers(0, 10**6), direction=st.sampled_from(["positive", "both"]))
@settings(max_examples=15, deadline=None)
def test_a_relabelled_search_finds_what_a_new_one_finds(kind, seed, direction):
    units, labels, number = case(kind, seed)
    rng = np.random.default_rng([seed, 1])
    _, first = np.unique(number, return_index=True)
    search = search_of(kind, labels, direction=direction)
    of_sample = search.atoms.of_sample[rng.permutation(first)[number]]
    sizes = np.bincount(of_sample, minlength=search.atoms.sizes.size)
    moved = search.relabelled(Atoms(of_sample, sizes))
    _, of_atom = np.unique(search.atoms.of_sample, return_index=True)
    new = search_of(kind, labels[of_atom[of_sample]], direction=direction)
    found, expected = moved.explain(units), new.explain(units)
    assert unit_results(found, search.settings) == unit_results(expected, search.settings)
    np.testing.assert_array_equal(found.log10_p, expected.log10_p)
    assert not np.array_equal(sizes, search.atoms.sizes) or search.atoms.sizes.size < 9


def arrangements_for(name, number):
    groups = Groups.of([str(one) for one in number])
    return {
        "any order": lambda: any_order(number.size),
        "labels of groups": lambda: any_order_of_groups(groups),
        "exchanges": lambda: exchanges(groups),
        "shifts": lambda: shifts(number.size),
    }[name]()


@pytest.mark.parametrize("name", ["any order", "labels of groups", "exchanges", "shifts"])
@pytest.mark.parametrize("kind", SEARCHES)
@pytest.mark.parametrize("direction", ["positive", "both"])
def test_counts_are_those_of_new_searches_among_rearranged_labels(kind, name, direction):
    units, labels, number = case(kind, 3)
    units[1] = 2.0
    arrangements = arrangements_for(name, number)
    search = search_of(kind, labels, direction=direction, permutations=23, seed=5)
    found = Permuting(search, arrangements, every).explain(units)

    blocks = arrangements.blocks
    _, first = np.unique(blocks.of_sample, return_index=True)
    null = []
    for permutation in range(23):
        drawn = arrangements.draw(np.random.default_rng((5, own._STREAM, permutation)))
        moved = search_of(kind, labels[first[drawn][blocks.of_sample]], direction=direction)
        null.append(row_statistics(moved.explain(units), search.settings))
    expected = search.explain(units)
    rows = Findings.of(expected, search.settings)
    counts = np.full(found.n_as_small.shape, -1)
    for row in np.flatnonzero(rows.rank):
        unit, rank = rows.unit[row], rows.rank[row] - 1
        is_as_small = [one[unit, rank] <= rows.log10_p[row] + 1e-9 for one in null]
        counts[unit, rows.way[row], rank] = sum(is_as_small)
    for row in np.flatnonzero(rows.is_best_of_length):
        unit, place = rows.unit[row], search.settings.beam + rows.length[row] - 1
        is_as_small = [one[unit, -1] <= rows.log10_p_of_length[row] + 1e-9 for one in null]
        counts[unit, rows.way[row], place] = sum(is_as_small)
    np.testing.assert_array_equal(found.n_as_small, counts)
    assert (found.n_as_small[1] == -1).all()
    np.testing.assert_array_equal(found.log10_p, expected.log10_p)


def statistic_of(values, rank, direction="positive"):
    ties = Ties.of([values])
    ranks = naive.doubled_midranks(values.tolist())

    def statistic(concepts):
        try:
            search = naive.beam_search(
                values.tolist(),
                concepts,
                values.size,
                length=2,
                beam=2,
                min_fraction=0.0,
                max_fraction=1.0,
                direction=direction,
            )
        except naive.NoLiteralPassesError:
            return 0.0
        if len(search.reported) <= rank:
            return 0.0
        best = search.reported[rank]
        total = sum(ranks[sample] for sample in best.extent)
        log_p, _ = log_tails(
            np.array([best.n1]), np.array([total]), np.zeros(1, np.int64), ties, TWO_SIDED
        )
        return log_p[0] / LN10

    return statistic


SMALL = {
    "labels of groups": ([3, 1, 2, 2, 1], [[1, 0], [0, 1], [1, 1], [0, 0], [0, 1]]),
    "exchanges": ([3, 2, 3, 2, 3], None),
    "shifts": ([5, 6], None),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_the_share_of_drawn_arrangements_is_near_that_of_all_arrangements(name):
    rng = np.random.default_rng(8)
    sizes, of_group = SMALL[name]
    number = np.repeat(np.arange(len(sizes)), sizes)
    n = number.size
    labels = rng.random((n, 2)) < 0.4 if of_group is None else np.array(of_group)[number] > 0
    units = rng.normal(size=(2, n)) + labels[:, 0]
    concepts = [set(np.flatnonzero(column).tolist()) for column in labels.T]
    members = [np.flatnonzero(number == group).tolist() for group in range(len(sizes))]
    n_drawn = 4000
    search = search_of("beam", labels, permutations=n_drawn)
    found = Permuting(search, arrangements_for(name, number), every).explain(units)
    for unit in range(2):
        for rank in range(2):
            all_of_them = {
                "labels of groups": lambda: naive.orders_of_labels(
                    concepts, list(map(set, members))
                ),
                "exchanges": lambda: naive.exchanges_of_groups(concepts, members),
                "shifts": lambda: naive.shifts_of_samples(concepts, n),
            }[name]()
            statistic = statistic_of(units[unit], rank)
            share = naive.share_as_small(all_of_them, concepts, statistic)
            drawn = found.n_as_small[unit, 0, rank] / n_drawn
            if drawn < 0:
                assert statistic(concepts) == 0.0  # there is no such row
                continue
            assert abs(drawn - share) < 4 * np.sqrt(share * (1 - share) / n_drawn) + 1e-12


def test_counts_do_not_depend_on_blocks_and_threads():
    units, labels, number = case("beam", 4, n_units=40)
    search = search_of("beam", labels, permutations=30)
    permuting = Permuting(search, arrangements_for("labels of groups", number), every)
    whole = permuting.explain(units).n_as_small
    for jobs, size in ((1, 40), (3, 7)):
        blocks = [units[start : start + size] for start in range(0, 40, size)]
        found = [piece.found for piece in Threads(jobs).pieces(permuting, blocks)]
        np.testing.assert_array_equal(SearchResult.joined(found).n_as_small, whole)


@pytest.mark.parametrize(("kept", "n_drawn"), [(2**26, 30), (10 * 4 * 9, 30 + 20), (0, 30 + 30)])
def test_an_arrangement_is_drawn_once_for_all_units_as_far_as_memory_allows(
    kept, n_drawn, monkeypatch
):
    units, labels, number = case("beam", 4, n_units=6)
    search = search_of("beam", labels, permutations=30)
    arrangements = arrangements_for("labels of groups", number)
    assert arrangements.blocks.sizes.size == 9
    whole = Permuting(search, arrangements, every).explain(units).n_as_small

    drawn = []

    def draw(random):
        drawn.append(arrangements.draw(random))
        return drawn[-1]

    monkeypatch.setattr(own, "_KEPT", kept)
    permuting = Permuting(search, arrangements._replace(draw=draw), every)
    parts = [permuting.explain(units[:2]), permuting.explain(units[2:])]
    np.testing.assert_array_equal(SearchResult.joined(parts).n_as_small, whole)
    assert len(drawn) == n_drawn


def test_another_seed_draws_other_arrangements():
    units, labels, number = case("beam", 4, n_units=10)
    found = [
        Permuting(
            search_of("beam", labels, permutations=50, seed=seed),
            arrangements_for("exchanges", number),
            every,
        )
        .explain(units)
        .n_as_small
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


def test_only_the_units_that_need_it_are_permuted():
    units, labels, number = case("beam", 5, n_units=6)
    units[4] = 1.0
    chosen = np.array([True, False, False, True, True, False])
    search = search_of("beam", labels, permutations=20)
    some = Permuting(search, any_order(number.size), lambda _: chosen).explain(units).n_as_small
    all_units = Permuting(search, any_order(number.size), every).explain(units).n_as_small
    assert (some[[1, 2, 4, 5]] == -1).all()
    np.testing.assert_array_equal(some[[0, 3]], all_units[[0, 3]])


@pytest.mark.parametrize("kind", ["beam", "masked"])
def test_units_that_store_few_values_are_permuted_like_the_same_in_full(kind):
    units, labels, number = case(kind, 6, n_units=4)
    units = np.maximum(units, 0).astype(np.float32)
    units[2] = 0
    stored = [np.flatnonzero(unit) for unit in units]
    sparse = SparseUnits(
        number.size,
        np.cumsum([0, *map(len, stored)]),
        np.concatenate(stored).astype(np.int32),
        np.concatenate([unit[at] for unit, at in zip(units, stored, strict=True)]),
    )
    search = search_of(kind, labels, permutations=25)
    permuting = Permuting(search, arrangements_for("labels of groups", number), every)
    np.testing.assert_array_equal(
        permuting.explain(sparse).n_as_small, permuting.explain(units).n_as_small
    )


def test_a_search_that_is_stopped_ends_between_two_arrangements():
    class Stopped(Watch):
        noted = ()

        def note(self, share):
            self.noted += (share,)

        @property
        def is_stopped(self):
            return bool(self.noted)

    units, labels, number = case("beam", 7, n_units=1)
    search = search_of("beam", labels, permutations=2000)
    watch = Stopped()
    with pytest.raises(CancelledError):
        Permuting(search, any_order(number.size), every).explain(units, watch)
    assert 0 < watch.noted[0] < 1
    assert len(watch.noted) == 1


def test_units_that_share_ties_with_no_others_are_corrected_by_their_own_permutations():
    rng = np.random.default_rng(9)
    labels = {f"c{c}": rng.random(300) < 0.1 for c in range(30)}
    values = rng.choice([0.0, 1.0, 2.0], p=[0.4, 0.2, 0.4], size=(300, 3))
    values[rng.permutation(np.flatnonzero(labels["c0"]))[:20], 0] = 2.0
    rows = [
        row
        for row in label(values, labels, settings=Settings(objective="auc", beam=1))
        if row.headline
    ]
    assert rows[0].correction == "permutation"
    assert rows[0].p_search == pytest.approx(1 / 201 / 0.99)
    assert all(row.p_search > 0.05 for row in rows[1:])
