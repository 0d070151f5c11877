"""Null distributions of searches on permuted samples, shared by units with like ties."""

import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from invert_core.concepts import ConceptSet
from invert_core.kernels.atoms import Atoms
from invert_core.kernels.shuffles import drawn_counts
from invert_core.kernels.ties import Ties
from invert_core.nulls import shared
from invert_core.nulls.nodes import Node, places_of, places_of_highest
from invert_core.nulls.shared import SharedNulls, drawn_highest, permuted_ranks, permuted_units
from invert_core.nulls.statistic import TOLERANCE, n_as_small, row_statistics
from invert_core.search.beam_search import BeamSearch
from invert_core.search.exhaustive_search import ExhaustiveSearch
from invert_core.search.masked_search import MaskedSearch
from invert_core.search.measured_search import MeasuredSearch
from invert_core.search.objectives import Given
from invert_core.search.unit_result import unit_results
from invert_core.settings import Settings
from tests.naive import corrections as naive

SEEDS = np.random.default_rng(1).integers(2**64, size=40, dtype=np.uint64)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))


def concepts(n_samples=60, n_concepts=4, missing=False):
    rng = np.random.default_rng(2)
    labels = (rng.random((n_samples, n_concepts)) < 0.3).astype(np.int8)
    if missing:
        labels[rng.random(labels.shape) < 0.1] = -1
    return ConceptSet.from_arrays(labels, [f"c{number}" for number in range(n_concepts)])


SETTINGS = Settings(objective="auc", length=2, beam=2, min_fraction=0.05, permutations=40, seed=1)


@pytest.mark.parametrize("kind", [BeamSearch, ExhaustiveSearch])
@pytest.mark.parametrize("node", [Node(60), Node(42), Node(4), Node(30, is_highest=True)])
@pytest.mark.parametrize("direction", ["positive", "both"])
def test_ranks_that_are_permuted_give_what_permuted_activations_give(kind, node, direction):
    search = kind(
        concepts(),
        Settings(objective="auc", length=2, beam=2, min_fraction=0.05, direction=direction)
        if kind is BeamSearch
        else Settings(length=2, beam=2, direction=direction, search="exhaustive"),
    )
    fast = search.explain_scored(Given(permuted_ranks(node, SEEDS[:5], search.atoms)))
    slow = search.explain(permuted_units(node, SEEDS[:5], 60))
    np.testing.assert_array_equal(fast.n_positive, slow.n_positive)
    np.testing.assert_array_equal(fast.rank_sum, slow.rank_sum)
    np.testing.assert_array_equal(fast.log10_p, slow.log10_p)
    assert [array.tolist() for array in fast.ties] == [array.tolist() for array in slow.ties]


@pytest.mark.parametrize("objective", ["phi", "iou"])
@pytest.mark.parametrize("direction", ["positive", "negative", "both"])
def test_highest_samples_that_are_drawn_give_what_such_units_give(objective, direction):
    settings = Settings(
        length=2, beam=2, min_fraction=0.05, direction=direction, objective=(objective,)
    )
    search = MeasuredSearch(concepts(), settings)
    node = Node(20, is_of_highest=True)
    each = np.arange(60, dtype=np.int32)
    counts = drawn_counts(SEEDS[:5], Atoms(each, np.ones(60, np.int64)), 20, 2)
    assert (counts.sum(axis=(0, 2)) == 40).all()
    assert counts.max() == 1
    highest, lowest = counts if direction == "both" else (counts[0], counts[0] * 0)
    units = (highest - lowest).astype(np.float32)
    fast = search.explain_scored(drawn_highest(node, SEEDS[:5], search.atoms, settings.directions))
    slow = search.explain(-units if direction == "negative" else units)
    for name in ("literals", "n_positive", "score", "log10_p", "n_highest"):
        np.testing.assert_array_equal(getattr(fast, name), getattr(slow, name))


