"""Units lie between the nodes whose tie groups are as large or larger, and as small or smaller."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.kernels.ties import Ties
from invert_core.nulls.nodes import Node, places_of, profile_of


def unit(n_below, n_tied, n_above):
    """Values of which some below and above are untied."""
    rng = np.random.default_rng(0)
    values = [-1 - rng.random(n_below), np.zeros(n_tied), 1 + rng.random(n_above)]
    return rng.permutation(np.concatenate(values))


def between(values):
    places = places_of(Ties.of([values]))
    return [places.nodes[one] for one in (places.above[0], places.below[0]) if one >= 0]


def test_untied_units_share_one_node_whatever_small_ties_they_have():
    assert between(unit(0, 1, 999)) == [Node(1000)] * 2
    assert between(unit(300, 49, 651)) == [Node(1000)] * 2


def test_a_unit_of_many_zeros_lies_between_two_nodes():
    # 1000 / sqrt(2) ** 2 = 500 and 1000 / sqrt(2) ** 3 = 353.6
    assert between(unit(0, 600, 400)) == [Node(500), Node(354)]


def test_a_unit_that_is_exactly_like_a_node_has_this_one():
    assert between(unit(0, 500, 500)) == [Node(500)] * 2


def test_a_unit_that_is_capped_lies_between_nodes_whose_highest_samples_are_tied():
    assert between(unit(400, 600, 0)) == [Node(500, is_highest=True), Node(354, is_highest=True)]


@pytest.mark.parametrize(
    "values",
    [
        unit(300, 400, 300),
        unit(1, 980, 19),
        unit(19, 980, 1),
        np.concatenate([unit(0, 500, 400), np.full(100, 9.0)]),
        np.repeat([1.0, 2.0, 3.0], 300),
        np.zeros(100),
    ],
    ids=["tied in the middle", "one below", "one above", "capped, too", "three values", "constant"],
)
def test_units_that_are_unlike_all_nodes_have_none(values):
    assert between(values) == []


@given(st.integers(2, 3000).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n - 1))))
def test_both_nodes_are_within_a_factor_of_root_two(case):
    n_samples, n_untied = case
    found = between(unit(0, n_samples - n_untied, n_untied))
    if n_samples - n_untied < max(2, 0.05 * n_samples):
        assert found == [Node(n_samples)] * 2
        return
    above, below = (node.n_untied for node in found)
    assert below <= n_untied <= above
    assert above / below <= math.sqrt(2) * (1 + 1 / below)


def test_places_are_those_of_each_unit_alone():
    units = [unit(0, 600, 400), unit(0, 1, 999), unit(400, 600, 0), unit(300, 400, 300)]
    places = places_of(Ties.of(units))
    for number, values in enumerate(units):
        own = [places.nodes[one[number]] for one in places[1:] if one[number] >= 0]
        assert own == between(values)


@pytest.mark.parametrize("node", [Node(1000), Node(500), Node(3), Node(400, is_highest=True)])
def test_the_profile_of_a_node_is_that_of_such_values(node):
    n_tied = 1000 - node.n_untied
    values = unit(node.n_untied, n_tied, 0) if node.is_highest else unit(0, n_tied, node.n_untied)
    tie_sums, ties = profile_of(node, 1000, 2)
    assert tie_sums == [n_tied**3 - n_tied] * 2
    expected = Ties.of([values, values])
    assert [array.tolist() for array in ties] == [array.tolist() for array in expected]
