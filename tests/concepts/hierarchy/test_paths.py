import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from invert_core.concepts.hierarchy.paths import (
    children_first,
    count_chains,
    edges_among,
    find_cycle,
    reached,
)
from tests.concepts.hierarchy import naive
from tests.concepts.hierarchy.random_hierarchies import IDS, edges, hierarchies

SOME = st.lists(st.sampled_from(IDS), unique=True)


@settings(max_examples=50)
@given(st.lists(st.lists(st.integers(0, 5)), min_size=6, max_size=6))
def test_a_cycle_is_found_wherever_there_is_one(above):
    parents = dict(enumerate(above))
    step = np.zeros((6, 6), bool)
    for child, row in parents.items():
        step[child, row] = True
    power, circular = step, step.diagonal().any()
    for _ in range(6):
        power = power @ step
        circular |= power.diagonal().any()
    cycle = find_cycle(parents)
    assert bool(cycle) == circular
    if cycle:
        assert cycle[0] == cycle[-1]
        assert len(set(cycle)) == len(cycle) - 1
        assert naive.is_way(cycle, {(child, up) for child in parents for up in parents[child]})


def test_a_long_way_up_is_no_matter_of_recursion():
    parents = {row: [row + 1] for row in range(20_000)}
    assert find_cycle(parents) == []
    assert find_cycle(parents | {20_000: [19_999]}) == [19_999, 20_000, 19_999]


@settings(max_examples=50)
@given(hierarchies(), SOME)
def test_what_is_above_is_reached_once_and_what_is_nearer_first(parents, starts):
    found = reached(starts, parents)
    assert found[: len(starts)] == starts
    assert len(set(found)) == len(found)
    assert set(found) == {up for id in starts for up in naive.above(id, edges(parents))}
    distance = {
        up: min(
            len(way)
            for start in starts
            for way in naive.ways(start, edges(parents))
            if way[-1] == up
        )
        for up in found
    }
    assert sorted(found, key=distance.__getitem__) == found


def test_ancestors_are_in_the_order_of_starts_and_of_their_parents():
    parents = {"a": ("x", "y"), "b": ("z", "x"), "x": ("top",), "z": ("other",)}
    assert reached(["a", "b"], parents) == ["a", "b", "x", "y", "z", "top", "other"]
    assert reached(["b", "a"], parents) == ["b", "a", "z", "x", "y", "other", "top"]


@settings(max_examples=50)
@given(hierarchies(), SOME)
def test_shortest_chains_are_counted(parents, starts):
    chains = count_chains(starts, parents)
    for id in IDS:
        assert chains[id] == naive.n_chains(id, starts, edges(parents))


def test_longer_chains_do_not_count():
    parents = {"a": ("b", "top"), "b": ("top",), "c": ("d", "e"), "d": ("top",), "e": ("top",)}
    assert count_chains(["a"], parents)["top"] == 1
    assert count_chains(["a", "c"], parents)["top"] == 3


@settings(max_examples=50)
@given(hierarchies(), SOME)
def test_edges_connect_over_what_is_left_out(parents, kept):
    found = edges_among(kept, parents)
    assert len(set(found)) == len(found)
    assert set(found) == naive.connected(kept, edges(parents))


@settings(max_examples=50)
@given(hierarchies(), SOME)
def test_edges_over_two_sets_one_after_the_other_are_those_over_both(parents, kept):
    first = [id for id in IDS if id in kept or id < "e"]
    over_first: dict[str, list[str]] = {}
    for child, parent in edges_among(first, parents):
        over_first.setdefault(child, []).append(parent)
    both = [id for id in first if id in kept]
    assert set(edges_among(both, over_first)) == set(edges_among(both, parents))


@settings(max_examples=50)
@given(hierarchies())
def test_edges_come_when_what_leads_to_their_child_has_come(parents):
    found = children_first(edges(parents))
    assert set(found) == edges(parents)
    for place, (child, _) in enumerate(found):
        assert all(parent != child for _, parent in found[place:])