def test_the_null_of_the_highest_is_held_against_exact_chance():
    labels = np.arange(60) < 15
    only = ConceptSet.from_arrays(labels[:, None], ["a"])
    settings = Settings(
        length=1, beam=1, min_fraction=0.2, max_fraction=0.3, permutations=4_000, objective=("phi",)
    )
    search = MeasuredSearch(only, settings)
    nulls = SharedNulls(search, only, 1)
    places = places_of_highest(np.array([[20]]), 60, 20)
    nulls.n_as_small(places, np.array([0]), np.array([0]), np.array([0.0]))
    found = nulls._nulls[Node(20, is_of_highest=True)][:, 0]
    hits = scipy.stats.hypergeom(60, 20, 15)
    both = np.minimum(hits.cdf(np.arange(16)), hits.sf(np.arange(16) - 1))
    expected = np.log10(np.minimum(1.0, 2.0 * both))
    levels, numbers = np.unique(found.round(6), return_counts=True)
    for level, number in zip(levels, numbers, strict=True):
        chance = hits.pmf(np.arange(16))[np.abs(expected - level) < 1e-4].sum()
        assert abs(number / 4_000 - chance) < 4 * (chance / 4_000) ** 0.5 + 1e-3


def test_units_lie_between_nodes_by_how_many_samples_are_the_highest():
    numbers = np.array([[500, 500], [0, 0], [510, 510], [500, 499], [30_000, 30_000]])
    places = places_of_highest(numbers, 50_000, 500)
    nodes = [(places.nodes[one].n_untied if one >= 0 else -1) for one in places.above]
    below = [(places.nodes[one].n_untied if one >= 0 else -1) for one in places.below]
    assert (nodes[0], below[0]) == (500, 500)
    assert below[2] == 500 < 510 < nodes[2]
    assert [nodes[number] for number in (1, 3, 4)] == [-1, -1, -1]
    alone = places_of_highest(numbers[:, :1], 50_000, 500)
    assert alone.above[4] >= 0


def test_a_null_distribution_is_that_of_all_orders_of_the_samples():
    rng = np.random.default_rng(3)
    labels = rng.random((6, 3)) < 0.5
    search = BeamSearch(
        ConceptSet.from_arrays(labels, ["a", "b", "c"]),
        Settings(objective="auc", length=2, beam=1, min_fraction=0.1, permutations=4_000),
    )
    values = np.array([0, 0, 1, 2, 3, 4])
    orders = np.array([values[list(order)] for order in itertools.permutations(range(6))])
    every = row_statistics(search.explain(orders.astype(np.float32)), search.settings)[:, 0]
    levels, counts = np.unique(every.round(9), return_counts=True)
    nulls = SharedNulls(search, ConceptSet.from_arrays(labels, ["a", "b", "c"]), 1)
    nulls.n_as_small(places_of(Ties.of([values])), np.array([0]), np.array([0]), np.array([0.0]))
    found = nulls._nulls[Node(4)][:, 0].round(9)
    observed = np.array([(found == level).sum() for level in levels])
    assert observed.sum() == 4_000
    assert scipy.stats.chisquare(observed, counts / 720 * 4_000).pvalue > 1e-3


def counted(nulls, values, log10_p):
    rows = len(log10_p)
    first = np.zeros(rows, np.int64)
    return nulls.n_as_small(places_of(Ties.of([values])), first, first, np.array(log10_p)).tolist()


def test_a_unit_between_two_nodes_gets_the_larger_count():
    search = BeamSearch(concepts(), SETTINGS)
    nulls = SharedNulls(search, concepts(), 1)
    values = np.concatenate([np.zeros(25), np.arange(1, 36)])
    asked = np.linspace(-3, 0, 50)
    found = counted(nulls, values, asked)
    assert set(nulls._nulls) == {Node(42), Node(30)}
    each = [n_as_small(null, np.zeros(50, np.int64), asked) for null in nulls._nulls.values()]
    assert found == np.maximum(*each).tolist()
    assert (each[0] != each[1]).any()


def test_a_unit_that_is_unlike_all_nodes_is_not_counted():
    nulls = SharedNulls(BeamSearch(concepts(), SETTINGS), concepts(), 1)
    assert counted(nulls, np.repeat([1.0, 2.0, 3.0], 20), [-1.0]) == [-1]


@pytest.mark.parametrize("kind", ["beam", "exhaustive", "masked"])
def test_null_distributions_do_not_depend_on_threads(kind):
    made = concepts(missing=kind == "masked")
    options = {"length": 2, "beam": 2, "min_fraction": 0.05, "permutations": 17}
    if kind == "exhaustive":
        search = ExhaustiveSearch(made, Settings(**options, search="exhaustive"))
    else:
        search = (MaskedSearch if kind == "masked" else BeamSearch)(
            made, Settings(objective="auc", **options)
        )
    values = np.concatenate([np.zeros(25), np.arange(1, 36)])
    found = []
    for n_threads in (1, 3):
        nulls = SharedNulls(search, made, n_threads)
        nulls._kept._identity = None
        counted(nulls, values, [-1.0])
        found.append(nulls._nulls)
    assert found[0].keys() == found[1].keys()
    for node, null in found[0].items():
        np.testing.assert_array_equal(null, found[1][node])


def test_another_process_reads_what_was_computed(monkeypatch):
    search = BeamSearch(concepts(), SETTINGS)
    values = np.concatenate([np.zeros(25), np.arange(1, 36)])
    asked = np.linspace(-3, 0, 50)
    first = counted(SharedNulls(search, concepts(), 1), values, asked)
    monkeypatch.setattr(shared, "shuffled_sums", None)
    assert counted(SharedNulls(search, concepts(), 1), values, asked) == first


@pytest.mark.parametrize(
    "change",
    [{"seed": 2}, {"permutations": 41}, {"length": 1}, {"min_fraction": 0.1}, {"beam": 1}],
    ids=str,
)
def test_other_settings_do_not_use_it(change):
    values = np.concatenate([np.zeros(25), np.arange(1, 36)])
    nulls = []
    for settings in (SETTINGS, Settings(**vars(SETTINGS) | change)):
        made = SharedNulls(BeamSearch(concepts(), settings), concepts(), 1)
        counted(made, values, [-1.0])
        nulls.append(made._nulls[Node(30)])
    assert not np.array_equal(*nulls)


@given(st.integers(0, 2**32), st.sampled_from(["positive", "both"]), st.sampled_from([0.0, 0.1]))
def test_the_statistic_of_a_rank_is_the_p_of_its_row(seed, direction, min_gain):
    rng = np.random.default_rng(seed)
    units = rng.normal(size=(3, 60)).astype(np.float32)
    settings = Settings(
        objective="auc", length=2, beam=3, min_fraction=0.05, direction=direction, min_gain=min_gain
    )
    search = BeamSearch(concepts(), settings)
    result = search.explain(units)
    found = row_statistics(result, settings)
    p = {}
    for unit, way, place in zip(*np.nonzero(result.length), strict=True):
        key = unit, way, result.n_positive[unit, way, place], result.rank_sum[unit, way, place]
        p[key] = result.log10_p[unit, way, place]
    for unit, ways in enumerate(unit_results(result, settings)):
        for rank in range(settings.beam):
            each = [
                p[unit, way, one.n_positive, one.doubled_u + one.n_positive * (one.n_positive + 1)]
                for way, of_way in enumerate(ways)
                for one in of_way.reported[rank : rank + 1]
            ]
            missing = [0.0] * (len(ways) - len(each))
            assert found[unit, rank] == min(each + missing)
        of_lengths = [
            (
                p[unit, way, one.n_positive, one.doubled_u + one.n_positive * (one.n_positive + 1)],
                one,
            )
            for way, of_way in enumerate(ways)
            for one in of_way.by_length
        ]
        corrected = [
            naive.log10_p_search(log10_p, naive.n_formulas(4, one.length, len(ways) == 2))
            for log10_p, one in of_lengths
        ]
        assert found[unit, settings.beam] == pytest.approx(min(corrected), abs=1e-9)


def test_rows_as_good_as_a_permuted_one_up_to_rounding_count_as_equal():
    null = np.array([[-3.0], [-2.0], [-1.0]])
    asked = np.array([-2.0 + TOLERANCE / 2, -2.0 - TOLERANCE / 2, -2.0 - 3 * TOLERANCE])
    assert n_as_small(null, np.zeros(3, np.int64), asked).tolist() == [2, 2, 1]
